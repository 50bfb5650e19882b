package hangup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

const (
	phone      = "3125551212"
	ticket     = "TICKET77"
	phoneInRow = "312555" // no answer and no log may show so much of it
)

// newLookupFixture is a fixture whose account may look calls up, with a call of agent 1028 about a lead, a phone and a ticket.
func newLookupFixture(t *testing.T) *fixture {
	t.Helper()
	d := newFixture(t)
	d.allowLookups()
	return d
}

func (d *fixture) allowLookups() {
	d.vicidial.AddCall(vicitest.Call{ID: d.call, Agent: "1028", Phone: phone, VendorLeadCode: ticket})
	d.account.account.Lookup = &vicicall.Account{User: vicitest.DefaultLookupUser, Pass: vicitest.DefaultLookupPass}
}

// kinds lists the requests that reached VICIdial.
func (d *fixture) kinds() (kinds []string) {
	for _, r := range d.vicidial.Requests() {
		kinds = append(kinds, r.Kind())
	}
	return kinds
}

// leadOf is in the middle of each call id.
func leadOf(call string) string { return strings.TrimLeft(call[10:], "0") }

func TestFind(t *testing.T) {
	t.Parallel()
	hungUp := []string{"agent_status", "HANGUP", "CHECK"}
	for name, test := range map[string]struct {
		source, payload string
		want            hangup.Outcome
		asked           []string
	}{
		"an agent and a phone":                {"find", `{"agent_user":"1028","phone":"+1 (312) 555-1212"}`, vicicall.HungUp, hungUp},
		"an agent and a lead":                 {"find", `{"agent_user":"1028","lead":"LEAD"}`, vicicall.HungUp, hungUp},
		"an agent and a ticket":               {"find", `{"agent_user":"1028","ticket":"TICKET77"}`, vicicall.HungUp, hungUp},
		"a lead alone":                        {"find", `{"lead":"LEAD"}`, vicicall.HungUp, []string{"logged_in_agents", "agent_status", "HANGUP", "CHECK"}},
		"a phone alone":                       {"find", `{"phone":"3125551212"}`, vicicall.HungUp, []string{"logged_in_agents", "agent_status", "HANGUP", "CHECK"}},
		"another phone":                       {"find", `{"agent_user":"1028","phone":"3125559999"}`, vicicall.OtherCall, []string{"agent_status"}},
		"an agent without a call":             {"find", `{"agent_user":"1029","phone":"3125551212"}`, vicicall.NoActiveCall, []string{"agent_status"}},
		"an agent alone":                      {"find", `{"agent_user":"1028"}`, vicicall.InvalidRequest, nil},
		"a phone of six digits":               {"find", `{"agent_user":"1028","phone":"555121"}`, vicicall.InvalidRequest, nil},
		"a lead that is no number":            {"find", `{"agent_user":"1028","lead":"12a"}`, vicicall.InvalidRequest, nil},
		"a disposition that VICIdial cuts":    {"find", `{"agent_user":"1028","phone":"3125551212","disposition":"TOOLONG"}`, vicicall.InvalidRequest, nil},
		"a call id needs no lookup":           {"find", `{"agent_user":"1028","call_id":"CALL"}`, vicicall.HungUp, hungUp[1:]},
		"a call id is confirmed":              {"confirm", `{"agent_user":"1028","call_id":"CALL"}`, vicicall.HungUp, hungUp},
		"a call id of another agent is not":   {"confirm", `{"agent_user":"1029","call_id":"CALL"}`, vicicall.NoActiveCall, []string{"agent_status"}},
		"a call id that the agent had before": {"confirm", `{"agent_user":"1028","call_id":"Y1122105211000040202"}`, vicicall.OtherCall, []string{"agent_status"}},
		"the found agent is out of the scope": {"narrow", `{"phone":"3125551212"}`, hangup.NotAllowed, []string{"logged_in_agents", "agent_status"}},
		"the found call is out of the scope":  {"manual", `{"phone":"3125551212"}`, hangup.NotAllowed, []string{"logged_in_agents", "agent_status"}},
		"a dry run":                           {"find-drill", `{"agent_user":"1028","phone":"3125551212"}`, vicicall.WouldHangUp, []string{"agent_status", "CHECK"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newLookupFixture(t)
			payload := strings.NewReplacer("LEAD", leadOf(d.call), "CALL", d.call).Replace(test.payload)
			_, report := d.deliver(t, test.source, payload, nil)
			if report.Outcome != test.want {
				t.Errorf("got %s (%s), want %s", report.Outcome, report.Message, test.want)
			}
			if kinds := d.kinds(); !slices.Equal(kinds, test.asked) {
				t.Errorf("VICIdial was asked %v, want %v", kinds, test.asked)
			}
			if test.want == hangup.NotAllowed && (report.CallID != "" || report.AgentUser != "" || !strings.Contains(d.log.String(), "found call "+d.call)) {
				t.Errorf("the answer names %s of %s, and the log is %s", report.CallID, report.AgentUser, d.log.String())
			}
			if test.want == vicicall.OtherCall && (report.Reply != "" || !strings.Contains(d.log.String(), d.call)) {
				t.Errorf("the answer tells %q of a call that was not meant, and the log is %s", report.Reply, d.log.String())
			}
			ended := test.want == vicicall.HungUp
			if ended && (report.CallID != d.call || report.AgentUser != "1028") || d.vicidial.Listed(d.call) == ended {
				t.Errorf("the answer names %s of %s; listed: %v", report.CallID, report.AgentUser, d.vicidial.Listed(d.call))
			}
		})
	}
}

func TestFindSharesOneConnection(t *testing.T) {
	t.Parallel()
	d := newLookupFixture(t)
	d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212"}`, nil)
	for _, r := range d.vicidial.Requests() {
		if r.Conn != 1 {
			t.Errorf("%s came on connection %d", r.Kind(), r.Conn)
		}
	}
}

func TestFindShowsNoPhoneNoCodeAndNoName(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		`{"agent_user":"1028","phone":"3125551212","ticket":"TICKET77"}`, `{"agent_user":"1028","phone":"3125559999"}`,
		`{"phone":"3125551212","ticket":"TICKET78"}`, `{"agent_user":"3125551212","ticket":"TICKET77"}`, `{"lead":"3125551212x"}`,
	} {
		d := newLookupFixture(t)
		answer, report := d.deliver(t, "find", payload, nil)
		said := string(answer.Body) + d.log.String()
		if payload != `{"agent_user":"3125551212","ticket":"TICKET77"}` && strings.Contains(said, phoneInRow) ||
			strings.Contains(said, "TICKET") || strings.Contains(said, "Remote") {
			t.Errorf("%s is answered and logged with more than it should be: %s", payload, said)
		}
		if report.Outcome == vicicall.HungUp && !strings.Contains(d.log.String(), `"lead_id":"`+leadOf(d.call)+`"`) {
			t.Errorf("the log lacks the lead: %s", d.log.String())
		}
	}
}

// Two items may mean one call, by its id and by what it is about.
func TestFindGroupsTheItemsOfABatchByTheCallThatWasFound(t *testing.T) {
	t.Parallel()
	d := newLookupFixture(t)
	other := d.vicidial.NextCallID('Y')
	d.vicidial.AddCall(vicitest.Call{ID: other, Agent: "1029", Phone: "3125550000"})
	payload := fmt.Sprintf(`[{"agent_user":"1028","phone":"3125551212"}, {"agent_user":"1028","call_id":%q},
		{"phone":"3125550000"}, {"agent_user":"1029","phone":"3125551212"}, {"agent_user":"1028"}]`, d.call)
	_, report := d.deliver(t, "find-batch", payload, nil)
	var got []hangup.Outcome
	for _, c := range report.Calls {
		got = append(got, c.Outcome)
	}
	want := []hangup.Outcome{vicicall.HungUp, vicicall.HungUp, vicicall.HungUp, vicicall.OtherCall, vicicall.InvalidRequest}
	if !slices.Equal(got, want) || d.vicidial.Count("HANGUP") != 2 {
		t.Errorf("got %v after %d hang-ups, want %v after 2", got, d.vicidial.Count("HANGUP"), want)
	}
	if report.Calls[0].CallID != d.call || report.Calls[1].CallID != d.call || report.Calls[2].CallID != other || report.Calls[3].CallID != "" {
		t.Errorf("got %+v", report.Calls)
	}
}

func TestFindWithoutALookupAccountIsMisconfigured(t *testing.T) {
	t.Parallel()
	d := newLookupFixture(t)
	d.account.account.Lookup = nil
	answer, report := d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212"}`, nil)
	if report.Outcome != vicicall.Misconfigured || answer.Status != http.StatusInternalServerError || !strings.Contains(report.Message, "lookup") || d.vicidial.Count("") != 0 {
		t.Errorf("got %s (%s) after %d requests", report.Outcome, report.Message, d.vicidial.Count(""))
	}
}

// A lookup account that is refused must not cost the other one its calls, nor more than one failed login.
func TestFindsRefusedAccountLatchesByItself(t *testing.T) {
	t.Parallel()
	d := newLookupFixture(t)
	d.account.account.Lookup.Pass = "wrong"
	for range 3 {
		_, report := d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212"}`, nil)
		if report.Outcome != vicicall.CredentialsRejected || !strings.Contains(report.Message, "for looking calls up") {
			t.Errorf("got %s (%s)", report.Outcome, report.Message)
		}
	}
	if n := d.vicidial.Count("agent_status"); n != 1 {
		t.Errorf("%d lookups with a wrong password", n)
	}
	if _, report := d.deliver(t, "crm", payloadOf(d.call), nil); report.Outcome != vicicall.HungUp {
		t.Errorf("a named call got %s", report.Outcome)
	}
}

// Vapi reads a tool's result in this shape only, and only with the status 200.
func TestVapiAnswer(t *testing.T) {
	t.Parallel()
	d := newLookupFixture(t)
	payload := fmt.Sprintf(`{"message":{"type":"tool-calls","toolCallList":[
		{"id":"tc_1","function":{"name":"end_call","arguments":{"call_id":%q,"agent_user":"1028","disposition":"SALE"}}},
		{"id":"tc_2","function":{"name":"end_call","arguments":{"call_id":"Y1122105211000040202","agent_user":"1028","disposition":"MAYBE"}}}]}}`, d.call)
	answer, _ := d.deliver(t, "vapi", payload, nil)
	var got struct {
		Results []struct{ ToolCallID, Result string }
	}
	if err := json.Unmarshal(answer.Body, &got); err != nil || answer.Status != http.StatusOK || len(got.Results) != 2 {
		t.Fatalf("got %d %s", answer.Status, answer.Body)
	}
	for i, want := range []struct {
		id      string
		outcome hangup.Outcome
		says    string
	}{{"tc_1", vicicall.HungUp, "nothing more to do"}, {"tc_2", hangup.NotAllowed, "SALE, NI"}} {
		var report hangup.Report
		if err := json.Unmarshal([]byte(got.Results[i].Result), &report); err != nil {
			t.Fatal(err)
		}
		if got.Results[i].ToolCallID != want.id || report.Outcome != want.outcome || !strings.Contains(report.Message, want.says) {
			t.Errorf("got %+v, want %+v", got.Results[i], want)
		}
	}
	if line := d.line(t); line["outcome"] != "not_allowed" || line["status"] != 200.0 {
		t.Errorf("the line is %v", line)
	}
	if answer, _ := d.deliver(t, "vapi", payload, func(r *hangup.Request) { r.Webhook.Body[3] ^= 1 }); answer.Status != http.StatusUnauthorized {
		t.Errorf("an unsigned tool call got %d %s", answer.Status, answer.Body)
	}
}

// changing does something to VICIdial between finding the call and ending it.
type changing struct {
	hangup.VICIdial
	change func()
}

func (c changing) Find(ctx context.Context, cred vicicall.Credentials, q vicicall.Query) (vicicall.Agent, error) {
	found, err := c.VICIdial.Find(ctx, cred, q)
	c.change()
	return found, err
}

func TestFindNeverEndsACallThatCameAfterTheOneFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*fixture)
		want   hangup.Outcome
	}{
		"the call ends":            {func(d *fixture) { d.vicidial.EndCall(d.call) }, vicicall.NoActiveCall},
		"the next caller comes":    {func(d *fixture) { d.vicidial.EndCall(d.call); d.next("1028") }, vicicall.NoActiveCall},
		"the agent logs off":       {func(d *fixture) { d.vicidial.LogOff("1028") }, vicicall.AgentNotLoggedIn},
		"another agent has a call": {func(d *fixture) { d.next("1029") }, vicicall.HungUp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newLookupFixture(t)
			d.VICIdial = changing{d.VICIdial, func() { test.change(d) }}
			_, report := d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212"}`, nil)
			if report.Outcome != test.want {
				t.Errorf("got %s (%s), want %s", report.Outcome, report.Message, test.want)
			}
			d.checkOthersAreUp(t)
		})
	}
}

// Platforms repeat a tool call that timed out, and its agent may be in the next call by then.
func TestVapiRepeatedCallBooksOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments string
		repeated  hangup.Outcome
	}{
		"by call id": {`{"call_id":"CALL","agent_user":"1028","disposition":"SALE"}`, vicicall.NoActiveCall},
		"by phone":   {`{"phone":"3125551212","agent_user":"1028","disposition":"SALE"}`, vicicall.OtherCall},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newLookupFixture(t)
			payload := `{"message":{"toolCallList":[{"id":"tc_1","function":{"arguments":` + strings.Replace(test.arguments, "CALL", d.call, 1) + `}}]}}`
			for try, want := range []hangup.Outcome{vicicall.HungUp, test.repeated, test.repeated} {
				answer, _ := d.deliver(t, "vapi", payload, nil)
				if !strings.Contains(string(answer.Body), `\"outcome\":\"`+string(want)+`\"`) {
					t.Errorf("try %d: got %s, want %s", try, answer.Body, want)
				}
				if try == 0 {
					d.next("1028")
				}
			}
			if call, _ := d.vicidial.Call(d.call); d.vicidial.Count("HANGUP") > 3 || len(d.vicidial.ManagerRows()) != 1 || call.Disposition != "SALE" {
				t.Errorf("%d hang-ups, %v, booked %s", d.vicidial.Count("HANGUP"), d.vicidial.ManagerRows(), call.Disposition)
			}
			d.checkOthersAreUp(t)
		})
	}
}

// next puts the agent into another call, about another phone.
func (d *fixture) next(agent string) {
	d.vicidial.AddCall(vicitest.Call{ID: d.vicidial.NextCallID('Y'), Agent: agent, Phone: "3125559999"})
}

// checkOthersAreUp sees that no call but the one meant was ended.
func (d *fixture) checkOthersAreUp(t *testing.T) {
	t.Helper()
	for _, c := range d.vicidial.Calls() {
		if c.ID != d.call && (!c.Listed || !c.LineUp || c.Disposition != "") {
			t.Errorf("the call %s was ended: %+v", c.ID, c)
		}
	}
}
