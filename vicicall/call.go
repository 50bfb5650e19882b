package vicicall

import (
	"cmp"
	"errors"
	"strings"
	"time"
)

// A Call names the one call to end and the disposition to book.
type Call struct {
	ID          string // vicidial_auto_calls.callerid: one letter and 19 digits, for example Y1221052110000402027
	AgentUser   string // the remote agent's VICIdial user, for example 1028; '-' and '_' need VICIdial 2.14-75
	Disposition string // status to book, at most 6 characters; empty books VICIdial's own default, RAXFER
	Source      string // who asks, for VICIdial's API log: 2 to 20 letters and digits; empty means "vicihook"
}

const (
	defaultDisposition = "RAXFER"
	defaultSource      = "vicihook"
)

const (
	digits   = "0123456789"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanum = digits + capitals + "abcdefghijklmnopqrstuvwxyz"
	word     = alphanum + "-_"
)

// What VICIdial takes as it is. Passwords may have .+/= since 2.14-72.
var (
	isAgentUser   = madeOf(word, 1, 20)
	isDisposition = madeOf(word, 0, 6)
	isSource      = madeOf(alphanum, 2, 20)
	isUser        = madeOf(word, 2, 20)
	isPass        = madeOf(word+".+/=", 2, 100)
	isLookupPass  = madeOf(word, 2, 100)
	isDigits      = madeOf(digits, 1, 20)
)

// madeOf returns a function that reports whether a text has from least to most characters, all of them in the set.
func madeOf(set string, least, most int) func(text string) bool {
	return func(text string) bool {
		return least <= len(text) && len(text) <= most && strings.Trim(text, set) == ""
	}
}

// isCallID knows both kinds of call id: a letter and 19 digits, and the C that VICIdial makes when it repairs a
// consultative transfer, with a fixed text for a date.
func isCallID(text string) bool {
	return len(text) == 20 && isDigits(text[1:]) &&
		(strings.Contains("VYJM", text[:1]) || strings.HasPrefix(text, "C123412345"))
}

// Validate rejects what VICIdial would silently strip, cut or take for another call.
// It returns every fault at once: each is a [FieldError] and wraps [ErrInvalidCall].
func (c Call) Validate() error {
	f := faults{kind: ErrInvalidCall}
	f.require(isCallID(c.ID), "call_id",
		"must be VICIdial's call id: V, Y, J or M and 19 digits, like Y1221052110000402027 (no phone number, no uniqueid, nothing after a space)")
	f.require(isAgentUser(c.AgentUser), "agent_user",
		"must be the remote agent's VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	f.require(isDisposition(c.Disposition), "disposition",
		"must be a VICIdial status: at most 6 letters, digits, '-' or '_'")
	f.require(c.Source == "" || isSource(c.Source), "source", "must be 2 to 20 letters or digits")
	return f.err()
}

func (c Call) withDefaults() Call {
	c.Disposition = cmp.Or(c.Disposition, defaultDisposition)
	c.Source = cmp.Or(c.Source, defaultSource)
	return c
}

// A Result is what one Hangup, Check or Probe did and found.
type Result struct {
	Outcome  Outcome
	Reply    string        // VICIdial's line, rebuilt from its recognised parts, without anything that VICIdial merely echoed
	Message  string        // for people: what happened and, where somebody can fix it, how
	Attempts int           // HANGUP requests that may have reached VICIdial: 0, 1 or 2
	Checks   int           // CHECK requests that may have reached VICIdial, at most 3
	Elapsed  time.Duration // spent waiting for VICIdial
}

// An Error is an [Outcome] that leaves something to do. It never holds a password, nor text that VICIdial echoed.
type Error struct {
	Op      string // "hangup", "check", "probe", "version", "find", "agent_status" or "logged_in_agents"
	Outcome Outcome
	Message string // the same as Result.Message
	Reply   string // the same as Result.Reply; empty when VICIdial answered nothing
	Err     error  // the cause, or nil when it is VICIdial's own answer; for the log: it may name hosts and addresses, but no secret
}

func (e *Error) Error() string {
	return "vicicall: " + e.Op + ": " + string(e.Outcome) + ": " + e.Message
}

// Unwrap returns the outcome, for errors.Is(err, vicicall.LockedOut), and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Outcome}
	}
	return []error{e.Outcome, e.Err}
}

var (
	// ErrInvalidCall is wrapped by every fault that [Call.Validate] finds.
	ErrInvalidCall = errors.New("vicicall: invalid call")
	// ErrInvalidQuery is wrapped by every fault that [Query.Validate] finds.
	ErrInvalidQuery = errors.New("vicicall: invalid query")
	// ErrInvalidCredentials is wrapped by every fault that [Credentials.Validate] finds.
	ErrInvalidCredentials = errors.New("vicicall: invalid credentials")
)

// A FieldError is what is wrong with one field. It never has the field's value.
type FieldError struct {
	Field string // the name in JSON: "call_id", "agent_user", "disposition", "source", "lead_id", "phone", "vendor_lead_code", "url", "user", "pass", "ca", "tls_pin[0]", "lookup.user", …
	Why   string // what it must be: "must be …"
	kind  error
}

func (e *FieldError) Error() string { return "vicicall: " + e.Field + " " + e.Why }

// Unwrap returns the error that the field's kind of fault wraps, for example [ErrInvalidCall].
func (e *FieldError) Unwrap() error { return e.kind }

// FaultText returns what a Validate found, for people: "field why; field why".
func FaultText(err error) string {
	var parts []string
	for _, e := range unjoin(err) {
		parts = append(parts, strings.TrimPrefix(e.Error(), "vicicall: "))
	}
	return strings.Join(parts, "; ")
}

// faults collects FieldErrors of one kind.
type faults struct {
	kind error
	errs []error
}

func (f *faults) add(field, why string) {
	f.errs = append(f.errs, &FieldError{Field: field, Why: why, kind: f.kind})
}

func (f *faults) require(ok bool, field, why string) {
	if !ok {
		f.add(field, why)
	}
}

func (f *faults) err() error { return errors.Join(f.errs...) }
