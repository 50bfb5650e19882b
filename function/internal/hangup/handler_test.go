package hangup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

const (
	goodKey  = "5b8fd1c0a36e9d274f1b60c7e2a4938d5b8fd1c0a36e9d274f1b60c7e2a49381"
	otherKey = "0e9d274f1b60c7e2a4938d5b8fd1c0a36e9d274f1b60c7e2a493815b8fd1c0a3"
)

const sourcesJSON = `{
	"crm":    {"scheme": "standard-webhooks", "disposition": ".disposition", "ref": ".ticket", "actor": ".by"},
	"batch":  {"scheme": "standard-webhooks", "each": ".[]", "when": ".go != false", "agents": "^10[0-9]{2}$"},
	"many":   {"scheme": "standard-webhooks", "each": ".[]", "disposition": ".disposition // \"CRMEND\"", "ref": ".ticket"},
	"hasty":  {"scheme": "standard-webhooks", "budget": "1500ms"},
	"drill":  {"scheme": "standard-webhooks", "dry_run": true},
	"paused": {"scheme": "standard-webhooks"},
	"weak":   {"scheme": "standard-webhooks"},

	"find":      {"scheme": "standard-webhooks", "lead_id": ".lead", "phone": ".phone", "vendor_lead_code": ".ticket", "disposition": ".disposition // \"SALE\""},
	"find-batch": {"scheme": "standard-webhooks", "each": ".[]", "phone": ".phone"},
	"find-drill": {"scheme": "standard-webhooks", "phone": ".phone", "dry_run": true},
	"confirm":   {"scheme": "standard-webhooks", "confirm": true},
	"narrow":    {"scheme": "standard-webhooks", "phone": ".phone", "agents": "^20"},
	"manual":    {"scheme": "standard-webhooks", "phone": ".phone", "calls": "M"},
	"vapi":      {"scheme": "standard-webhooks", "answer": "vapi-tool", "each": ".message.toolCallList[]", "phone": ".function.arguments.phone", "call_id": ".function.arguments.call_id",
	              "agent_user": ".function.arguments.agent_user", "disposition": ".function.arguments.disposition", "dispositions": ["SALE", "NI"]}
}`

// A fixture is a handler with a simulated VICIdial, its log and its secrets.
type fixture struct {
	*hangup.Handler
	vicidial *vicitest.Server
	keys     *fakeKeys
	account  *fakeAccount
	log      bytes.Buffer
	call     string // a live call of agent 1028
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureAt(t, time.Now, time.Now)
}

// newFixtureAt is newFixture with clocks of the function and of VICIdial.
func newFixtureAt(t *testing.T, now, vicidialNow func() time.Time) *fixture {
	t.Helper()
	client := vicicall.New(vicicall.Config{Now: now})
	t.Cleanup(client.Close)
	d := newFixtureOver(t, client)
	d.Now = now
	d.vicidial = vicitest.NewServer(vicitest.Config{Now: vicidialNow})
	t.Cleanup(d.vicidial.Close)
	d.vicidial.AddRemoteAgent(1028, 2)
	d.call = d.ring("1028")
	d.account.account = vicicall.Credentials{
		URLs: []string{d.vicidial.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass, Version: "1",
	}
	return d
}

// newFixtureOver returns a handler over any VICIdial. It uses no network, so that it works inside a synctest bubble.
func newFixtureOver(t *testing.T, vicidial hangup.VICIdial) *fixture {
	t.Helper()
	sources, err := source.Parse([]byte(sourcesJSON))
	if err != nil {
		t.Fatal(err)
	}
	d := &fixture{keys: &fakeKeys{sources: sources}, account: &fakeAccount{}, call: "Y1122105211000040202"}
	keys := map[string]string{}
	for _, name := range sources.Names() {
		keys[name] = goodKey
	}
	keys["paused"], keys["weak"] = "off", "changeme"
	secret, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	d.keys.put(t, string(secret))
	d.Handler = &hangup.Handler{
		Sources: sources, Keys: d.keys, Credentials: d.account, VICIdial: vicidial,
		Budget: 4 * time.Second, Log: slog.New(slog.NewJSONHandler(&d.log, nil)), Version: "test",
	}
	return d
}

func (d *fixture) ring(agent string) string {
	id := d.vicidial.NextCallID('Y')
	d.vicidial.AddCall(vicitest.Call{ID: id, Agent: agent})
	return id
}

// deliver signs a payload for a source and handles it. change may damage the request after that.
func (d *fixture) deliver(t *testing.T, name, payload string, change func(*hangup.Request)) (hangup.Answer, hangup.Report) {
	t.Helper()
	r := hangup.Request{
		Source: name, ID: "req-1", ContentType: "application/json",
		Webhook: webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(payload)},
	}
	sign(t, &r, goodKey, time.Now())
	if change != nil {
		change(&r)
	}
	answer := d.Handle(context.Background(), r)
	var report hangup.Report
	if err := json.Unmarshal(answer.Body, &report); err != nil {
		t.Fatalf("answer %q: %v", answer.Body, err)
	}
	return answer, report
}

func sign(t *testing.T, r *hangup.Request, key string, at time.Time) {
	t.Helper()
	scheme, _ := webhook.Preset("standard-webhooks")
	verifier, err := webhook.NewVerifier(scheme)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := scheme.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Sign(&r.Webhook, parsed, "msg_1", at); err != nil {
		t.Fatal(err)
	}
}

// line returns the one line that the last delivery logged.
func (d *fixture) line(t *testing.T) map[string]any {
	t.Helper()
	text := strings.TrimSuffix(d.log.String(), "\n")
	d.log.Reset()
	if strings.Contains(text, "\n") {
		t.Errorf("more than one log line:\n%s", text)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("log line %q: %v", text, err)
	}
	return line
}

func TestHandleEndsTheCall(t *testing.T) {
	d := newFixture(t)
	payload := fmt.Sprintf(`{"call_id":%q,"agent_user":"1028","disposition":"SALE","ticket":"T-7","by":"ann"}`, d.call)
	answer, report := d.deliver(t, "crm", payload, func(r *hangup.Request) { r.Sender = "198.51.100.7" })

	if report.Outcome != vicicall.HungUp || answer.Status != http.StatusOK {
		t.Fatalf("got %s (%d): %s", report.Outcome, answer.Status, report.Message)
	}
	if d.vicidial.Listed(d.call) || d.vicidial.LineUp(d.call) {
		t.Error("the call is still listed, or its line up")
	}
	if state, _ := d.vicidial.Call(d.call); state.Disposition != "SALE" {
		t.Errorf("booked %q, want SALE", state.Disposition)
	}
	if report.CallID != d.call || report.AgentUser != "1028" || report.Ref != "T-7" || report.RequestID != "req-1" || report.Attempts != 1 {
		t.Errorf("report %+v", report)
	}
	line := d.line(t)
	for field, want := range map[string]any{
		"outcome": "hungup", "source": "crm", "call_id": d.call, "agent_user": "1028", "disposition": "SALE", "ref": "T-7",
		"actor": "ann", "key": 0.0, "signed": true, "delivery_id": "msg_1", "request_id": "req-1", "version": "test", "status": 200.0,
	} {
		if line[field] != want {
			t.Errorf("log line has %s = %v, want %v", field, line[field], want)
		}
	}
	if !slices.Equal(d.keys.verified, []string{"198.51.100.7"}) {
		t.Errorf("the verified senders are %q", d.keys.verified)
	}
	if source := d.vicidial.Requests()[0].Source; source != "vhcrm" {
		t.Errorf("VICIdial's log has source %q, want vhcrm", source)
	}
}

// payloadOf returns a payload for a call of agent 1028.
func payloadOf(call string) string {
	return fmt.Sprintf(`{"call_id":%q,"agent_user":"1028","disposition":"SALE"}`, call)
}

func TestUnauthorizedAnswersAreIdentical(t *testing.T) {
	refusals := map[string]struct {
		source string
		change func(*testing.T, *hangup.Request)
		cause  error // of package webhook, else nil
	}{
		"a changed byte":                {"crm", func(_ *testing.T, r *hangup.Request) { r.Webhook.Body[3] ^= 1 }, webhook.ErrMismatch},
		"a stale time":                  {"crm", func(t *testing.T, r *hangup.Request) { sign(t, r, goodKey, time.Now().Add(-6*time.Minute)) }, webhook.ErrTooOld},
		"a future time":                 {"crm", func(t *testing.T, r *hangup.Request) { sign(t, r, goodKey, time.Now().Add(6*time.Minute)) }, webhook.ErrTooNew},
		"no signature":                  {"crm", func(_ *testing.T, r *hangup.Request) { delete(r.Webhook.Header, "webhook-signature") }, webhook.ErrNoSignature},
		"another key":                   {"crm", func(t *testing.T, r *hangup.Request) { sign(t, r, otherKey, time.Now()) }, webhook.ErrMismatch},
		"an unknown source":             {"crn", nil, nil},
		"a paused source, unsigned":     {"paused", func(_ *testing.T, r *hangup.Request) { delete(r.Webhook.Header, "webhook-signature") }, webhook.ErrNoSignature},
		"a paused source, a stale time": {"paused", func(t *testing.T, r *hangup.Request) { sign(t, r, goodKey, time.Now().Add(-6*time.Minute)) }, webhook.ErrTooOld},
		"a refused key":                 {"weak", nil, webhook.ErrPlaceholderKey},
		"an event that does not decode": {"crm", func(_ *testing.T, r *hangup.Request) { r.Undecodable = errors.New("no delivery") }, nil},
	}
	var first []byte
	for name, c := range refusals {
		t.Run(name+" is refused", func(t *testing.T) {
			d := newFixture(t)
			answer, _ := d.deliver(t, c.source, payloadOf(d.call), func(r *hangup.Request) {
				r.ID = name // each request has another
				if c.change != nil {
					c.change(t, r)
				}
			})
			if answer.Status != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", answer.Status)
			}
			whole := fmt.Appendf(nil, "%d %v %s", answer.Status, answer.Header, answer.Body)
			if first == nil {
				first = whole
			}
			if !bytes.Equal(whole, first) {
				t.Errorf("answer\n%s\ndiffers from\n%s", whole, first)
			}
			if n := d.vicidial.Count(""); n != 0 {
				t.Errorf("%d requests reached VICIdial", n)
			}
			if wantRefresh := errors.Is(c.cause, webhook.ErrMismatch); (d.keys.refreshed > 0) != wantRefresh {
				t.Errorf("the keys were refreshed %d times", d.keys.refreshed)
			}
			if len(d.keys.verified) > 0 {
				t.Errorf("the verified senders are %q", d.keys.verified)
			}
			line := d.line(t)
			if cause, _ := line["cause"].(string); c.cause != nil && !strings.Contains(cause, c.cause.Error()) {
				t.Errorf("the log's cause is %q, want %v", cause, c.cause)
			}
		})
	}
}

func TestNewKeyIsUsedAfterARefresh(t *testing.T) {
	d := newFixture(t)
	d.keys.next = fmt.Sprintf(`{"crm": %q}`, otherKey)
	_, report := d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { sign(t, r, otherKey, time.Now()) })
	if report.Outcome != vicicall.HungUp || d.keys.refreshed != 1 {
		t.Errorf("got %s after %d refreshes", report.Outcome, d.keys.refreshed)
	}
}

func TestBadSignatureIsCheckedOnce(t *testing.T) {
	d := newFixture(t)
	_, report := d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { sign(t, r, otherKey, time.Now()) })
	if report.Outcome != hangup.Unauthorized || d.keys.refreshed != 1 || d.keys.loaded != 1 {
		t.Errorf("got %s after %d refreshes and %d loads", report.Outcome, d.keys.refreshed, d.keys.loaded)
	}
}

func TestRefusedAccountIsNotTriedAgain(t *testing.T) {
	d := newFixture(t)
	d.account.account.Pass = "wrong"
	_, report := d.deliver(t, "crm", payloadOf(d.call), nil)
	if report.Outcome != vicicall.CredentialsRejected || report.Attempts != 1 || d.account.loaded.Load() != 1 {
		t.Errorf("got %s after %d attempts and %d loads", report.Outcome, report.Attempts, d.account.loaded.Load())
	}
}

func TestRefusedAccountIsReplacedByANewerOne(t *testing.T) {
	d := newFixture(t)
	right := d.account.account
	right.Version = "2"
	d.account.account.Pass = "wrong"
	d.account.next = &right
	_, report := d.deliver(t, "crm", payloadOf(d.call), nil)
	if report.Outcome != vicicall.HungUp || d.vicidial.FailedLogins() != 1 {
		t.Errorf("got %s after %d failed logins", report.Outcome, d.vicidial.FailedLogins())
	}
	if arrived := d.vicidial.Count("HANGUP"); report.Attempts != arrived || d.line(t)["attempts"] != float64(arrived) {
		t.Errorf("%d attempts are reported, and %d hang-ups arrived", report.Attempts, arrived)
	}
}

// VICIdial accepts a HANGUP, still lists the call, and then refuses the account.
func TestRefusedAccountCausesNoThirdHangup(t *testing.T) {
	for condition, want := range map[string]hangup.Outcome{
		"wrong password": vicicall.CredentialsRejected, "locked account, right password": vicicall.LockedOut,
	} {
		d := newFixture(t)
		newer := d.account.account
		newer.Version, d.account.next = "2", &newer
		refusal := vicitest.Observed("2.14-82", condition)
		refusal.Stage, refusal.Times = "HANGUP", 1
		if err := d.vicidial.Inject(vicitest.Fault{Name: "does-nothing", Times: 1}, refusal); err != nil {
			t.Fatal(err)
		}
		_, report := d.deliver(t, "crm", payloadOf(d.call), nil)
		if n := d.vicidial.Count("HANGUP"); n != 2 || report.Attempts != 2 || report.Outcome != want {
			t.Errorf("%s: got %s after %d attempts, and %d hang-ups arrived", condition, report.Outcome, report.Attempts, n)
		}
	}
}

func TestAttemptsOfBothAccountsAreAdded(t *testing.T) {
	results := map[string]vicicall.Result{
		"1": {Outcome: vicicall.LockedOut, Attempts: 1, Elapsed: 300 * time.Millisecond},
		"2": {Outcome: vicicall.HungUp, Attempts: 2, Elapsed: 200 * time.Millisecond},
	}
	d := newFixtureOver(t, vicidialFunc(func(_ context.Context, account vicicall.Credentials, _ vicicall.Call) (vicicall.Result, error) {
		return results[account.Version], nil
	}))
	d.account.account.Version, d.account.next = "1", &vicicall.Credentials{Version: "2"}
	_, report := d.deliver(t, "crm", payloadOf(d.call), nil)
	line := d.line(t)
	if report.Outcome != vicicall.HungUp || report.Attempts != 3 || line["attempts"] != 3.0 || line["vicidial_ms"] != 500.0 {
		t.Errorf("got %+v, and the line %v", report, line)
	}
}

func TestRefusalsNameTheField(t *testing.T) {
	live := newFixture(t).call // any id in VICIdial's form
	refusals := map[string]struct {
		source, payload string
		outcome         hangup.Outcome
		names           string
	}{
		"no JSON":                          {"crm", `{`, vicicall.InvalidRequest, "payload"},
		"no call id":                       {"crm", `{"agent_user":"1028","disposition":"A"}`, vicicall.InvalidRequest, "call_id"},
		"a call id that VICIdial cuts":     {"crm", `{"call_id":"3125551212","agent_user":"1028","disposition":"A"}`, vicicall.InvalidRequest, "call_id"},
		"an agent that VICIdial strips":    {"crm", `{"call_id":"` + live + `","agent_user":"10 28","disposition":"A"}`, vicicall.InvalidRequest, "agent_user"},
		"no disposition where one is due":  {"crm", `{"call_id":"` + live + `","agent_user":"1028"}`, vicicall.InvalidRequest, "disposition"},
		"a disposition that VICIdial cuts": {"crm", `{"call_id":"` + live + `","agent_user":"1028","disposition":"TOOLONG"}`, vicicall.InvalidRequest, "disposition"},
		"another agent":                    {"batch", `[{"call_id":"` + live + `","agent_user":"2000"}]`, hangup.NotAllowed, "agent_user"},
		"a paused source":                  {"paused", `{}`, hangup.Paused, "paused"},
	}
	for name, c := range refusals {
		t.Run(name+" is refused", func(t *testing.T) {
			d := newFixture(t)
			answer, report := d.deliver(t, c.source, c.payload, nil)
			if report.Outcome != c.outcome || answer.Status != ruleOf(t, c.outcome).Status {
				t.Errorf("got %s (%d), want %s", report.Outcome, answer.Status, c.outcome)
			}
			if !strings.Contains(string(answer.Body), c.names) {
				t.Errorf("answer %s does not name %s", answer.Body, c.names)
			}
			if n := d.vicidial.Count(""); n != 0 {
				t.Errorf("%d requests reached VICIdial", n)
			}
		})
	}
}

func TestTooLargeComesFirst(t *testing.T) {
	d := newFixture(t)
	answer, report := d.deliver(t, "nobody", `{}`, func(r *hangup.Request) { r.TooLarge = true })
	if report.Outcome != hangup.TooLarge || answer.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %s (%d)", report.Outcome, answer.Status)
	}
	if limit := fmt.Sprintf("larger than %d KiB", hangup.MaxBody>>10); !strings.Contains(report.Message, limit) {
		t.Errorf("the message %q does not name the limit: %s", report.Message, limit)
	}
}

func TestDryRunEndsNoCall(t *testing.T) {
	for name, sourceOf := range map[string]func(*fixture) string{
		"one source":   func(*fixture) string { return "drill" },
		"every source": func(d *fixture) string { d.DryRun = true; return "crm" },
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t)
			_, report := d.deliver(t, sourceOf(d), payloadOf(d.call), nil)
			if report.Outcome != vicicall.WouldHangUp || !d.vicidial.Listed(d.call) || d.vicidial.Count("HANGUP") != 0 {
				t.Errorf("got %s, listed %v", report.Outcome, d.vicidial.Listed(d.call))
			}
		})
	}
}

func TestBatchAnswersEachItem(t *testing.T) {
	d := newFixture(t)
	second := d.ring("1029")
	payload := fmt.Sprintf(`[
		{"call_id":%[1]q,"agent_user":"1028"}, {"call_id":%[1]q,"agent_user":"1028"}, {"call_id":%[2]q,"agent_user":"1029"},
		{"call_id":%[2]q,"agent_user":"2000"}, {"go":false}]`, d.call, second)
	answer, report := d.deliver(t, "batch", payload, nil)
	got := make([]string, len(report.Calls))
	for i, c := range report.Calls {
		got[i] = string(c.Outcome)
	}
	if want := "hungup hungup hungup not_allowed ignored"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if report.Outcome != hangup.NotAllowed || answer.Status != http.StatusForbidden {
		t.Errorf("the batch is answered %s (%d)", report.Outcome, answer.Status)
	}
	if n := d.vicidial.Count("HANGUP"); n != 2 {
		t.Errorf("%d hang-ups for two calls", n)
	}
	if calls, _ := d.line(t)["calls"].([]any); len(calls) != 5 {
		t.Errorf("the log line has %d calls", len(calls))
	}
}

// An item that names the call again, with another agent or disposition, must not report its own as booked.
func TestBatchRepeatedCall(t *testing.T) {
	d := newFixture(t)
	payload := fmt.Sprintf(`[{"call_id":%[1]q,"agent_user":"10 28"}, {"call_id":%[1]q,"agent_user":"1028","disposition":"SALE","ticket":"T1"},
		{"call_id":%[1]q,"agent_user":"1029","disposition":"NI","ticket":"T2"}, {"call_id":%[1]q,"agent_user":"1028","disposition":"SALE","ticket":"T3"}]`, d.call)
	_, report := d.deliver(t, "many", payload, nil)
	var got []string
	for _, c := range report.Calls {
		repeated := strings.Contains(c.Message, "done for another item that names this call")
		got = append(got, strings.Join([]string{string(c.Outcome), c.AgentUser, c.Disposition, c.Ref, fmt.Sprint(repeated)}, " "))
	}
	if want := []string{"", "hungup 1028 SALE T1 false", "hungup 1028 SALE T2 true", "hungup 1028 SALE T3 false"}; !slices.Equal(got[1:], want[1:]) || report.Calls[0].Outcome != vicicall.InvalidRequest {
		t.Errorf("got %q, want %q", got, want)
	}
	if d.vicidial.Listed(d.call) || d.vicidial.Count("HANGUP") != 1 {
		t.Errorf("the call is listed, or not ended once: %d hang-ups", d.vicidial.Count("HANGUP"))
	}
}

func TestUnsignedRequestFetchesNoKeys(t *testing.T) {
	d := newFixture(t)
	d.keys.err = errors.New("no answer")
	_, report := d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { delete(r.Webhook.Header, "webhook-signature") })
	if report.Outcome != hangup.Unauthorized || d.keys.loaded != 0 {
		t.Errorf("got %s after %d loads", report.Outcome, d.keys.loaded)
	}
}

func TestBatchWithoutItemsIsIgnored(t *testing.T) {
	d := newFixture(t)
	if _, report := d.deliver(t, "batch", `[]`, nil); report.Outcome != hangup.Ignored {
		t.Errorf("got %s", report.Outcome)
	}
}

func TestChallengesAreAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		header, value     string
		body, contentType string
	}{
		"Help Scout's test gets a report": {"x-helpscout-event", "helpscout.test", `{"outcome":"ignored","message":"the sender's test was answered; nothing more to do","request_id":"req-1"}`, "application/json"},
		"Front's challenge is echoed":     {"x-front-challenge", "c-42", "c-42", "text/plain; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t)
			src, _ := d.Sources.Lookup("crm")
			src.Preset = map[string]string{"x-front-challenge": "front-app", "x-helpscout-event": "helpscout"}[c.header]
			src.Scheme, _ = webhook.Preset(src.Preset)
			src.Verifier, _ = webhook.NewVerifier(src.Scheme)
			r := hangup.Request{Source: "crm", ID: "req-1", Webhook: webhook.Request{
				Header: webhook.Header{c.header: {c.value}}, Body: []byte(payloadOf(d.call)),
			}}
			key, _ := src.Scheme.ParseKey(goodKey)
			if err := src.Verifier.Sign(&r.Webhook, key, "msg_1", time.Now()); err != nil {
				t.Fatal(err)
			}
			d.keys.put(t, fmt.Sprintf(`{"crm": %q}`, goodKey))
			answer := d.Handle(context.Background(), r)
			if answer.Status != http.StatusOK || string(answer.Body) != c.body || answer.Header["content-type"] != c.contentType {
				t.Errorf("got %d %v %s", answer.Status, answer.Header, answer.Body)
			}
			if d.vicidial.Count("") != 0 {
				t.Error("VICIdial got a request")
			}
		})
	}
}
