package vicicall

import "time"

// A Call names the one call to end and what to book it as.
type Call struct {
	ID          string // vicidial_auto_calls.callerid: one letter and 19 digits, for example Y1221052110000402027
	AgentUser   string // the remote agent's VICIdial user, for example 1028
	Disposition string // status to book, at most 6 characters; empty books VICIdial's own default, RAXFER
	Source      string // who asks, for VICIdial's API log: 2 to 20 letters and digits; empty means "vicihook"
}

// A Result is what one Hangup or Check came to.
type Result struct {
	Outcome  Outcome
	Reply    string        // VICIdial's line, rebuilt from its recognised parts: holds nothing that it merely echoes
	Message  string        // for people: what happened and, where somebody can mend it, how
	Attempts int           // HANGUP requests that may have reached VICIdial: 0, 1 or 2
	Checks   int           // CHECK requests, at most 3
	Elapsed  time.Duration // spent waiting for VICIdial
}

// An Error is an [Outcome] that leaves something to do. It never holds a password, nor text that VICIdial echoed.
type Error struct {
	Op      string // "hangup", "check" or "version"
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
