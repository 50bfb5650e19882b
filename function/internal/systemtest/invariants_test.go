//go:build unix

package systemtest_test

import (
	"slices"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

// An expectation has the expected outcomes for a fault in every request for a call, in its HANGUPs, in its CHECKs, and in
// its first request only, which is a HANGUP.
type expectation struct{ every, hangups, checks, first, faults string }

var expectations = []expectation{
	// VICIdial does what it says, as far as any answer shows.
	{"hungup", "hungup", "hungup", "hungup", "warnings closes-after closes-silently strict-sql-clean sender-stopped"},
	// SUCCESS, and nothing done: a second HANGUP may be sent.
	{"still_listed", "still_listed", "hungup", "hungup", `does-nothing success-then-500 success-then-refused success-then-fatal
		success-then-clean strict-sql-500 first-requests-collide other-agent-undone`},
	{"still_listed", "still_listed", "unknown", "hungup", "other-call-undone"},
	// No whole answer, and nothing done so far: none may be sent.
	{"still_listed", "still_listed", "hungup", "still_listed", "success-then-silence slow-middle reset-midway"},
	{"still_listed", "still_listed", "unknown", "still_listed", "cut-undone"},
	{"unknown", "still_listed", "unknown", "still_listed", "slow-work silent-undone dropped-undone reset-undone proxy-gives-up"},
	// The work is done, and its answer is lost or can't be trusted.
	{"unknown", "no_longer_listed", "unknown", "no_longer_listed", "slow silent slow-headers slow-body dropped reset cut endless huge other-call proxy-502"},
	{"no_longer_listed", "no_longer_listed", "hungup", "no_longer_listed", "other-agent"},
	// A page of something before VICIdial, and nothing done.
	{"unknown", "still_listed", "unknown", "hungup", "busy-503 proxy-502-undone"},
	{"unavailable", "unavailable", "unknown", "unavailable", "database-down database-down-500 database-down-shown"},
	// What no VICIdial that works would answer.
	{"unexpected_reply", "unexpected_reply", "unknown", "unexpected_reply", "empty empty-undone garbage garbage-undone"},
	{"unexpected_reply", "unexpected_reply", "hungup", "unexpected_reply", "translated"},
	{"misconfigured", "misconfigured", "unknown", "misconfigured", "redirect"},
	// VICIdial itself does not know better.
	{"no_active_call", "no_active_call", "hungup", "no_active_call", "calls-table-broken restart"},
	{"agent_not_logged_in", "agent_not_logged_in", "unknown", "agent_not_logged_in", "agents-table-broken"},
	{"unknown", "unknown", "hungup", "unknown", "agent-logs-off"},
}

var expectedUnder = func() map[string]expectation {
	all := map[string]expectation{}
	for _, v := range expectations {
		for _, fault := range strings.Fields(v.faults) {
			all[fault] = v
		}
	}
	return all
}()

func TestEveryFaultHasOneExpectation(t *testing.T) {
	t.Parallel()
	named := 0
	for _, v := range expectations {
		named += len(strings.Fields(v.faults))
	}
	for _, info := range vicitest.Faults() {
		if expectedUnder[info.Name] == (expectation{}) {
			t.Errorf("there is no expectation on %s", info.Name)
		}
	}
	if faults := len(vicitest.Faults()); named != faults || len(expectedUnder) != faults {
		t.Errorf("%d expectations on %d names, of %d faults", named, len(expectedUnder), faults)
	}
}

// on is the expectation where a fault strikes as it says.
func (v expectation) on(f vicitest.Fault) string {
	switch {
	case f.Times == 1:
		return v.first
	case f.Stage == "HANGUP":
		return v.hangups
	case f.Stage == "CHECK":
		return v.checks
	}
	return v.every
}

// An observation is an answer, with VICIdial's state of its call.
type observation struct {
	answer
	fault    string             // empty = no fault
	is       vicitest.CallState // when the answer came
	requests []vicitest.Request // for the call, in their order
}

// An arrival summarizes VICIdial's record of the requests in the order in which it read them: a busy machine may
// read a HANGUP after the CHECK that was sent after it, or after the answer.
type arrival struct {
	hangups, checks int
	told            bool // a CHECK that arrived after the last HANGUP told whether the call is listed
	tellers         int  // CHECKs that told it
	listers         int  // CHECKs that told it, or would have if the call was listed
}

// arrived reads the record. A CHECK counts if no fault struck it, or one that leaves its answer readable. The answer for a
// listed call has no id, so another id in the answer does not hide it.
func (e observation) arrived() (a arrival) {
	away := false
	for _, r := range e.requests {
		if r.Stage == "HANGUP" {
			a.hangups, a.told = a.hangups+1, false
			away = away || r.Fault == "agent-logs-off"
			continue
		}
		a.checks++
		switch {
		case away:
		case r.Fault == "" || expectedUnder[r.Fault].checks == "hungup":
			a.told, a.tellers, a.listers = true, a.tellers+1, a.listers+1
		case r.Fault == "other-call" || r.Fault == "other-call-undone":
			a.listers++
		}
	}
	return a
}

// checkMayHaveSeenTheCall reports whether one of these CHECKs may have followed the last HANGUP: a second HANGUP follows
// a CHECK that found the call.
func (e observation) checkMayHaveSeenTheCall(checks int) bool {
	return checks > 0 && checks >= e.Attempts
}

// saysLessThanACheck reports whether the answer leaves open what a CHECK answered. After a CHECK that met a dead database
// it must: a restart may have emptied the list of calls.
func (e observation) saysLessThanACheck() bool {
	return e.arrived().told && e.Outcome == "unknown" && !e.strikes(deadDatabase...)
}

var deadDatabase = []string{"database-down", "database-down-500", "database-down-shown"}

// violations returns each rule that the answer breaks, judged by VICIdial's tables, the line and the requests. None may be
// broken on any machine.
func (e observation) violations() (broken []string) {
	must := func(ok bool, rule string) {
		if !ok {
			broken = append(broken, rule)
		}
	}
	came := e.arrived()
	must(came.hangups <= 2 && came.checks <= 3, "at most 2 HANGUP and 3 CHECK are sent")
	must(came.hangups <= e.Attempts, "what arrives is counted")
	must(!slices.ContainsFunc(e.requests, func(r vicitest.Request) bool { return r.Overlapped }), "no second HANGUP beside a first")
	switch e.Outcome {
	case "hungup":
		must(came.told, "hungup means that a CHECK told so")
		must(!e.is.Listed && (!e.is.LineUp || e.strikes("strict-sql-clean", "sender-stopped")) || e.strikes("calls-table-broken"),
			"hungup means that list and line are empty, but for what no answer shows")
	case "no_longer_listed":
		must(e.checkMayHaveSeenTheCall(came.tellers) || came.hangups == 2, "no_longer_listed means that VICIdial told so")
		must(!e.is.Listed || e.strikes("calls-table-broken"), "a listed call is not reported as gone")
	case "no_active_call":
		must(!e.is.Listed || e.strikes("calls-table-broken"), "a listed call is not reported as gone")
	case "still_listed":
		must(e.checkMayHaveSeenTheCall(came.listers), "still_listed means that a CHECK told so")
		must(e.is.Listed || e.mayRun(), "a call that is not listed is not reported as listed")
	case "unknown":
		must(e.Attempts > 0, "unknown means that a HANGUP was sent")
	case "unavailable":
		must(e.is.Listed && e.is.LineUp && e.is.Disposition == "", "unavailable means that nothing was done")
		must(came.hangups == 0 || e.strikes(deadDatabase...), "unavailable means that VICIdial could do nothing")
	case "agent_not_logged_in":
		must(e.strikes("agents-table-broken"), "an agent who is logged in is not reported as logged out")
	case "unexpected_reply":
		must(e.strikes("empty", "empty-undone", "garbage", "garbage-undone", "translated"), "what VICIdial answers is expected")
	case "misconfigured":
		must(e.strikes("redirect"), "a correct configuration is not reported as wrong")
	default:
		must(false, "no other outcome fits a fault of VICIdial")
	}
	return broken
}

func (e observation) strikes(faults ...string) bool { return slices.Contains(faults, e.fault) }

// mayRun reports whether a HANGUP may take effect after the CHECK that saw the call: its own answer did not come, or
// a gateway's timeout came. The reply names the timeout; the message may be cut before it.
func (e observation) mayRun() bool {
	return strings.Contains(e.Message, "no whole answer came") || e.fault == "proxy-gives-up" && strings.Contains(e.Reply, "HTTP 502")
}

// The reply has the proxy's status, even if the message is cut.
func TestProxyTimeoutMayLeaveTheHangupRunning(t *testing.T) {
	t.Parallel()
	e := observation{
		answer: answer{Outcome: "still_listed", Attempts: 1, Message: "VICIdial still lists the call: try again (…", Reply: "HTTP 502, 122 bytes, Bad Gateway"},
		fault:  "proxy-gives-up", requests: []vicitest.Request{{Stage: "HANGUP", Fault: "proxy-gives-up"}, {Stage: "CHECK"}},
	}
	if broken := e.violations(); len(broken) > 0 {
		t.Error(broken)
	}
}
