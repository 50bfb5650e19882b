package vicitest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

const lookupCall = "Y1126114400000402027"

// lookupSetups bring about the conditions of the observed lookups; the others need no more than the
// usual agents and call.
var lookupSetups = map[string]func(srv *vicitest.Server, form url.Values){
	"pipes and commas in name and code": func(srv *vicitest.Server, _ url.Values) { addSecond(srv) },
	"a line end in the name":            named("Remote\nOne"),
	"markup in the name":                named("<b>One</b> & Co"),
	"a tab in the code":                 coded("A\tB"),
	"no code":                           coded(""),
	"the call is not listed any more":   func(srv *vicitest.Server, _ url.Values) { srv.Delist(lookupCall) },
	"ready, no call":                    status("READY"),
	"paused, no call":                   status("PAUSED"),
	"waiting for an inbound call":       status("CLOSER"),
	"an on-hook agent's telephone rings": func(srv *vicitest.Server, _ url.Values) {
		srv.AddAgent(vicitest.Agent{User: "1028", FullName: "Remote One", Ringing: true})
	},
	"two agents with one lead": func(srv *vicitest.Server, _ url.Values) {
		srv.AddAgent(vicitest.Agent{User: "1030", Status: "INCALL", CallID: lookupCall})
	},
	"not logged in": func(srv *vicitest.Server, _ url.Values) { srv.LogOff("1028") },
	"a remote agent's line without a user of its own": func(srv *vicitest.Server, _ url.Values) {
		srv.AddAgent(vicitest.Agent{User: "1031", NoUser: true})
	},
	"wrong password":       func(_ *vicitest.Server, form url.Values) { form.Set("pass", "S3cretWrong") },
	"unknown account":      func(_ *vicitest.Server, form url.Values) { form.Set("user", "nobody"); form.Set("pass", "S3cretWrong") },
	"inactive account":     account(func(u *vicitest.User) { u.Active = false }),
	"no View Reports":      account(func(u *vicitest.User) { u.ViewReports = false }),
	"function not allowed": account(func(u *vicitest.User) { u.AllowedFunctions = " logged_in_agents " }),
	"no source":            func(_ *vicitest.Server, form url.Values) { form.Del("source") },
	"address not allowed": func(srv *vicitest.Server, _ url.Values) {
		srv.Configure(vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.1"}})
	},
	"broken vicidial_live_agents": func(srv *vicitest.Server, _ url.Values) {
		if err := srv.Inject(vicitest.Fault{Name: "database-down-500"}); err != nil {
			panic(err)
		}
	},
	"no active server":              func(srv *vicitest.Server, _ url.Values) { srv.Configure(vicitest.Settings{NoServers: true}) },
	"everybody":                     func(srv *vicitest.Server, _ url.Values) { addSecond(srv) },
	"everybody, with sub status":    func(srv *vicitest.Server, _ url.Values) { addSecond(srv) },
	"nobody":                        func(srv *vicitest.Server, _ url.Values) { srv.LogOff("1028") },
	"no View Reports, for the list": account(func(u *vicitest.User) { u.ViewReports = false }),
}

func addSecond(srv *vicitest.Server) {
	srv.AddAgent(vicitest.Agent{User: "1029", FullName: "Remote | Two"})
	srv.AddCall(vicitest.Call{ID: "V1261144000000402028", Agent: "1029", Phone: "3125551213", VendorLeadCode: "T|78,a"})
}

func named(name string) func(*vicitest.Server, url.Values) {
	return func(srv *vicitest.Server, _ url.Values) {
		srv.AddAgent(vicitest.Agent{User: "1028", FullName: name, Status: "INCALL", CallID: lookupCall})
	}
}

func coded(code string) func(*vicitest.Server, url.Values) {
	return func(srv *vicitest.Server, _ url.Values) {
		srv.AddCall(vicitest.Call{ID: lookupCall, Agent: "1028", Phone: "3125551212", VendorLeadCode: code})
	}
}

func status(s string) func(*vicitest.Server, url.Values) {
	return func(srv *vicitest.Server, _ url.Values) {
		srv.AddAgent(vicitest.Agent{User: "1028", FullName: "Remote One", Status: s})
	}
}

func account(change func(*vicitest.User)) func(*vicitest.Server, url.Values) {
	return func(srv *vicitest.Server, _ url.Values) {
		u, _ := srv.User(vicitest.DefaultLookupUser)
		change(&u)
		srv.AddUser(u)
	}
}

// startLookups returns a server with agent 1028 in the call of the observed lookups.
func startLookups(t *testing.T) *vicitest.Server {
	t.Helper()
	srv := vicitest.NewServer(vicitest.Config{})
	t.Cleanup(srv.Close)
	srv.AddAgent(vicitest.Agent{User: "1028", FullName: "Remote One"})
	srv.AddCall(vicitest.Call{ID: lookupCall, Agent: "1028", Phone: "3125551212", VendorLeadCode: "TICKET77"})
	return srv
}

func lookupForm(function string, fields map[string]string) url.Values {
	form := url.Values{
		"source": {"test"}, "user": {vicitest.DefaultLookupUser}, "pass": {vicitest.DefaultLookupPass}, "function": {function},
	}
	for name, value := range fields {
		form.Set(name, value)
	}
	return form
}

func askLookup(t *testing.T, srv *vicitest.Server, form url.Values) (int, string) {
	t.Helper()
	resp, err := http.PostForm(srv.URL+"/vicidial/non_agent_api.php", form)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func TestObservedLookups(t *testing.T) {
	t.Parallel()
	rows, used := vicitest.Lookups(), 0
	for _, row := range rows {
		if row.Fields["stage"] != "tab" || row.Fields["header"] != "" {
			continue // not asked for by a client, and not computed
		}
		t.Run(row.Condition, func(t *testing.T) {
			srv := startLookups(t)
			form := lookupForm(row.Function, row.Fields)
			if set := lookupSetups[row.Condition]; set != nil {
				used++
				set(srv, form)
			}
			if status, body := askLookup(t, srv, form); status != row.Status || body != row.Body {
				t.Errorf("got %d\n%q, want %d\n%q", status, body, row.Status, row.Body)
			}
		})
	}
	if len(rows) != 36 || used != len(lookupSetups) {
		t.Errorf("%d rows, %d setups used of %d", len(rows), used, len(lookupSetups))
	}
}

func agentStatus(t *testing.T, srv *vicitest.Server, agent string) string {
	t.Helper()
	_, body := askLookup(t, srv, lookupForm("agent_status", map[string]string{"stage": "tab", "agent_user": agent}))
	return strings.TrimSuffix(body, "\n")
}

func listAgents(t *testing.T, srv *vicitest.Server) string {
	t.Helper()
	_, body := askLookup(t, srv, lookupForm("logged_in_agents", map[string]string{"stage": "tab"}))
	return body
}

func TestLookupsAfterAHangup(t *testing.T) {
	t.Parallel()
	srv := startLookups(t)
	id := srv.NextCallID('M')
	srv.AddAgent(vicitest.Agent{User: "1029"})
	srv.AddCall(vicitest.Call{ID: id, Agent: "1029", Phone: "13125550100"})
	if got := agentStatus(t, srv, "1029"); !strings.HasPrefix(got, "INCALL\t"+id+"\t") || !strings.HasSuffix(got, "\t13125550100\t\t8600") {
		t.Errorf("a manual call: %q", got)
	}
	post(t, srv, form("value", id, "agent_user", "1029"))
	if got := agentStatus(t, srv, "1029"); !strings.HasPrefix(got, "READY\t\t0\t") {
		t.Errorf("after the hang-up: %q", got)
	}
	srv.AddAgent(vicitest.Agent{User: "1029", Status: "QUEUE", CallID: lookupCall})
	if got := agentStatus(t, srv, "1029"); !strings.HasPrefix(got, "QUEUE\t"+lookupCall) {
		t.Errorf("while it rings: %q", got)
	}
	srv.AddAgent(vicitest.Agent{User: "1029", Status: "PAUSED", Lead: "402027"})
	if got := agentStatus(t, srv, "1029"); !strings.Contains(got, "\tDISPO\t") {
		t.Errorf("after the call: %q", got)
	}
	srv.Restart()
	if got := agentStatus(t, srv, "1028"); !strings.Contains(got, lookupCall) || !strings.Contains(got, "\tDEAD\t") {
		t.Errorf("after a restart: %q", got)
	}
}

func TestLookupAccounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*vicitest.User)
		status string // of agent 1028, its beginning
		list   string
	}{
		"its group may view others only":      {func(u *vicitest.User) { u.ViewableGroups = []string{"SALES"} }, "ERROR: agent_status AGENT NOT FOUND: lookup|1028", "ERROR: logged_in_agents NO LOGGED IN AGENTS: lookup|\n"},
		"its group may view the agent's":      {func(u *vicitest.User) { u.ViewableGroups = []string{"AGENTS"} }, "INCALL\t", "1028\t"},
		"its group has another campaign":      {func(u *vicitest.User) { u.Campaigns = []string{"OTHER"} }, "INCALL\t", "ERROR: logged_in_agents NO LOGGED IN AGENTS: lookup|\n"},
		"no agent API access":                 {func(u *vicitest.User) { u.AgentAPI = false }, "ERROR: agent_status USER DOES NOT HAVE PERMISSION TO GET AGENT INFO: |lookup|0|", "ERROR: logged_in_agents USER"},
		"level 6":                             {func(u *vicitest.User) { u.Level = 6 }, "ERROR: Login incorrect, please try again: |lookup|L00kup77|BAD|", "ERROR: Login incorrect"},
		"a password with what it would strip": {func(u *vicitest.User) { u.Pass = "L00kup.77" }, "ERROR: Login incorrect", "ERROR: Login incorrect"},
	} {
		srv := startLookups(t)
		account(tt.change)(srv, nil)
		if got := agentStatus(t, srv, "1028"); !strings.HasPrefix(got, tt.status) {
			t.Errorf("%s: agent_status %q, want %q", name, got, tt.status)
		}
		if got := listAgents(t, srv); !strings.HasPrefix(got, tt.list) {
			t.Errorf("%s: logged_in_agents %q, want %q", name, got, tt.list)
		}
	}
}

// VICIdial counts a lookup below level 7 as a failed login, and then refuses hang-ups with the same account too.
func TestLookupsBelowLevel7LockTheAccount(t *testing.T) {
	t.Parallel()
	srv := startLookups(t)
	u := vicitest.APIUser(vicitest.DefaultLookupUser, vicitest.DefaultLookupPass)
	srv.AddUser(u)
	for range 20 {
		agentStatus(t, srv, "1028")
	}
	if got := agentStatus(t, srv, "1028"); got != "ERROR: Too many login attempts, try again in 15 minutes: |lookup|LOCK|" {
		t.Errorf("lookup 21: %q", got)
	}
	if got := verdict(t, srv, "user", vicitest.DefaultLookupUser, "pass", vicitest.DefaultLookupPass); got != "LOCK" {
		t.Errorf("the agent API says %q", got)
	}
	u = vicitest.LookupUser(vicitest.DefaultLookupUser, vicitest.DefaultLookupPass)
	u.FailedLogins = 9
	srv.AddUser(u)
	agentStatus(t, srv, "1028")
	if u, _ := srv.User(vicitest.DefaultLookupUser); u.FailedLogins != 0 {
		t.Errorf("%d failures after a good lookup", u.FailedLogins)
	}
}

func TestFaultsOfLookups(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		"busy-503": "503", "database-down-500": "500", "database-down": "200 MySQL connect ERROR", "empty": "200", "garbage": "200 <html>",
		"calls-table-broken": "200 INCALL\t" + lookupCall, "agents-table-broken": "200 ERROR: agent_status AGENT NOT LOGGED IN",
		"warnings": "200 <br />", "translated": "200 INCALL", "other-call": "200 INCALL\t" + lookupCall, "proxy-502": "502 <html>",
	} {
		srv := startLookups(t)
		inject(t, srv, vicitest.Fault{Name: fault})
		code, body := askLookup(t, srv, lookupForm("agent_status", map[string]string{"stage": "tab", "agent_user": "1028"}))
		if got := fmt.Sprintf("%d %s", code, strings.TrimSpace(body)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", fault, got, want)
		}
	}
	srv := startLookups(t)
	inject(t, srv, vicitest.Fault{Name: "busy-503", Stage: "agent_status", Times: 1})
	if got := listAgents(t, srv); !strings.HasPrefix(got, "1028\t") {
		t.Errorf("a fault for agent_status applied to logged_in_agents: %q", got)
	}
	agentStatus(t, srv, "1028")
	requests := srv.Requests()
	if r := requests[1]; r.Kind() != "agent_status" || r.Fault != "busy-503" || r.AgentUser != "1028" || srv.Count("logged_in_agents") != 1 {
		t.Errorf("recorded %+v", r)
	}
}
