package vicicall

import (
	"cmp"
	"strings"
	"time"
)

// A Call names the one call to end and what to book it as.
type Call struct {
	ID          string // vicidial_auto_calls.callerid: one letter and 19 digits, for example Y1221052110000402027
	AgentUser   string // the remote agent's VICIdial user, for example 1028; '-' and '_' need VICIdial 2.14-75
	Disposition string // status to book, at most 6 characters; empty books VICIdial's own default, RAXFER
	Source      string // who asks, for VICIdial's API log: 2 to 20 letters and digits; empty means "vicihook"
}

const (
	defaultDisposition = "RAXFER"
	defaultSource      = "vicihook"
	consultPrefix      = "C123412345" // the fixed date of a call id that VICIdial mends after a consultative transfer
)

// Validate refuses what VICIdial would silently strip, cut or take for another call.
// It names every fault at once: each is a [FieldError] and wraps [ErrInvalidCall].
func (c Call) Validate() error {
	f := faults{kind: ErrInvalidCall}
	f.require(isCallID(c.ID), "call_id",
		"must be VICIdial's call id: V, Y, J or M and 19 digits, like Y1221052110000402027 (no phone number, no uniqueid, nothing after a space)")
	f.require(madeOf(c.AgentUser, nameSet, 1, 20), "agent_user",
		"must be the remote agent's VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	f.require(madeOf(c.Disposition, nameSet, 0, 6), "disposition",
		"must be a VICIdial status: at most 6 letters, digits, '-' or '_'")
	f.require(c.Source == "" || madeOf(c.Source, alphanum, 2, 20), "source",
		"must be 2 to 20 letters or digits")
	return f.err()
}

func (c Call) withDefaults() Call {
	c.Disposition = cmp.Or(c.Disposition, defaultDisposition)
	c.Source = cmp.Or(c.Source, defaultSource)
	return c
}

func isCallID(id string) bool {
	if len(id) != 20 {
		return false
	}
	serial, ok := strings.CutPrefix(id, consultPrefix)
	if !ok {
		ok, serial = strings.IndexByte("VYJM", id[0]) >= 0, id[1:]
	}
	return ok && strings.Trim(serial, digits) == ""
}

// A Result is what one Hangup or Check came to.
type Result struct {
	Outcome  Outcome
	Reply    string        // VICIdial's line, rebuilt from its recognised parts: holds nothing that it merely echoes
	Message  string        // for people: what happened and, where somebody can mend it, how
	Attempts int           // HANGUP requests that may have reached VICIdial: 0, 1 or 2
	Checks   int           // CHECK requests that may have reached VICIdial, at most 3
	Elapsed  time.Duration // spent waiting for VICIdial
}

// An Error is an [Outcome] that leaves something to do. It never holds a password, nor text that VICIdial echoed.
type Error struct {
	Op      string // "hangup", "check", "probe" or "version"
	Outcome Outcome
	Message string // the same as Result.Message
	Err     error  // the cause, or nil when VICIdial itself said so; it holds no secret
}

func (e *Error) Error() string {
	return "vicicall: " + e.Op + ": " + string(e.Outcome) + ": " + e.Message
}

// Unwrap gives the outcome, so that errors.Is(err, vicicall.LockedOut) holds, and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Outcome}
	}
	return []error{e.Outcome, e.Err}
}
