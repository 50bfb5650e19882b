package vicicall_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// What must be true of every schedule.

// Faults by what a request that they strike can show; "" is no fault.
var (
	// A HANGUP among these may answer with a clean SUCCESS.
	cleanSuccess = []string{
		"", "restart", "does-nothing", "success-then-clean", "strict-sql-clean", "sender-stopped", "slow-work", "slow-middle", "slow", "slow-headers", "slow-body",
		"closes-after", "closes-silently", "warnings", "agent-logs-off",
	}
	// A CHECK among these shows at once whether the call is listed.
	plainCheck = []string{
		"", "restart", "does-nothing", "success-then-500", "success-then-refused", "success-then-fatal", "success-then-clean", "success-then-silence", "strict-sql-500",
		"strict-sql-clean", "first-requests-collide", "sender-stopped", "slow-middle", "reset-midway", "other-agent", "other-agent-undone",
		"closes-after", "closes-silently", "warnings", "agent-logs-off",
	}
	// A CHECK among these may show it, or show it late.
	doubtfulCheck = []string{"slow-work", "slow", "slow-headers", "slow-body", "translated", "other-call", "other-call-undone", tableReadsEmpty}
	// These answers are not those of an English VICIdial for this call.
	foreignAnswer = []string{"empty", "empty-undone", "garbage", "garbage-undone", "translated", "other-call", "other-call-undone"}
	// VICIdial stops before it does anything, and the answer shows it.
	stopsBefore = []string{"database-down", "database-down-500", "database-down-shown"}
)

// tableReadsEmpty is the fault in which VICIdial itself does not know that it lists the call.
const tableReadsEmpty = "calls-table-broken"

// judge checks what must be true of every delivery, whatever happened.
func (p *playback) judge(i int, result vicicall.Result, took time.Duration, state vicitest.CallState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcomes = append(p.outcomes, result.Outcome)
	must := func(ok bool, invariant string) {
		if !ok {
			p.violations = append(p.violations, fmt.Sprintf("delivery %d: %s: %+v after %v, and VICIdial has %+v; requests:%s", i, invariant, result, took, state, p.requests()))
		}
	}
	sent := p.sent(i)
	must(took <= p.Budget, "an answer comes within the budget")
	must(sent.hangups <= 2 && sent.checks <= 3, "at most 2 HANGUP and 3 CHECK are sent")
	must(sent.hangups <= result.Attempts && sent.checks <= result.Checks, "what arrived is counted")
	must(p.srv.MaxConcurrentHangups() <= p.deliveriesOf(state.ID), "no second HANGUP beside a first")
	if state.ID == p.call(i).ID {
		p.judgeKnown(must, sent, result, state)
	}
	gone := !state.Listed || p.has(tableReadsEmpty)
	switch result.Outcome {
	case vicicall.HungUp:
		must(gone, "hungup means that the call is not listed any more")
		must(!state.LineUp || p.has("strict-sql-clean", "sender-stopped", tableReadsEmpty) || p.restarted(), "hungup means that the line is down, except where no answer can show it")
		must(sent.struckBy(cleanSuccess), "hungup means that SUCCESS was read")
	case vicicall.NoLongerListed:
		must(gone, "no_longer_listed means that the call is not listed any more")
		must(sent.hangups == 2 || !sent.struckBy([]string{""}), "no_longer_listed means that an answer was lost or not reliable")
		must(!p.Lookup || !state.LineUp || p.has("sender-stopped", "agents-table-broken", "agent-logs-off") || p.loggedOff(),
			"no_longer_listed means that the line is down where the agent can be looked up, except where no answer can show it")
	case vicicall.NoActiveCall:
		unseen := p.names(i) == leadAlone && sent.hangups == 0 && (p.loggedOff() || p.has("agents-table-broken", "agent-logs-off")) // nobody is shown in it
		must(gone || unseen, "no_active_call means that the call is not listed")
		must(sent.hangups == 1 || p.names(i) != theCallID && sent.hangups == 0, "a call that a second HANGUP does not find was listed")
	case vicicall.OtherCall:
		must(p.names(i) == agentAndLead && sent.hangups == 0 && p.happens("another call follows"), "an agent is in another call only after another call")
	case vicicall.Accepted:
		must(p.Believe && sent.struckBy(cleanSuccess), "accepted means that SUCCESS was read and no CHECK was to be sent")
	case vicicall.Unknown:
		must(result.Attempts > 0, "unknown means that a HANGUP was sent")
	case vicicall.AgentNotLoggedIn:
		must(p.has("agents-table-broken", "agent-logs-off") || p.loggedOff(), "agent_not_logged_in means that the agent may have logged off")
	case vicicall.Unavailable:
		must(p.deliveriesOf(state.ID) > 1 || !p.ordered(state.ID), "unavailable means that nothing was done")
		must(sent.hangups == 0 || sent.hangups == 1 && sent.struckBy(stopsBefore), "unavailable means that VICIdial could do nothing")
	case vicicall.CredentialsRejected:
		must(p.passwordChanged(time.Now()), "credentials_rejected means that the password changed")
	case vicicall.UnexpectedReply:
		must(sent.struckBy(foreignAnswer) || sent.hangups == 0 && sent.lookupStruckBy(foreignAnswer), "unexpected_reply means that the answer was not VICIdial's")
	case vicicall.Misconfigured:
		must(sent.struckBy([]string{"redirect"}) || sent.hangups == 0 && sent.lookupStruckBy([]string{"redirect"}), "misconfigured means that the web server redirected")
	case vicicall.StillListed:
	default:
		must(false, "no other outcome fits these schedules")
	}
}

// judgeKnown checks that an outcome claims what the CHECKs showed, neither less nor more.
func (p *playback) judgeKnown(must func(bool, string), sent sent, result vicicall.Result, state vicitest.CallState) {
	delisted, known := p.delisted[state.ID]
	switch {
	case known:
	case state.Listed:
		delisted = time.Now().Add(time.Hour)
	default:
		delisted = time.Now()
	}
	if shown := sent.shown; shown != nil && sent.hangups == result.Attempts {
		must(!shown.Time.Before(delisted) || result.Outcome == vicicall.StillListed, "a call that a CHECK found is still_listed")
		gone := !shown.Time.Before(delisted)
		accepted := sent.struckBy(cleanSuccess) && result.Reply != ""
		doubt := gone && (sent.dead || p.Lookup && !accepted) // a restart may have emptied the list
		must(!shown.Time.After(delisted) || doubt || result.Outcome == vicicall.HungUp || result.Outcome == vicicall.NoLongerListed, "a call that a CHECK did not find is hungup or no_longer_listed")
		must(doubt || result.Outcome != vicicall.Unknown && result.Outcome != vicicall.Accepted && result.Outcome != vicicall.UnexpectedReply, "the outcome is what the CHECK showed")
		must(!sent.dead || result.Outcome != vicicall.HungUp && result.Outcome != vicicall.NoLongerListed, "a call is not gone because a dead database lost it")
	}
	switch result.Outcome {
	case vicicall.HungUp:
		must(sent.mayHaveShown(delisted, false), "hungup means that a CHECK did not find the call")
	case vicicall.NoLongerListed:
		must(sent.hangups == 2 || sent.mayHaveShown(delisted, false), "no_longer_listed means that a request did not find the call")
	case vicicall.StillListed:
		must(sent.mayHaveShown(delisted, true), "still_listed means that a CHECK found the call")
	}
}

// sent is what arrived of a delivery's requests.
type sent struct {
	hangups, checks int
	last            vicitest.Request   // HANGUP
	shown           *vicitest.Request  // the CHECK after it that showed whether the call is listed
	looks           []vicitest.Request // the CHECKs that may have shown it
	dead            bool               // VICIdial's database was down between HANGUP and the CHECK that showed it
	lookups         []vicitest.Request
}

func (p *playback) sent(delivery int) (s sent) {
	for _, r := range p.srv.Requests() {
		switch {
		case r.Source != sourceOf(delivery):
		case r.Stage == "HANGUP":
			s.hangups, s.last, s.shown, s.dead = s.hangups+1, r, nil, false
		case r.Stage == "tab":
			s.lookups = append(s.lookups, r)
		default:
			s.checks++
			plain := slices.Contains(plainCheck, r.Fault)
			s.dead = s.dead || slices.Contains(stopsBefore, r.Fault)
			if plain && !p.passwordChanged(r.Time) && !p.has("agent-logs-off") && !p.loggedOff() {
				s.shown = &r
			}
			if plain || slices.Contains(doubtfulCheck, r.Fault) {
				s.looks = append(s.looks, r)
			}
		}
	}
	return s
}

// struckBy reports whether a HANGUP arrived, and the last one was struck by one of these.
func (s sent) struckBy(faults []string) bool {
	return s.hangups > 0 && slices.Contains(faults, s.last.Fault)
}

// lookupStruckBy reports whether the last lookup that arrived was struck by one of these.
func (s sent) lookupStruckBy(faults []string) bool {
	return len(s.lookups) > 0 && slices.Contains(faults, s.lookups[len(s.lookups)-1].Fault)
}

// mayHaveShown reports whether a CHECK may have found the call, or not have found it.
func (s sent) mayHaveShown(delisted time.Time, listed bool) bool {
	return slices.ContainsFunc(s.looks, func(r vicitest.Request) bool {
		late := slices.Contains(doubtfulCheck, r.Fault)
		if listed {
			return !r.Time.After(delisted) && r.Fault != tableReadsEmpty
		}
		return late || !r.Time.Before(delisted) && !r.Time.Before(s.last.Time)
	})
}

// passwordChanged reports whether the password was another at a time, or changed at that instant.
func (p *playback) passwordChanged(at time.Time) bool {
	return slices.ContainsFunc(p.Events, func(h event) bool {
		return h.What == "the password changes" && (h.Before != "" || !p.began.Add(h.At).After(at))
	})
}

func (p *playback) deliveriesOf(callID string) int {
	n := 0
	for i := range p.Deliveries {
		if cmp.Or(p.found[i], p.call(i).ID) == callID {
			n++
		}
	}
	return n
}

// has reports whether any of these faults is in the schedule.
func (p *playback) has(names ...string) bool {
	return slices.ContainsFunc(p.Faults, func(f vicitest.Fault) bool { return slices.Contains(names, f.Name) })
}

func (p *playback) loggedOff() bool { return len(p.srv.Agents()) < 3 }

func (p *playback) happens(what string) bool {
	return slices.ContainsFunc(p.Events, func(h event) bool { return h.What == what })
}

func (p *playback) restarted() bool { return p.has("restart") || p.happens("the database restarts") }

// judgeOthers checks that no call is ended that no delivery meant: neither the one that follows, nor one passed on.
func (p *playback) judgeOthers() {
	for i, id := range p.found {
		if meant := p.call(i).ID; id != meant && (p.names(i) != leadAlone || id[10:] != meant[10:]) {
			p.violations = append(p.violations, fmt.Sprintf("delivery %d: found %s, and %s was meant", i, id, meant))
		}
	}
	for _, state := range p.srv.Calls() {
		if p.deliveriesOf(state.ID) == 0 && (p.ordered(state.ID) || !state.Listed && !p.restarted() && state.ID != p.calls[0].ID) {
			p.violations = append(p.violations, fmt.Sprintf("call %+v was ended, but no delivery meant it; requests:%s", state, p.requests()))
		}
	}
}

// ordered reports whether Asterisk was ordered to hang the call up.
func (p *playback) ordered(callID string) bool {
	return slices.ContainsFunc(p.srv.ManagerRows(), func(row vicitest.ManagerRow) bool { return strings.HasSuffix(row.CallerID, callID[4:]) })
}

func (p *playback) requests() string {
	var text strings.Builder
	for _, r := range p.srv.Requests() {
		fmt.Fprintf(&text, "\n\t%s %s %s %s %q", r.Time.Format("05.000"), r.Source, r.Stage, r.CallID, r.Fault)
	}
	return text.String()
}
