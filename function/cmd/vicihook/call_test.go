package main

import (
	"reflect"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

// newFindable starts a VICIdial whose agent 1028 is in a call with a phone and a code. Agent 1029 is in another, 1030 in none.
func newFindable(t *testing.T) (srv *vicitest.Server, id, other string, env map[string]string) {
	t.Helper()
	srv = vicitest.NewServer(vicitest.Config{})
	t.Cleanup(srv.Close)
	srv.AddRemoteAgent(1028, 3)
	id, other = srv.NextCallID('Y'), srv.NextCallID('V')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028", Phone: "3125551212", VendorLeadCode: "TICKET77"})
	srv.AddCall(vicitest.Call{ID: other, Agent: "1029", Phone: "3125551213"})
	env = map[string]string{
		"VICIDIAL_URL": srv.URL, "VICIDIAL_USER": vicitest.DefaultUser, "VICIDIAL_PASS": vicitest.DefaultPass,
		"VICIDIAL_LOOKUP_USER": vicitest.DefaultLookupUser, "VICIDIAL_LOOKUP_PASS": vicitest.DefaultLookupPass,
	}
	return srv, id, other, env
}

// searches name a call by what a helpdesk knows. ID is 1028's call, LEAD its lead.
var searches = map[string]struct {
	args    []string
	status  int
	printed string
	hungUp  bool
}{
	"an agent and a phone find the call":        {args("check --agent 1028 --phone", "+1 (312) 555-1212"), statusOK, "outcome   would_hang_up\ncall      ID of agent 1028\n", false},
	"an agent and a lead find the call":         {args("check --agent-user 1028 --lead LEAD"), statusOK, "outcome   would_hang_up\n", false},
	"a ticket alone finds the call":             {args("check --vendor-lead-code TICKET77"), statusOK, "call      ID of agent 1028\n", false},
	"a call id is confirmed":                    {args("check --call-id ID --agent 1028 --phone 3125551212"), statusOK, "outcome   would_hang_up\n", false},
	"another phone is another call":             {args("check --agent 1028 --phone 3125559999"), statusOK, "outcome   other_call\n", false},
	"an agent in no call":                       {args("check --agent 1030 --phone 3125551212"), statusOK, "outcome   no_active_call\n", false},
	"nobody has such a ticket":                  {args("check --vendor-lead-code NONE"), statusOK, "outcome   no_active_call\n", false},
	"an agent that is unknown":                  {args("check --agent 9999 --phone 3125551212"), statusFailed, "outcome   invalid_request\n", false},
	"a call that was found is hung up":          {args("hangup --yes --agent 1028 --phone 3125551212 --disposition SALE"), statusOK, "outcome   hungup\n", true},
	"a ticket alone hangs up":                   {args("hangup --yes --json --vendor-lead-code TICKET77"), statusOK, `"outcome":"hungup","call_id":"ID","agent_user":"1028"`, true},
	"another call is not hung up":               {args("hangup --yes --agent 1028 --phone 3125559999"), statusOK, "outcome   other_call\n", false},
	"an agent alone is refused":                 {args("hangup --yes --agent 1028 --call-id="), statusUsage, "--lead, --phone or --vendor-lead-code", false},
	"a phone of six digits is refused":          {args("hangup --yes --agent 1028 --phone 312555"), statusUsage, "7 to 20 digits", false},
	"a lead that is no number is refused":       {args("check --lead abc"), statusUsage, "whole number", false},
	"a call id of the environment is ignored":   {args("check --agent 1028 --phone 3125551212"), statusOK, "call      ID of agent 1028\n", false},
	"a disposition that is too long is refused": {args("hangup --yes --agent 1028 --phone 3125551212 --disposition TOOLONG"), statusUsage, "disposition must be", false},
}

func TestFindingACall(t *testing.T) {
	t.Parallel()
	for name, test := range searches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, id, other, env := newFindable(t)
			env["VICIHOOK_CALL_ID"] = other
			line := make([]string, len(test.args))
			for i, word := range test.args {
				line[i] = strings.NewReplacer("LEAD", strings.TrimLeft(id[10:], "0"), "ID", id).Replace(word)
			}
			r := vicihook(t, call{args: line, env: env})
			r.check(t, test.status, strings.ReplaceAll(test.printed, "ID", id))
			if srv.Listed(id) == test.hungUp || !srv.Listed(other) {
				t.Errorf("the call is listed: %t; the other one: %t", srv.Listed(id), srv.Listed(other))
			}
			if strings.Contains(r.stdout+r.stderr, vicitest.DefaultLookupPass) {
				t.Errorf("the output shows the password:\n%s%s", r.stdout, r.stderr)
			}
		})
	}
}

func TestCallsListsAgents(t *testing.T) {
	t.Parallel()
	_, id, other, env := newFindable(t)
	table := vicihook(t, call{args: args("calls"), env: env})
	lead := strings.TrimLeft(id[10:], "0")
	table.check(t, statusOK)
	for _, row := range []string{"AGENT STATE CALL LEAD CAMPAIGN", "1028 INCALL " + id + " " + lead + " TESTCAMP", "1030 READY TESTCAMP"} {
		if !strings.Contains(strings.Join(strings.Fields(table.stdout), " "), row) {
			t.Errorf("%q is missing: %+v", row, table)
		}
	}
	list := vicihook(t, call{args: args("calls --json"), env: env})
	agents, _ := jsonOf(t, []byte(list.stdout))["agents"].([]any)
	if len(agents) != 3 || !strings.Contains(list.stdout, other) {
		t.Fatalf("got %+v", list)
	}
	want := map[string]any{
		"state": "in_call", "agent_user": "1028", "call_id": id, "lead_id": lead, "phone": nil, "vendor_lead_code": nil, "status": "INCALL", "campaign": "TESTCAMP",
	}
	if !reflect.DeepEqual(agents[0], want) {
		t.Errorf("got %v, want %v", agents[0], want)
	}
	if free := agents[2].(map[string]any); free["state"] != "no_call" || free["call_id"] != nil {
		t.Errorf("got %v", free)
	}
}

func TestCallsReadsTheLookupAccountOfAFile(t *testing.T) {
	t.Parallel()
	_, id, _, env := newFindable(t)
	account := `{"url": "` + env["VICIDIAL_URL"] + `", "user": "6666", "pass": "S3cret", "lookup": {"user": "` + vicitest.DefaultLookupUser + `", "pass": "` + vicitest.DefaultLookupPass + `"}}`
	vicihook(t, call{args: args("calls --account -"), stdin: account}).check(t, statusOK, id)
}

func TestCallsWithoutAgents(t *testing.T) {
	t.Parallel()
	empty := vicitest.NewServer(vicitest.Config{})
	t.Cleanup(empty.Close)
	_, _, _, env := newFindable(t)
	without := map[string]string{"VICIDIAL_URL": empty.URL, "VICIDIAL_USER": "6666", "VICIDIAL_PASS": "x1"}
	for name, test := range map[string]struct {
		line    string
		env     map[string]string
		change  map[string]string
		status  int
		printed string
	}{
		"nobody is logged in":           {"calls", env, map[string]string{"VICIDIAL_URL": empty.URL}, statusOK, "no agent is logged in\n"},
		"nobody is logged in, as JSON":  {"calls --json", env, map[string]string{"VICIDIAL_URL": empty.URL}, statusOK, `{"agents":[]}`},
		"there is no lookup account":    {"calls", without, nil, statusFailed, "lookup is missing"},
		"the lookup account is refused": {"calls --json", env, map[string]string{"VICIDIAL_LOOKUP_PASS": "another"}, statusFailed, `{"outcome":"credentials_rejected","message":`},
		"VICIdial does not answer":      {"calls", env, map[string]string{"VICIDIAL_URL": "http://127.0.0.1:1"}, statusNoAnswer, "outcome   unavailable\n"},
	} {
		changed := map[string]string{}
		for _, some := range []map[string]string{test.env, test.change} {
			for key, value := range some {
				changed[key] = value
			}
		}
		t.Run(name, func(t *testing.T) {
			vicihook(t, call{args: args(test.line), env: changed}).check(t, test.status, test.printed)
		})
	}
}
