package vicicall_test

import (
	"errors"
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

var probes = map[string]struct {
	change func(*vicitest.User)
	fault  string
	want   vicicall.Outcome
}{
	"a good account":                {nil, "", vicicall.AgentNotLoggedIn},
	"a wrong password":              {func(u *vicitest.User) { u.Pass = "another" }, "", vicicall.CredentialsRejected},
	"no access":                     {func(u *vicitest.User) { u.AgentAPI = false }, "", vicicall.APIAccessDenied},
	"no permission":                 {func(u *vicitest.User) { u.AllowedFunctions = " version " }, "", vicicall.PermissionDenied},
	"another language":              {func(u *vicitest.User) { u.Words = vicitest.Spanish() }, "", vicicall.UnexpectedReply},
	"a page in place of the answer": {nil, "garbage", vicicall.UnexpectedReply},
	"a proxy's page":                {nil, "proxy-502", vicicall.Unavailable},
	"a lost answer":                 {nil, "reset", vicicall.Unavailable},
	"a database that is down":       {nil, "database-down", vicicall.Unavailable},
	"a redirect":                    {nil, "redirect", vicicall.Misconfigured},
}

func TestProbeSendsOneRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range probes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := vicitest.NewServer(vicitest.Config{})
			defer srv.Close()
			if tt.change != nil {
				u := vicitest.APIUser(vicitest.DefaultUser, vicitest.DefaultPass)
				tt.change(&u)
				srv.AddUser(u)
			}
			if tt.fault != "" {
				if err := srv.Inject(vicitest.Fault{Name: tt.fault}); err != nil {
					t.Fatal(err)
				}
			}
			c := vicicall.New(vicicall.Config{})
			defer c.Close()
			cred := vicicall.Credentials{URLs: []string{srv.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass}
			r, err := c.Probe(t.Context(), cred, 0)
			if r.Outcome != tt.want || (err == nil) != (tt.want == vicicall.AgentNotLoggedIn) || err != nil && !errors.Is(err, tt.want) {
				t.Errorf("%+v, %v, want %s", r, err, tt.want)
			}
			if srv.Count("") != 1 || srv.Count("CHECK") != 1 || r.Checks != 1 {
				t.Errorf("%d requests, %d CHECK, %+v", srv.Count(""), srv.Count("CHECK"), r)
			}
		})
	}
}

func TestProbeStartsAtItsServerAndLatches(t *testing.T) {
	t.Parallel()
	first, second := vicitest.NewServer(vicitest.Config{}), vicitest.NewServer(vicitest.Config{})
	defer first.Close()
	defer second.Close()
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	cred := vicicall.Credentials{URLs: []string{first.URL, second.URL}, User: vicitest.DefaultUser, Pass: "another"}
	for _, ask := range []func() (vicicall.Result, error){
		func() (vicicall.Result, error) { return c.Probe(t.Context(), cred, 1) },
		func() (vicicall.Result, error) { return c.Probe(t.Context(), cred, 0) },
		func() (vicicall.Result, error) { return c.Check(t.Context(), cred, theCall()) },
	} {
		if r, err := ask(); r.Outcome != vicicall.CredentialsRejected || err == nil {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if first.Count("") != 0 || second.Count("") != 1 {
		t.Errorf("%d and %d requests, want 0 and 1", first.Count(""), second.Count(""))
	}
}
