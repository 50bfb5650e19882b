//go:build unix

package workbench

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"vicihook/vicicall/vicitest"
)

// A delivery is a webhook that was answered.
type delivery struct {
	begun      time.Time
	took       time.Duration
	status     int
	retryAfter string
	answer     struct{ Outcome, Message string }
	asked      []vicitest.Request // of VICIdial
	log        map[string]any     // the function's log line, nil when it logged none
	source     map[string]any     // the source's definition in sources.json
}

// steps returns what happened in order; tables returns a call of VICIdial's tables.
func (d delivery) steps(tables func(callID string) (vicitest.CallState, bool)) []step {
	steps := []step{d.signature()}
	if steps[0].State == "ok" {
		steps = append(steps, d.selected()...)
	}
	for _, r := range d.asked {
		steps = append(steps, asked(r, r.Time.Sub(d.begun)))
	}
	text := fmt.Sprint(d.status, " ", http.StatusText(d.status))
	if d.retryAfter != "" {
		text += ", Retry-After " + d.retryAfter
	}
	state := "ok"
	if d.status >= 300 {
		state = "failed"
	}
	steps = append(steps, step{"answer", text + ": " + d.answer.Outcome, state, milliseconds(d.took)})
	if id := d.field("call_id"); id != "" {
		if call, ok := tables(id); ok {
			steps = append(steps, verdict(d.answer.Outcome, call))
		}
	}
	return steps
}

func (d delivery) field(name string) string {
	text, _ := d.log[name].(string)
	return text
}

// signature reads the log: the answer is the same for every refused request.
func (d delivery) signature() step {
	switch {
	case d.log == nil:
		return step{"signature", "the function logged nothing for this webhook", "failed", 0}
	case d.status == 401 || d.status == 413:
		return step{"signature", "refused: " + d.field("cause"), "failed", 0}
	}
	key, _ := d.log["key"].(float64)
	return step{"signature", fmt.Sprintf("valid, made with key %d of the source", int(key)+1), "ok", 0}
}

// selected returns what the source's expressions took from the payload, and whether the source may end the call.
func (d delivery) selected() []step {
	var taken []string
	for _, name := range []string{"call_id", "agent_user", "lead_id", "disposition", "ref", "actor"} {
		if value := d.field(name); value != "" {
			taken = append(taken, fmt.Sprintf("%s %s (%s)", name, value, d.expression(name)))
		}
	}
	s := step{"payload", "has " + strings.Join(taken, ", "), "ok", 0}
	if taken == nil {
		s.Text = "has nothing that the log may show"
	}
	switch d.answer.Outcome {
	case "invalid_request":
		return []step{{"payload", d.answer.Message, "failed", 0}}
	case "ignored":
		return []step{{"payload", "is passed over: " + d.answer.Message, "", 0}}
	case "not_allowed":
		return []step{s, {"scope", d.answer.Message, "failed", 0}}
	case "misconfigured", "paused":
		return nil
	}
	return []step{s, {"scope", "the source may end this call", "ok", 0}}
}

// expression returns how the source's definition finds a field.
func (d delivery) expression(field string) string {
	if text, ok := d.source[field].(string); ok {
		return text
	}
	return "." + field
}

var asks = map[string]string{
	"agent_status":     "asked which call the agent is in",
	"logged_in_agents": "asked which agents are in calls",
	"HANGUP":           "asked to end the call",
	"CHECK":            "asked whether the call is still listed",
}

func asked(r vicitest.Request, after time.Duration) step {
	name := r.Kind()
	if name == "agent_status" || name == "logged_in_agents" {
		name = "find"
	}
	s := step{name, "VICIdial was " + asks[r.Kind()], "ok", milliseconds(after)}
	if r.AgentUser != "" {
		s.Text += ", agent " + r.AgentUser
	}
	if r.Fault != "" {
		s.Text, s.State = s.Text+"; with the fault "+r.Fault, "failed"
	}
	return s
}

// verdict compares the outcome with the tables.
func verdict(outcome string, c vicitest.CallState) step {
	wantListed := outcome == "still_listed" || outcome == "would_hang_up"
	wantEnded := outcome == "hungup" || outcome == "no_longer_listed" || outcome == "no_active_call"
	switch text := c.Words(); {
	case !wantListed && !wantEnded:
		return step{"VICIdial's tables", text + "; " + outcome + " is possible with a call on the list and without", "", 0}
	case c.Listed == wantListed:
		return step{"VICIdial's tables", text + ": " + outcome + " is true", "ok", 0}
	default:
		return step{"VICIdial's tables", text + ": " + outcome + " is NOT true (the tables are read after the answer)", "failed", 0}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
