package hangup

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// A Report is the body of an answer: always this shape, empty fields left out.
type Report struct {
	Outcome     Outcome  `json:"outcome"`
	Fault       Fault    `json:"fault,omitempty"`
	CallID      string   `json:"call_id,omitempty"`
	AgentUser   string   `json:"agent_user,omitempty"`
	Disposition string   `json:"disposition,omitempty"`
	Ref         string   `json:"ref,omitempty"` // the sender's ticket
	Message     string   `json:"message,omitempty"`
	Reply       string   `json:"reply,omitempty"`    // VICIdial's line, rebuilt
	Attempts    int      `json:"attempts,omitempty"` // HANGUP requests that may have reached VICIdial
	Calls       []Report `json:"calls,omitempty"`    // a batch: one report an item, in the payload's order
	RequestID   string   `json:"request_id,omitempty"`

	order    source.Order  // for the queue
	toolCall string        // id of the tool call that this answers, for senders that read such answers
	actor    string        // who asked for it: for the log
	leadID   string        // VICIdial's, of a call that was looked up: for the log
	notes    []string      // what was left out of the payload: for the log
	cause    error         // for the log
	whole    string        // the message before it was shortened: for the log
	vicidial time.Duration // spent waiting for VICIdial: for the log
}

// maxMessage bounds a message, in characters: voice agents read it to a language model.
const maxMessage = 200

const (
	unauthorizedMessage = "source, signature, key or time is not accepted" // the only text for strangers
	brokenMessage       = "the function's configuration is wrong; its log names each fault"
	sourceFaultMessage  = "this source's entry in sources.json is wrong; the function's log names each fault"
	pausedMessage       = "this source is paused: try again later"
	failedMessage       = "the function failed; its log says where"
)

func unauthorized(cause error) Report { return refuse(Unauthorized, unauthorizedMessage, cause) }

func refuse(o Outcome, message string, cause error) Report {
	return Report{Outcome: o, Message: message, cause: cause}
}

// refuseItem returns the report of an error that names the wrong fields, or of the context's own error.
func refuseItem(err error) Report {
	switch {
	case errors.Is(err, source.ErrNotAllowed):
		return refuse(NotAllowed, err.Error(), nil)
	case errors.Is(err, source.ErrInvalid):
		return refuse(vicicall.InvalidRequest, err.Error(), nil)
	case errors.Is(err, vicicall.ErrInvalidCall):
		return refuse(vicicall.InvalidRequest, vicicall.FaultText(err), nil)
	}
	return refuse(vicicall.Unavailable, "the time was up before this call's turn; nothing was sent: try again", err)
}

// withoutSecret leaves the cause to the log, since it names ARNs and policies.
func withoutSecret(what string, cause error) Report {
	if errors.Is(cause, ErrMisconfigured) {
		return refuse(vicicall.Misconfigured, what+" can't be used; the function's log says why", cause)
	}
	r := refuse(vicicall.Unavailable, what+" can't be fetched now; nothing was sent to VICIdial: try again", cause)
	r.Fault = OperatorFault // VICIdial was not asked
	return r
}

func batch(calls []Report) Report {
	outcomes := make([]Outcome, len(calls))
	for i, c := range calls {
		outcomes[i] = c.Outcome
	}
	r := Report{Outcome: worst(outcomes), Message: fmt.Sprintf("the worst outcome of %d items; calls has the outcome of each", len(calls)), Calls: calls}
	r.Fault = calls[slices.Index(outcomes, r.Outcome)].Fault
	return r
}

// withOrder returns the report with the fields of its order. Values that VICIdial can't take are left out: a wrong
// expression of sources.json may have selected any text of the payload.
func (r Report) withOrder(o source.Order) Report {
	r.order = o
	r.CallID, r.AgentUser, r.Disposition, r.Ref, r.actor = o.CallID, o.AgentUser, o.Disposition, o.Ref, o.Actor
	faults, _ := validate(o).(interface{ Unwrap() []error })
	if faults == nil {
		return r
	}
	fields := map[string]*string{"call_id": &r.CallID, "agent_user": &r.AgentUser, "disposition": &r.Disposition}
	for _, fault := range faults.Unwrap() {
		if invalid, ok := errors.AsType[*vicicall.FieldError](fault); ok {
			*fields[invalid.Field] = ""
		}
	}
	return r
}

// finish adds who can fix the outcome, what to do now, and the request id. A 401 has no request id, so that all of them
// are byte-identical.
func (d *delivery) finish(r Report) Report {
	r = r.withFault().withMessage()
	for i, c := range r.Calls {
		r.Calls[i] = c.withFault().withMessage()
	}
	if r.Outcome != Unauthorized {
		r.RequestID = d.ID
	}
	return r
}

// withFault adds who can fix the outcome. A word without a rule is a bug of this function: misconfigured.
func (r Report) withFault() Report {
	if _, known := RuleOf(r.Outcome); !known {
		r.cause = fmt.Errorf("no rule for the outcome %q (%s): %w", string(r.Outcome), r.Message, cmp.Or(r.cause, ErrMisconfigured))
		r.Outcome, r.Message = vicicall.Misconfigured, failedMessage
	}
	r.Fault = cmp.Or(r.Fault, rule(r.Outcome).Fault)
	return r
}

// withMessage adds what to do now, and shortens what happened to fit 200 characters. The log has all of it.
func (r Report) withMessage() Report {
	r.whole = r.Message
	next := r.nextStep()
	if room := maxMessage - utf8.RuneCountInString(next); utf8.RuneCountInString(r.Message) > room {
		r.Message = string([]rune(r.Message)[:room-1]) + "…"
	}
	r.Message += next
	return r
}

// nextStep returns what to do now, if the message does not say it.
func (r Report) nextStep() string {
	switch r.Outcome {
	case vicicall.HungUp, vicicall.Accepted, vicicall.OtherCall, vicicall.NoLongerListed, vicicall.NoActiveCall, Ignored:
		return "; nothing more to do"
	case Paused, vicicall.Unavailable:
		return ""
	}
	if r.Fault == OperatorFault {
		return "; only an operator can fix this"
	}
	return ""
}

// answer returns the report as HTTP, or what the sender of a challenge or a tool call expects.
func (d *delivery) answer(r Report) Answer {
	rule := rule(r.Outcome)
	header := map[string]string{"content-type": "application/json", "cache-control": "no-store"}
	if d.challenge.Body != nil {
		header["content-type"] = d.challenge.ContentType
		return Answer{Status: rule.Status, Header: header, Body: d.challenge.Body}
	}
	if d.source != nil && d.source.Answer == source.AnswerVapiTool {
		if body := vapiResults(r); body != nil {
			return Answer{Status: http.StatusOK, Header: header, Body: body}
		}
	}
	if rule.RetryAfter > 0 {
		header["retry-after"] = strconv.Itoa(rule.RetryAfter)
	}
	return Answer{Status: rule.Status, Header: header, Body: encode(r)}
}

// vapiResults returns the answer to Vapi's tool calls, nil if there are none. Vapi reads it only with the status 200.
func vapiResults(r Report) []byte {
	type result struct {
		ToolCallID string `json:"toolCallId"`
		Result     string `json:"result"` // a report in JSON, as a text
	}
	calls := r.Calls
	if len(calls) == 0 {
		calls = []Report{r}
	}
	var results []result
	for _, c := range calls {
		if c.toolCall != "" {
			results = append(results, result{c.toolCall, string(encode(c))})
		}
	}
	if results == nil {
		return nil
	}
	return encode(map[string]any{"results": results})
}

// encode can't fail: reports have texts and whole numbers only.
func encode(v any) []byte {
	body, _ := json.Marshal(v)
	return body
}
