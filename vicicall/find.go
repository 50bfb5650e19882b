package vicicall

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A Query says which call is meant by what a helpdesk knows of it. All that is set must fit.
type Query struct {
	AgentUser string // the agent who is in the call; without it all agents are looked at

	CallID         string // asks whether AgentUser is in this very call
	LeadID         string // VICIdial's lead
	Phone          string // the lead's telephone number, or the caller's; +, spaces, dots, dashes, slashes and brackets don't matter
	VendorLeadCode string // what the lead loader or web form wrote into vendor_lead_code, mostly a ticket

	// BeganBefore is when a request that is served late was received: the call must have begun 10 s before it, by
	// VICIdial's clock. Until then it was the call meant, and a later one of the same lead is another. Zero is any time.
	BeganBefore time.Time

	Source string // who asks, as in [Call]
}

// String leaves out phone and vendor lead code, so that no log shows them by mistake.
func (q Query) String() string {
	return fmt.Sprintf("vicicall.Query{agent %q call %q lead %q}", q.AgentUser, q.CallID, q.LeadID)
}

// GoString is String: %#v leaves them out too.
func (q Query) GoString() string { return q.String() }

// LogValue is String as a [slog.Value].
func (q Query) LogValue() slog.Value { return slog.StringValue(q.String()) }

// Validate rejects a query that can't name one call. It reports every fault at once: each is a [FieldError] and wraps
// [ErrInvalidQuery].
func (q Query) Validate() error {
	f := faults{kind: ErrInvalidQuery}
	f.require(q.AgentUser == "" || madeOf(q.AgentUser, nameSet, 1, 20), "agent_user",
		"must be the remote agent's VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	f.require(q.CallID == "" || isCallID(q.CallID), "call_id", "must be VICIdial's call id: V, Y, J or M and 19 digits")
	f.require(q.CallID == "" || q.AgentUser != "", "agent_user", "must be sent with call_id")
	f.require(q.LeadID == "" || madeOf(leadNumber(q.LeadID), digits, 1, 10), "lead_id", "must be VICIdial's lead id: a whole number of at most 10 digits, above 0")
	f.require(q.Phone == "" || isPhone(q.Phone), "phone", "must be a telephone number of 7 to 20 digits")
	f.require(len([]rune(q.VendorLeadCode)) <= 20, "vendor_lead_code", "must have at most 20 characters: VICIdial cuts what is longer")
	f.require(q.Source == "" || madeOf(q.Source, alphanum, 2, 20), "source", "must be 2 to 20 letters or digits")
	if q.CallID == "" && q.LeadID == "" && q.Phone == "" && q.VendorLeadCode == "" {
		f.add("call_id", "is missing, and so are lead_id, phone and vendor_lead_code: send one of them. An agent alone names no call, since a repeated request would end the next one")
	}
	return f.err()
}

const (
	maxCandidates  = 100 // agents that are looked at one by one
	parallel       = 4   // of them at the same time
	maxLookupTries = 3
)

// Find returns the agent who is in the call that the query means. It asks agent_status for the query's agent, or
// logged_in_agents and then agent_status for each agent that may be meant, at most 100 and 4 at a time, and takes at most
// 30 % of the time that remains. With BeganBefore it asks for VICIdial's clock first (function=version). VICIdial is not
// changed, so any web server of the cluster may be asked again.
//
// The error is an [*Error]: NoActiveCall, AgentNotLoggedIn, OtherCall (the query's agent is in another call),
// InvalidRequest (the query is faulty or fits two agents, or VICIdial knows no such agent), UnexpectedReply (phone or
// code can't be told in VICIdial's answer, or not when the call began, or it is too old), Unavailable, and what an
// operator must act on.
//
// It needs [Credentials].Lookup: level 7 or more, View Reports, Agent API Access, and " agent_status logged_in_agents "
// among the allowed functions; its user group must be allowed to view the agents' groups and campaigns. It is never the
// hang-up account by itself, since VICIdial counts a lookup without the level as a failed login and locks the account,
// for hang-ups too. A refused login latches as it does for [Client.Hangup], but for this account alone.
func (c *Client) Find(ctx context.Context, cred Credentials, q Query) (Agent, error) {
	ctx, cancel := c.withBudget(ctx)
	defer cancel()
	deadline, _ := ctx.Deadline()
	ctx, cancelShare := context.WithTimeout(ctx, time.Until(deadline)*3/10)
	defer cancelShare()
	l, release, v := c.lookups(ctx, cred, q.Source, q.Validate())
	defer release()
	var found Agent
	if v.outcome == "" && !q.BeganBefore.IsZero() {
		v = l.readClock(q.BeganBefore)
	}
	switch {
	case v.outcome != "":
	case q.AgentUser != "":
		found, v = l.find(q)
	default:
		found, v = l.findAmongAll(q)
	}
	return found, l.failed(v, "find")
}

// AgentStatus returns the state of one agent. The error is an [*Error]: AgentNotLoggedIn, InvalidRequest (VICIdial
// knows no such agent, or the account may not view it), or as for [Client.Find].
func (c *Client) AgentStatus(ctx context.Context, cred Credentials, agentUser string) (Agent, error) {
	f := faults{kind: ErrInvalidQuery}
	f.require(madeOf(agentUser, nameSet, 1, 20), "agent_user", "must be a VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	l, cancel, v := c.lookups(ctx, cred, "", f.err())
	defer cancel()
	var a Agent
	if v.outcome == "" {
		a, v = l.agentStatus(agentUser)
	}
	return a, l.failed(v, "agent_status")
}

// LoggedInAgents returns all agents that are logged in and that the lookup account may view. The error is an [*Error]
// as for [Client.Find].
func (c *Client) LoggedInAgents(ctx context.Context, cred Credentials) ([]Agent, error) {
	l, cancel, v := c.lookups(ctx, cred, "", nil)
	defer cancel()
	var agents []Agent
	if v.outcome == "" {
		agents, v = l.loggedInAgents([2]string{"show_sub_status", "YES"})
	}
	return agents, l.failed(v, "logged_in_agents")
}

// lookups ask the non-agent API with one account and one deadline.
type lookups struct {
	session
	source string

	clock    time.Time     // VICIdial's, where a call must have begun before some time
	youngest time.Duration // the age that such a call has at least; 0 is any
}

// lookups returns what asks, or the verdict of what must not be asked.
func (c *Client) lookups(ctx context.Context, cred Credentials, source string, invalid error) (*lookups, context.CancelFunc, verdict) {
	ctx, cancel := c.withBudget(ctx)
	account, ok := cred.forLookup()
	l := &lookups{session: session{client: c, ctx: ctx, cred: account}, source: cmp.Or(source, defaultSource)}
	if invalid != nil {
		return l, cancel, verdict{outcome: InvalidRequest, message: FaultText(invalid), err: invalid}
	}
	if !ok {
		return l, cancel, verdict{outcome: Misconfigured, message: adviceNoLookup}
	}
	if err := c.Validate(cred); err != nil {
		return l, cancel, verdict{outcome: Misconfigured, message: FaultText(err), err: err}
	}
	l.transport = c.transport(account)
	release, v := c.accounts.admit(ctx, account)
	return l, func() { release(); cancel() }, v
}

const adviceNoLookup = "lookup is missing in VICIdial's secret: the account for looking calls up, {\"user\": …, \"pass\": …}"

// find returns the query's agent if that agent is in the call that the query means.
func (l *lookups) find(q Query) (Agent, verdict) {
	a, v := l.agentStatus(q.AgentUser)
	if v.outcome != "" {
		return Agent{}, v
	}
	if !a.InCall() {
		return Agent{}, verdict{outcome: NoActiveCall, message: "VICIdial shows this agent in no call: it has ended, or never was"}
	}
	switch q.fits(a) {
	case differs:
		return Agent{}, verdict{outcome: OtherCall, message: OtherCall.Advice()}
	case unreadable:
		return Agent{}, verdict{outcome: UnexpectedReply, message: adviceUnreadable}
	}
	if v := l.judgeAge(a.CallID); v.outcome != "" {
		return Agent{}, v
	}
	return a, v
}

// clockSlack is for the cut fractions of two times and for clocks that differ: a call id has the dialer's time, and
// VICIdial warns of servers whose clocks differ from the database's by more than 8 s.
const clockSlack = 10 * time.Second

// readClock asks for VICIdial's clock, by which [lookups.judgeAge] decides.
func (l *lookups) readClock(beganBefore time.Time) verdict {
	version, v := l.version()
	l.clock = version.Time
	l.youngest = max(0, l.client.config.Now().Sub(beganBefore)) + clockSlack
	return v
}

// judgeAge returns the verdict on a call that began too late to be the one meant. When summer time begins, the time of
// day jumps by an hour, so an age of little more than an hour may be that of a new call.
func (l *lookups) judgeAge(callID string) verdict {
	if l.youngest == 0 {
		return verdict{}
	}
	began, ok := beganAt(callID, l.clock)
	if !ok {
		return verdict{outcome: UnexpectedReply, message: adviceNoTime}
	}
	age := l.clock.Sub(began) // below zero where the dialer's clock is ahead, or summer time has ended
	if age < l.youngest || age >= time.Hour && age < time.Hour+l.youngest {
		return verdict{outcome: OtherCall, message: adviceTooYoung}
	}
	return verdict{}
}

// beganAt returns the local time in a call id: a letter, mddHHMMSS (of the month the second digit) and the lead. The
// call began on the day of VICIdial's clock or on one beside it.
func beganAt(callID string, clock time.Time) (time.Time, bool) {
	for _, days := range []int{0, -1, 1} {
		day := clock.AddDate(0, 0, days)
		if day.Format("0102")[1:] == callID[1:4] {
			began, err := time.ParseInLocation("20060102150405", day.Format("20060102")+callID[4:10], clock.Location())
			return began, err == nil
		}
	}
	return time.Time{}, false
}

// findAmongAll returns the one agent who is in the call that the query means.
func (l *lookups) findAmongAll(q Query) (Agent, verdict) {
	agents, v := l.loggedInAgents()
	if v.outcome != "" {
		return Agent{}, v
	}
	candidates := agents[:0]
	for _, a := range agents {
		if a.InCall() && (q.LeadID == "" || a.LeadID == leadNumber(q.LeadID)) {
			candidates = append(candidates, a)
		}
	}
	if len(candidates) > maxCandidates {
		return Agent{}, verdict{outcome: InvalidRequest, message: fmt.Sprintf("more than %d agents are in calls: send agent_user too", maxCandidates)}
	}
	found, v := l.findEach(q, candidates)
	switch {
	case v.outcome != "":
		return Agent{}, v
	case len(found) > 1:
		return Agent{}, verdict{outcome: InvalidRequest, message: "more than one agent is in such a call: send agent_user too"}
	case len(found) == 0:
		return Agent{}, verdict{outcome: NoActiveCall, message: "VICIdial shows no agent in such a call (of those whom the lookup account may view): it has ended, or never was"}
	}
	return found[0], verdict{}
}

// findEach returns those candidates who are in the call that the query means, or the verdict on the first who can't be
// told apart: that might be another one.
func (l *lookups) findEach(q Query, candidates []Agent) ([]Agent, verdict) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	var (
		all    sync.WaitGroup
		slots  = make(chan struct{}, parallel)
		mu     sync.Mutex
		found  []Agent
		failed verdict
	)
	for _, c := range candidates {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			one, query := *l, q
			one.ctx, query.AgentUser = ctx, c.User
			a, v := one.find(query)
			mu.Lock()
			defer mu.Unlock()
			switch v.outcome {
			case "":
				found = append(found, a)
			case NoActiveCall, AgentNotLoggedIn, OtherCall:
			default:
				if failed.outcome == "" {
					failed, l.result.Reply = v, one.result.Reply
				}
				cancel()
			}
		})
	}
	all.Wait()
	return found, failed
}

func (l *lookups) agentStatus(agentUser string) (a Agent, v verdict) {
	v = l.ask("agent_status", [][2]string{{"agent_user", agentUser}}, func(status int, body []byte) (r Reply) {
		a, r = ParseAgentStatus(status, body, agentUser)
		return r
	})
	return a, v
}

func (l *lookups) loggedInAgents(fields ...[2]string) (agents []Agent, v verdict) {
	v = l.ask("logged_in_agents", fields, func(status int, body []byte) (r Reply) {
		agents, r = ParseLoggedInAgents(status, body)
		if r.Message == adviceTooOld {
			r.Message = adviceTooOldList
		}
		return r
	})
	return agents, v
}

// ask sends a lookup. A verdict without outcome means that parse has found what was asked for.
// An answer that is none makes it ask the next web server, up to 3 times.
func (l *lookups) ask(function string, fields [][2]string, parse func(status int, body []byte) Reply) verdict {
	form := encode(append([][2]string{
		{"source", l.source}, {"user", l.cred.User}, {"pass", l.cred.Pass}, {"function", function}, {"stage", "tab"},
	}, fields...))
	v := verdict{outcome: Unavailable, err: errNoTime}
	for try := 1; try <= maxLookupTries; try++ {
		r := l.deliver(request{nonAgentAPI, form}, l.readLimit(try == maxLookupTries))
		var again bool
		if r.sent || try == 1 { // an answer counts although no other lookup can be sent
			v, again = l.judge(r, parse)
		}
		if !r.sent || !again {
			break
		}
		l.nextServer()
		if try%len(l.cred.URLs) == 0 && try < maxLookupTries && !l.pause(0) {
			break
		}
	}
	return v
}

// judge returns the verdict on the response to a lookup, and whether another web server may do better.
func (l *lookups) judge(r response, parse func(status int, body []byte) Reply) (v verdict, again bool) {
	switch {
	case !r.sent:
		return unreached(r), false
	case r.redirect != "":
		return redirected(r), false
	case !r.whole:
		return verdict{outcome: Unavailable, message: Unavailable.Advice() + " (no whole answer came: " + reason(r.err) + ")", err: r.err}, true
	}
	reply := parse(r.status, r.body)
	switch reply.Outcome {
	case CredentialsRejected, LockedOut, IPBlocked:
		l.client.accounts.refused(l.cred, reply.Outcome, reply.Message)
	case "", AgentNotLoggedIn, InvalidRequest:
		l.client.accounts.accepted(l.cred)
	}
	l.result.Reply = reply.Line
	v = verdict{outcome: reply.Outcome, message: reply.Message}
	if reply.Outcome == Unavailable {
		v.message += " (" + reply.Line + ")"
	}
	return v, reply.Outcome == Unavailable || reply.Doubtful
}

// A fit says whether an agent's call is the one that a query means.
type fit int

const (
	differs fit = iota
	unreadable
	equal
)

const adviceUnreadable = "VICIdial's answer does not show which fields are phone and code: remove the tab from the agent's full name or the code, or send lead_id (VICIdial before 2.10 needs it)"

func (q Query) fits(a Agent) fit {
	switch {
	case q.CallID != "" && q.CallID != a.CallID, q.LeadID != "" && leadNumber(q.LeadID) != a.LeadID:
		return differs
	case q.Phone == "" && q.VendorLeadCode == "":
		return equal
	case !a.Contact:
		return unreadable
	case q.Phone != "" && !samePhone(q.Phone, a.Phone), q.VendorLeadCode != "" && q.VendorLeadCode != a.VendorLeadCode:
		return differs
	}
	return equal
}

func leadNumber(text string) string { return strings.TrimLeft(text, "0") }

func isPhone(text string) bool {
	n := len(digitsOf(text))
	return n >= 7 && n <= 20 && len(text) <= 40 && strings.Trim(text, digits+"+-./() ") == ""
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// samePhone reports whether one number is the other's end, with at most 4 digits before it: a country code.
func samePhone(a, b string) bool {
	short, long := digitsOf(a), digitsOf(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	return len(short) >= 7 && len(long)-len(short) <= 4 && strings.HasSuffix(long, short)
}

// failed returns the verdict as an error, nil for one without outcome.
func (l *lookups) failed(v verdict, op string) error {
	if v.outcome == "" {
		return nil
	}
	return &Error{Op: op, Outcome: v.outcome, Message: v.message, Reply: l.result.Reply, Err: v.err}
}
