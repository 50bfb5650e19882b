package vicitest_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vicihook/vicicall/vicitest"
)

// A setup brings one observed condition about through the exported API.
type setup struct {
	settings vicitest.Settings
	account  func(*vicitest.User)
	send     []string // name, value, name, value … in place of the usual ones, in the usual order
	leaveOut string   // a parameter that is not sent
	fault    string
	agent    string // logged in besides 1028 and 2000
}

// usual is the request of the observations, in their order.
var usual = []string{"source", "test", "user", "6666", "pass", "S3cret", "function", "ra_call_control",
	"agent_user", "1028", "value", callID, "stage", "HANGUP", "status", "A"}

const unlisted = "Y1221052110000000001"

// setups are the conditions of 2.14-82 that are computed; the others are staged.
var setups = map[string]setup{
	"HANGUP, agent logged in, call listed, status=A":                                             {},
	"HANGUP without status (lead gets RAXFER)":                                                   {leaveOut: "status"},
	"HANGUP, status longer than 6, non-strict SQL (truncated to TOOLON)":                         {send: []string{"status", "TOOLONGSTATUS"}},
	"HANGUP, agent_user logged in but the call belongs to another agent (ownership not checked)": {send: []string{"agent_user", "2000"}},
	"HANGUP of a call still waiting in queue, attached to no agent":                              {},
	"call id not in vicidial_auto_calls (ended, never existed, or already hung up)":              {send: []string{"value", unlisted}},
	"agent_user has no vicidial_live_agents row":                                                 {send: []string{"agent_user", "1999"}},
	"value empty":                    {send: []string{"value", ""}},
	"agent_user empty":               {send: []string{"agent_user", ""}},
	"stage empty":                    {send: []string{"stage", ""}},
	"stage in lower case, live call": {send: []string{"stage", "hangup"}},
	"stage=CHECK on a live call (usable as a dry run: call is listed)": {send: []string{"stage", "CHECK"}},
	"wrong password":                               {account: func(u *vicitest.User) { u.Pass = "Another1" }},
	"right password, vdc_agent_api_access=0":       {account: func(u *vicitest.User) { u.AgentAPI = false }},
	"unknown API user":                             {send: []string{"user", "nosuch"}},
	"API user inactive (active=N)":                 {account: func(u *vicitest.User) { u.Active = false }},
	"API user level 1":                             {account: func(u *vicitest.User) { u.Level = 1 }},
	"locked account, right password":               {account: func(u *vicitest.User) { u.FailedLogins, u.LastLogin = 10, observedAt.Unix() }},
	"no active Asterisk server row":                {settings: vicitest.Settings{NoServers: true}},
	"API IP list set and caller not on it":         {settings: vicitest.Settings{IPLists: true}, account: func(u *vicitest.User) { u.AllowedIPs = []string{"203.0.113.x"} }},
	"function not in api_allowed_functions":        {account: func(u *vicitest.User) { u.AllowedFunctions = " external_hangup " }},
	"source of 1 character":                        {send: []string{"source", "z"}},
	"source missing (also what a JSON body gives)": {leaveOut: "source"},
	"password with a character the API strips (configured S3cret! on both sides)": {
		account: func(u *vicitest.User) { u.Pass = "S3cret!" }, send: []string{"pass", "S3cret!"}},
	"agent_user with an underscore, agent logged in":                                    {agent: "ra_28", send: []string{"agent_user", "ra_28"}},
	"system setting vdc_agent_api_active=0":                                             {settings: vicitest.Settings{APIInactive: true}},
	"unknown function name":                                                             {send: []string{"function", "ra_call_kontrol"}},
	"translated language for the API user, success path (nothing is executed)":          {account: spanish},
	"translated language, error path":                                                   {account: spanish, send: []string{"value", unlisted}},
	"QueueMetrics logging on and its MySQL unreachable; PHP >= 8.1, display_errors off": {fault: "success-then-500"},
	"QueueMetrics logging on and its MySQL unreachable; PHP < 8.1 behaviour (mysqli does not throw), display_errors off": {fault: "success-then-refused"},
	"QueueMetrics logging on and its MySQL unreachable; PHP >= 8.1, display_errors on":                                   {fault: "success-then-fatal"},
	"strict SQL mode; PHP >= 8.1 (mysqli throws), display_errors off":                                                    {fault: "strict-sql-500"},
	"strict SQL mode; PHP < 8.1 behaviour (errors ignored): SUCCESS but no hangup row was written":                       {fault: "strict-sql-clean"},
	"strict SQL mode and status longer than 6; PHP >= 8.1":                                                               {fault: "strict-sql-500", send: []string{"status", "TOOLONGSTATUS"}},
	"PHP warnings displayed (PHP 8, display_errors=On, E_ALL & ~E_DEPRECATED & ~E_STRICT), success":                      {fault: "warnings"},
	"PHP warnings displayed, no active call":                                                                             {fault: "warnings", send: []string{"value", unlisted}},
	"PHP warnings displayed, wrong password":                                                                             {fault: "warnings", account: func(u *vicitest.User) { u.Pass = "Another1" }},
	"VICIdial database unreachable; PHP >= 8.1, display_errors off":                                                      {fault: "database-down-500"},
	"VICIdial database unreachable; PHP < 8.1 behaviour, display_errors off":                                             {fault: "database-down"},
	"VICIdial database unreachable; PHP >= 8.1, display_errors on":                                                       {fault: "database-down-shown"},
	"black-listed source address (system_ip_blacklist)":                                                                  {settings: vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.1"}}},
}

func spanish(u *vicitest.User) { u.Words = vicitest.Spanish() }

var observedAt = time.Unix(1795343640, 0).UTC()

// echoedTime is in the query that a refusal echoes: 900 seconds before the request.
var echoedTime = regexp.MustCompile(`last_login_date\) < (\d+)`)

func TestComputedObservations(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range vicitest.Observations() {
		if !computed(o) {
			continue
		}
		set := setups[o.Condition]
		seen[o.Condition] = true
		t.Run(o.Version+"/"+o.Condition, func(t *testing.T) {
			t.Parallel()
			replay(t, o, set)
		})
	}
	if len(seen) != len(setups) {
		t.Errorf("%d conditions replayed, %d setups", len(seen), len(setups))
	}
}

func computed(o vicitest.Observation) bool {
	_, ok := setups[o.Condition]
	return ok && o.Version == vicitest.Version
}

func replay(t *testing.T, o vicitest.Observation, set setup) {
	srv := vicitest.NewServer(vicitest.Config{Settings: set.settings, Now: func() time.Time { return clockOf(o) }})
	defer srv.Close()
	set.prepare(t, srv, o)
	body, id := set.request()
	before := look(srv, id)
	got := ask(t, srv, body)
	if want := strings.TrimSpace(o.ContentType); got.kind != want || got.status != o.Status {
		t.Errorf("got %d %s, want %d %s", got.status, got.kind, o.Status, want)
	}
	if got.body != o.Body {
		t.Errorf("got body\n%s\nwant\n%s", got.body, o.Body)
	}
	want := o.Effect
	if o.Derived { // its evidence names the account alone
		want.Logged = true
	}
	if effect := before.effect(srv, id); effect != want {
		t.Errorf("got effect %+v, want %+v", effect, want)
	}
}

// clockOf returns the time of the observation if its body has it.
func clockOf(o vicitest.Observation) time.Time {
	if m := echoedTime.FindStringSubmatch(o.Body); m != nil {
		then, _ := strconv.ParseInt(m[1], 10, 64)
		return time.Unix(then+900, 0)
	}
	return observedAt
}

func (set setup) prepare(t *testing.T, srv *vicitest.Server, o vicitest.Observation) {
	t.Helper()
	if set.account != nil {
		u, _ := srv.User(vicitest.DefaultUser)
		set.account(&u)
		srv.AddUser(u)
	}
	srv.AddRemoteAgent(1028, 1)
	srv.AddAgent(vicitest.Agent{User: "2000"})
	if set.agent != "" {
		srv.AddAgent(vicitest.Agent{User: set.agent})
	}
	holder := "1028"
	if strings.Contains(o.Condition, "in queue") {
		holder = ""
	}
	srv.AddCall(vicitest.Call{ID: callID, Agent: holder})
	if set.fault != "" {
		if err := srv.Inject(vicitest.Fault{Name: set.fault}); err != nil {
			t.Fatal(err)
		}
	}
}

// request returns the body of the request and the call id that it acts on.
func (set setup) request() (body, id string) {
	pairs := slices.Clone(usual)
	for i := 0; i < len(set.send); i += 2 {
		if at := slices.Index(usual, set.send[i]); at >= 0 {
			pairs[at+1] = set.send[i+1]
		} else {
			pairs = append(pairs, set.send[i], set.send[i+1])
		}
	}
	if at := slices.Index(pairs, set.leaveOut); set.leaveOut != "" && at >= 0 {
		pairs = slices.Delete(pairs, at, at+2)
	}
	id = callID
	if at := slices.Index(pairs, "value"); at >= 0 {
		id = pairs[at+1]
	}
	return encode(pairs), id
}

func encode(pairs []string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(parts, "&")
}

type got struct {
	status     int
	kind, body string
	header     http.Header
}

// ask posts a form body and follows no redirect.
func ask(t *testing.T, srv *vicitest.Server, body string) got {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Post(srv.URL+"/agc/api.php", "application/x-www-form-urlencoded", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	status, text := read(t, resp)
	return got{status, resp.Header.Get("Content-Type"), text, resp.Header}
}

// A snapshot is the state before a request.
type snapshot struct {
	listed                 bool
	agent                  vicitest.Agent
	orders, rows, failures int
}

func look(srv *vicitest.Server, id string) snapshot {
	u, _ := srv.User(vicitest.DefaultUser)
	return snapshot{
		listed: srv.Listed(id), agent: srv.Agents()[0], orders: len(srv.ManagerRows()),
		rows: srv.APILogRows(), failures: u.FailedLogins,
	}
}

// effect returns what changed since, as an observation has it.
func (before snapshot) effect(srv *vicitest.Server, id string) vicitest.Effect {
	after := look(srv, id)
	state, _ := srv.Call(id)
	e := vicitest.Effect{
		Delisted: before.listed && !after.listed, Booked: state.Disposition,
		Ready:  before.agent.Status == "INCALL" && after.agent.Status == "READY",
		Logged: after.rows > before.rows, FailedLogins: after.failures - before.failures,
	}
	e.KeepsCall = e.Ready && after.agent.CallID != ""
	if after.orders > before.orders {
		e.Order = srv.ManagerRows()[after.orders-1].Action
	}
	return e
}

func TestStagedObservations(t *testing.T) {
	t.Parallel()
	staged := 0
	for _, o := range vicitest.Observations() {
		if computed(o) {
			continue
		}
		staged++
		t.Run(o.Version+"/"+o.Condition, func(t *testing.T) {
			t.Parallel()
			stageAndAsk(t, o)
		})
	}
	if staged == 0 {
		t.Error("no observation is staged")
	}
}

func stageAndAsk(t *testing.T, o vicitest.Observation) {
	srv := start(t, vicitest.Config{})
	fault := vicitest.Observed(o.Version, o.Condition)
	fault.Times = 1
	inject(t, srv, fault)
	before := look(srv, callID)
	got := ask(t, srv, encode(usual))
	if got.status != o.Status || got.body != o.Body || got.kind != o.ContentType {
		t.Errorf("got %d %s %q", got.status, got.kind, got.body)
	}
	scripted := o.ContentType == "text/html; charset=utf-8" && o.Version != "any"
	if caching := got.header.Get("Cache-Control") != ""; caching != scripted {
		t.Errorf("headers that forbid caching: %t, want %t", caching, scripted)
	}
	if e := before.effect(srv, callID); e != o.Effect {
		t.Errorf("got effect %+v, want %+v", e, o.Effect)
	}
	if lineUp := o.Effect.Order != "Hangup"; srv.LineUp(callID) != lineUp {
		t.Errorf("line up: %t, want %t", !lineUp, lineUp)
	}
	if answer := ask(t, srv, encode(usual)); len(srv.Requests()) != 2 || answer.status != 200 {
		t.Errorf("the fault applied to the next request too: %+v", answer)
	}
}
