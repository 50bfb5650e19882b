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
			f := newFixture(t)
			f.now = func() time.Time { return time.Unix(clock.Load(), 0) }
			f.use(vicitest.NewServer(vicitest.Config{Now: f.now}))
			f.account["pass"] = pass
			d := f.doctor()
			before, agents := f.srv.Calls(), f.srv.Agents()
			for range runs {
				d.Examine(t.Context())
				clock.Add(1)
			}
			if !slices.Equal(f.srv.Calls(), before) || !slices.Equal(f.srv.Agents(), agents) || len(f.srv.ManagerRows()) > 0 || f.srv.Count("HANGUP") > 0 {
				t.Errorf("VICIdial's tables changed: %+v, %+v", f.srv.Calls(), f.srv.Agents())
			}
			u, _ := f.srv.User(vicitest.DefaultUser)
			if u.FailedLogins >= 10 && u.LastLogin > clock.Load()-900 || strings.Contains(pass, "another") != (f.srv.FailedLogins() > 0) {
				t.Errorf("%d failed logins, %+v", f.srv.FailedLogins(), u)
			}
			if u.Pass = vicitest.DefaultPass; pass != u.Pass && f.srv.FailedLogins() > runs/900+1 {
				t.Errorf("%d failed logins in %d s", f.srv.FailedLogins(), runs)
			}
			if n := f.srv.Count("version"); n != runs {
				t.Errorf("%d examinations reached VICIdial, want %d", n, runs)
			}
		})
	}
}

func TestLatchedAccountIsNotTried(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().Unix())
	f := newFixture(t)
	f.now = func() time.Time { return time.Unix(clock.Load(), 0) }
	f.account["pass"] = "another"
	d := f.doctor()
	d.Examine(t.Context())
	clock.Add(10)
	r := d.Examine(t.Context())
	f.checkHarmless(r)
	if f := r.Findings[0]; f.Fault != "credentials_rejected" || !strings.Contains(f.What, "not asked again") || r.Account.Tries != 0 {
		t.Errorf("%+v, %+v", f, r.Account)
	}
	for _, put := range []struct {
		text    string
		healthy bool
	}{{f.text, false}, {strings.Replace(f.text, "another", vicitest.DefaultPass, 1), true}} {
		if _, err := f.secrets.Put(f.env["VICIDIAL_SECRET_ARN"], put.text); err != nil {
			t.Fatal(err)
		}
		clock.Add(31) // by now a cached secret is fetched again
		if r := d.Examine(t.Context()); r.Healthy != put.healthy || r.Account.Tries != 1 {
			t.Errorf("a new version of the secret is not tried: %+v, %+v", r.Findings, r.Account)
		}
	}
}

func TestAddressesOfANameAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.account["url"] = strings.Replace(f.srv.URL, "127.0.0.1", "localhost", 1)
	if s := f.examine().Servers[0]; !slices.Contains(s.Addresses, "127.0.0.1") || s.From == "" {
		t.Errorf("%+v", s)
	}
}
