package hangup

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

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

	actor    string // who asked: for the log
	cause    error  // for the log
	vicidial time.Duration
}

// unauthorizedMessage is all that a stranger learns, whatever was wrong.
const unauthorizedMessage = "source, signature, key or time is not accepted"

func unauthorized(cause error) Report {
	return Report{Outcome: Unauthorized, Message: unauthorizedMessage, cause: cause}
}

func refused(o Outcome, message string, cause error) Report {
	return Report{Outcome: o, Message: message, cause: cause}
}

// refusedItem tells a signed sender which fields are wrong; an error that names none is the context's own.
func refusedItem(err error) Report {
	switch {
	case errors.Is(err, source.ErrNotAllowed):
		return refused(NotAllowed, err.Error(), nil)
	case errors.Is(err, source.ErrInvalid):
		return refused(vicicall.InvalidRequest, err.Error(), nil)
	case errors.Is(err, vicicall.ErrInvalidCall):
		return refused(vicicall.InvalidRequest, vicicall.FaultText(err), nil)
	}
	return refused(vicicall.Unavailable, "the time budget was spent before this call's turn; nothing was sent", err)
}

// withoutSecret keeps the secret's fault, which names ARNs and policies, for the log.
func withoutSecret(what string, cause error) Report {
	if errors.Is(cause, ErrMisconfigured) {
		return refused(vicicall.Misconfigured, what+" can't be used; the function's log says why", cause)
	}
	r := refused(vicicall.Unavailable, what+" can't be fetched now; nothing was sent to VICIdial", cause)
	r.Fault = OperatorFault // VICIdial was not asked
	return r
}

func batch(calls []Report) Report {
	outcomes := make([]Outcome, len(calls))
	for i, c := range calls {
		outcomes[i] = c.Outcome
	}
	r := Report{Outcome: worst(outcomes), Message: fmt.Sprintf("the worst outcome of %d items", len(calls)), Calls: calls}
	r.Fault = calls[slices.Index(outcomes, r.Outcome)].Fault
	return r
}

func ended(r Report) *Report { return &r }

// surviving reports a panic as ours.
func surviving(serve func() Report) (r Report) {
	if panicked := Surviving(func() { r = serve() }); panicked != nil {
		return failed(panicked)
	}
	return r
}

const failedMessage = "the function failed; its log says where"

func failed(cause error) Report {
	return refused(vicicall.Misconfigured, failedMessage, cause)
}

// Surviving gives a panic of run as an error. Its value may quote a payload, so only its type and place are told.
func Surviving(run func()) (panicked error) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Errorf("panic (%T) in %s", p, panicSite())
		}
	}()
	run()
	return nil
}

// panicSite names the function and line that panicked: the first frame below the runtime's own.
func panicSite() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return frame.Function + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

// finish completes a report with what holds for all: who can fix it, and the request it answers. The request id stays
// out of a 401, so that all of them are byte-identical.
func (d *delivery) finish(r Report) Report {
	r = r.withFault()
	for i, c := range r.Calls {
		r.Calls[i] = c.withFault()
	}
	if r.Outcome != Unauthorized {
		r.RequestID = d.ID
	}
	return r
}

// withFault says who can fix the outcome. A word that the table of outcomes lacks is our own mistake.
func (r Report) withFault() Report {
	if _, known := RuleOf(r.Outcome); !known {
		r.cause = fmt.Errorf("no rule for the outcome %q (%s): %w", string(r.Outcome), r.Message, cmp.Or(r.cause, ErrMisconfigured))
		r.Outcome, r.Message = vicicall.Misconfigured, failedMessage
	}
	r.Fault = cmp.Or(r.Fault, rule(r.Outcome).Fault)
	return r
}

// answer is the report as HTTP; to a sender's challenge, what that sender expects.
func (d *delivery) answer(r Report) Answer {
	rule := rule(r.Outcome)
	header := map[string]string{"content-type": "application/json", "cache-control": "no-store"}
	if rule.RetryAfter > 0 {
		header["retry-after"] = strconv.Itoa(rule.RetryAfter)
	}
	if d.challenge.Body != nil {
		header["content-type"] = d.challenge.ContentType
		return Answer{Status: rule.Status, Header: header, Body: d.challenge.Body}
	}
	body, _ := json.Marshal(r) // strings and integers only: it can't fail
	return Answer{Status: rule.Status, Header: header, Body: body}
}
