package hangup_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"vicihook/vicicall"
)

// Language models read the message: it must say in a short sentence what happened and what to do now.
func TestMessagesSayWhatToDo(t *testing.T) {
	t.Parallel()
	const detail = " (HTTP 502, 1234 bytes, Bad Gateway; no whole answer came: the connection was closed, or the answer is not HTTP); CHECK (no whole answer came: context deadline exceeded)"
	next := map[int]string{200: "nothing more to do", 500: "only an operator can fix this", 502: "only an operator can fix this"}
	for _, o := range vicicall.Outcomes() {
		for _, text := range []string{o.Advice(), o.Advice() + detail} {
			d := newFixtureOver(t, always(vicicall.Result{Outcome: o, Message: text}, nil))
			answer, report := d.deliver(t, "crm", payloadOf(d.call), nil)
			if n := utf8.RuneCountInString(report.Message); n > 200 || n < 20 {
				t.Errorf("%s: %d characters: %s", o, n, report.Message)
			}
			want := next[answer.Status]
			switch o {
			case vicicall.AgentNotLoggedIn:
				want = "agent_user must be"
			case vicicall.WouldHangUp:
				want = "nothing was done"
			case vicicall.StillListed, vicicall.Unknown, vicicall.Unavailable:
				want = "try again"
			}
			if !strings.Contains(report.Message, want) {
				t.Errorf("%s: %q does not say %q", o, report.Message, want)
			}
			if line := d.line(t); line["msg"] != text {
				t.Errorf("%s: the log has %q, want all of %q", o, line["msg"], text)
			}
		}
	}
}

func TestLongMessageNamesAField(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	_, report := d.deliver(t, "crm", `{"call_id": "3125551212", "agent_user": "10 28", "disposition": "TOO LONG"}`, nil)
	if report.Outcome != vicicall.InvalidRequest || utf8.RuneCountInString(report.Message) > 200 || !strings.HasPrefix(report.Message, "call_id must be") {
		t.Errorf("got %q", report.Message)
	}
}

func TestCauseIsLoggedAndNotAnswered(t *testing.T) {
	t.Parallel()
	d := newFixtureOver(t, always(vicicall.Result{Outcome: vicicall.Misconfigured, Message: "redirects"},
		&vicicall.Error{Op: "hangup", Outcome: vicicall.Misconfigured, Message: "redirects", Err: errors.New("to https://inner.example.com")}))
	answer, _ := d.deliver(t, "crm", payloadOf(d.call), nil)
	if line := d.line(t); strings.Contains(string(answer.Body), "inner") || !strings.Contains(fmt.Sprint(line["cause"]), "inner") {
		t.Errorf("answer %s, log %v", answer.Body, line)
	}
}
