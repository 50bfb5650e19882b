package doctor_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vicihook/vicicall/vicitest"
)

const runs = 10_000

// 10,000 examinations are nearly three hours at one each second.
func TestExaminationsChangeNothing(t *testing.T) {
	t.Parallel()
	for name, pass := range map[string]string{"with a good password": vicitest.DefaultPass, "with a wrong one": "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock atomic.Int64
			clock.Store(time.Now().Unix())
			p := newFixture(t)
			p.now = func() time.Time { return time.Unix(clock.Load(), 0) }
			p.use(vicitest.NewServer(vicitest.Config{Now: p.now}))
			p.account["pass"] = pass
			d := p.doctor()
			before, agents := p.srv.Calls(), p.srv.Agents()
			for range runs {
				d.Examine(t.Context())
				clock.Add(1)
			}
			if !slices.Equal(p.srv.Calls(), before) || !slices.Equal(p.srv.Agents(), agents) || len(p.srv.ManagerRows()) > 0 || p.srv.Count("HANGUP") > 0 {
				t.Errorf("VICIdial's tables changed: %+v, %+v", p.srv.Calls(), p.srv.Agents())
			}
			u, _ := p.srv.User(vicitest.DefaultUser)
			if u.FailedLogins >= 10 && u.LastLogin > clock.Load()-900 || strings.Contains(pass, "another") != (p.srv.FailedLogins() > 0) {
				t.Errorf("%d failed logins, %+v", p.srv.FailedLogins(), u)
			}
			if u.Pass = vicitest.DefaultPass; pass != u.Pass && p.srv.FailedLogins() > runs/900+1 {
				t.Errorf("%d failed logins in %d s", p.srv.FailedLogins(), runs)
			}
			if n := p.srv.Count("version"); n != runs {
				t.Errorf("%d examinations reached VICIdial, want %d", n, runs)
			}
		})
	}
}

func TestLatchedAccountIsNotTried(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().Unix())
	p := newFixture(t)
	p.now = func() time.Time { return time.Unix(clock.Load(), 0) }
	p.account["pass"] = "another"
	d := p.doctor()
	d.Examine(t.Context())
	clock.Add(10)
	r := d.Examine(t.Context())
	p.checkHarmless(r)
	if f := r.Findings[0]; f.Fault != "credentials_rejected" || !strings.Contains(f.What, "not asked again") || r.Account.Tries != 0 {
		t.Errorf("%+v, %+v", f, r.Account)
	}
	for _, put := range []struct {
		text    string
		healthy bool
	}{{p.text, false}, {strings.Replace(p.text, "another", vicitest.DefaultPass, 1), true}} {
		if _, err := p.secrets.Put(p.env["VICIDIAL_SECRET_ARN"], put.text); err != nil {
			t.Fatal(err)
		}
		clock.Add(31) // less than a held secret is served without a question
		if r := d.Examine(t.Context()); r.Healthy != put.healthy || r.Account.Tries != 1 {
			t.Errorf("a new version of the secret is not tried: %+v, %+v", r.Findings, r.Account)
		}
	}
}

func TestAddressesOfANameAreShown(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	p.account["url"] = strings.Replace(p.srv.URL, "127.0.0.1", "localhost", 1)
	if s := p.examine().Servers[0]; !slices.Contains(s.Addresses, "127.0.0.1") || s.From == "" {
		t.Errorf("%+v", s)
	}
}
