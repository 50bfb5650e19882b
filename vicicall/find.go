package vicicall

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Query describes a call by what a helpdesk knows of it. All fields that are set must fit.
type Query struct {
	AgentUser string // the agent who is in the call; empty: any

	CallID         string // AgentUser must be in this very call
	LeadID         string // VICIdial's lead
	Phone          string // the lead's telephone number, or the caller's; +, spaces, dots, dashes, slashes and brackets don't matter
	VendorLeadCode string // what the lead loader or web form wrote into vendor_lead_code, mostly a ticket

	// BeganBefore is when a request that is served late was received. The call must have begun 10 s before, by VICIdial's
	// clock: a later call of the same lead is another one. Zero: any time.
	BeganBefore time.Time

	Source string // who asks, as in [Call]
}

// String leaves out phone and vendor lead code, so that they are in no log by mistake.
func (q Query) String() string {
	return fmt.Sprintf("vicicall.Query{agent %q call %q lead %q}", q.AgentUser, q.CallID, q.LeadID)
}

// GoString is String: %#v leaves them out too.
func (q Query) GoString() string { return q.String() }

// LogValue is String as a [slog.Value].
func (q Query) LogValue() slog.Value { return slog.StringValue(q.String()) }

// Validate rejects a query that can't describe one call. It returns every fault at once: each is a [FieldError] and wraps
// [ErrInvalidQuery].
func (q Query) Validate() error {
	f := faults{kind: ErrInvalidQuery}
	f.require(q.AgentUser == "" || isAgentUser(q.AgentUser), "agent_user",
		"must be the remote agent's VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	f.require(q.CallID == "" || isCallID(q.CallID), "call_id", "must be VICIdial's call id: V, Y, J or M and 19 digits")
	f.require(q.CallID == "" || q.AgentUser != "", "agent_user", "must be sent with call_id")
	f.require(q.LeadID == "" || isLeadNumber(leadNumber(q.LeadID)), "lead_id", "must be VICIdial's lead id: a whole number of at most 10 digits, above 0")
	f.require(q.Phone == "" || isPhoneText(q.Phone) && isPhoneDigits(digitsOf(q.Phone)), "phone", "must be a telephone number of 7 to 20 digits")
	f.require(len([]rune(q.VendorLeadCode)) <= 20, "vendor_lead_code", "must have at most 20 characters: VICIdial cuts what is longer")
	f.require(q.Source == "" || isSource(q.Source), "source", "must be 2 to 20 letters or digits")
	if q.CallID == "" && q.LeadID == "" && q.Phone == "" && q.VendorLeadCode == "" {
		f.add("call_id", "is missing, and so are lead_id, phone and vendor_lead_code: send one of them. An agent alone names no call, since a repeated request would end the next one")
	}
	return f.err()
}

const (
	maxCandidates  = 100 // agents that are looked up one by one
	parallel       = 4   // of them at the same time
	maxLookupTries = 3
)

// Find returns the agent who is in the call that the query means. It asks agent_status for the query's agent, or
// logged_in_agents and then agent_status for each agent that may be meant, at most 100 and 4 at a time, and takes at most
// 30 % of the time that remains. With BeganBefore it asks for VICIdial's clock first (function=version). Nothing changes
// at VICIdial, so another web server of the cluster may be asked the same.
//
// The error is an [*Error]: NoActiveCall, AgentNotLoggedIn, OtherCall (the query's agent is in another call),
// InvalidRequest (the query is faulty or fits two agents, or VICIdial knows no such agent), UnexpectedReply (phone or
// code, or when the call began, is not clear from VICIdial's answer, or it is too old), Unavailable, and what an operator
// must act on.
//
// It needs [Credentials].Lookup: level 7 or more, View Reports, Agent API Access, and " agent_status logged_in_agents "
// among the allowed functions; its user group must be allowed to view the agents' groups and campaigns. It is never the
// hang-up account by itself, since VICIdial counts a lookup without the level as a failed login and locks the account,
// for hang-ups too. A refused login latches as with [Client.Hangup], but for this account alone.
func (c *Client) Find(ctx context.Context, cred Credentials, q Query) (Agent, error) {
	ctx, cancel := c.withBudget(ctx)
	defer cancel()
	deadline, _ := ctx.Deadline()
	ctx, cancelShare := context.WithTimeout(ctx, time.Until(deadline)*3/10)
	defer cancelShare()
	s, end, v := c.beginLookup(ctx, cred, q.Source, q.Validate())
	defer end()
	found, w := Agent{}, wanted{Query: q}
	if v.outcome == "" && !q.BeganBefore.IsZero() {
		v = s.readClock(&w)
	}
	switch {
	case v.outcome != "":
	case q.AgentUser != "":
		found, v = s.find(w)
	default:
		found, v = s.findAmongAll(w)
	}
	return found, s.failure("find", v)
}

// AgentStatus returns the state of one agent. The error is an [*Error]: AgentNotLoggedIn, InvalidRequest (VICIdial
// knows no such agent, or the account may not view it), or as for [Client.Find].
func (c *Client) AgentStatus(ctx context.Context, cred Credentials, agentUser string) (a Agent, _ error) {
	f := faults{kind: ErrInvalidQuery}
	f.require(isAgentUser(agentUser), "agent_user", "must be a VICIdial user: 1 to 20 letters, digits, '-' or '_'")
	s, end, v := c.beginLookup(ctx, cred, "", f.err())
	defer end()
	if v.outcome == "" {
		a, v = s.agentStatus(agentUser)
	}
	return a, s.failure("agent_status", v)
}

// LoggedInAgents returns all agents that are logged in and that the lookup account may view. The error is an [*Error]
// as for [Client.Find].
func (c *Client) LoggedInAgents(ctx context.Context, cred Credentials) (agents []Agent, _ error) {
	s, end, v := c.beginLookup(ctx, cred, "", nil)
	defer end()
	if v.outcome == "" {
		agents, v = s.loggedInAgents([2]string{"show_sub_status", "YES"})
	}
	return agents, s.failure("logged_in_agents", v)
}

// beginLookup begins a session with the account for lookups.
func (c *Client) beginLookup(ctx context.Context, cred Credentials, source string, invalid error) (*session, func(), verdict) {
	account, ok := cred.forLookup()
	var refused verdict
	if err := c.Validate(cred); err != nil {
		refused = verdict{Misconfigured, FaultText(err), err}
	}
	if !ok {
		refused = verdict{Misconfigured, adviceNoLookup, nil}
	}
	if invalid != nil {
		refused = verdict{InvalidRequest, FaultText(invalid), invalid}
	}
	return c.begin(ctx, account, Call{Source: source}, refused)
}

// wanted is a query, and what is needed to judge the age of a call.
type wanted struct {
	Query
	clock  time.Time     // VICIdial's
	minAge time.Duration // of the call; 0 is any
}

// find returns the query's agent if that agent is in the call that the query means.
func (s *session) find(w wanted) (Agent, verdict) {
	a, v := s.agentStatus(w.AgentUser)
	if v.outcome == "" && !a.InCall() {
		v = verdict{NoActiveCall, "VICIdial shows this agent in no call: it has ended, or never was", nil}
	}
	if v.outcome == "" {
		v = w.judgeCall(a)
	}
	if v.outcome == "" && w.minAge > 0 {
		v = w.judgeAge(a.CallID)
	}
	if v.outcome != "" {
		return Agent{}, v
	}
	return a, v
}

// clockSlack is for whole seconds and for clocks that differ: a call id has the dialer's time, and VICIdial warns of a
// server's clock when it differs from the database's by more than 8 s.
const clockSlack = 10 * time.Second

// readClock asks for VICIdial's clock.
func (s *session) readClock(w *wanted) verdict {
	version, v := s.version()
	w.clock = version.Time
	w.minAge = max(0, s.client.config.Now().Sub(w.BeganBefore)) + clockSlack
	return v
}

// judgeAge returns the verdict on a call that began too late to be the one meant. When summer time begins, the time of
// day jumps by an hour, so an age of little more than an hour may be that of a new call.
func (w wanted) judgeAge(callID string) verdict {
	began, ok := beganAt(callID, w.clock)
	if !ok {
		return verdict{UnexpectedReply, adviceNoTime, nil}
	}
	age := w.clock.Sub(began) // below zero where the dialer's clock is ahead, or summer time has ended
	if age < w.minAge || age >= time.Hour && age < time.Hour+w.minAge {
		return verdict{OtherCall, adviceTooYoung, nil}
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
func (s *session) findAmongAll(w wanted) (Agent, verdict) {
	agents, v := s.loggedInAgents()
	if v.outcome != "" {
		return Agent{}, v
	}
	candidates := slices.DeleteFunc(agents, func(a Agent) bool {
		return !a.InCall() || w.LeadID != "" && a.LeadID != leadNumber(w.LeadID)
	})
	if len(candidates) > maxCandidates {
		return Agent{}, verdict{InvalidRequest, fmt.Sprintf("more than %d agents are in calls: send agent_user too", maxCandidates), nil}
	}
	found, v := s.findEach(w, candidates)
	switch {
	case v.outcome != "":
		return Agent{}, v
	case len(found) > 1:
		return Agent{}, verdict{InvalidRequest, "more than one agent is in such a call: send agent_user too", nil}
	case len(found) == 0:
		return Agent{}, verdict{NoActiveCall, "VICIdial shows no agent in such a call (of those whom the lookup account may view): it has ended, or never was", nil}
	}
	return found[0], verdict{}
}

// findEach returns the candidates who are in the call that the query means. If that is not clear of one of them, it
// returns the verdict on that one.
func (s *session) findEach(w wanted, candidates []Agent) ([]Agent, verdict) {
	ctx, cancel := context.WithCancel(s.ctx)
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
			one, w := *s, w
			one.ctx, w.AgentUser = ctx, c.User
			a, v := one.find(w)
			mu.Lock()
			defer mu.Unlock()
			switch v.outcome {
			case "":
				found = append(found, a)
			case NoActiveCall, AgentNotLoggedIn, OtherCall:
			default:
				if failed.outcome == "" {
					failed, s.result.Reply = v, one.result.Reply
				}
				cancel()
			}
		})
	}
	all.Wait()
	return found, failed
}

func (s *session) agentStatus(agentUser string) (a Agent, v verdict) {
	v = s.ask("agent_status", [][2]string{{"agent_user", agentUser}}, func(status int, body []byte) (r Reply) {
		a, r = ParseAgentStatus(status, body, agentUser)
		return r
	})
	return a, v
}

func (s *session) loggedInAgents(fields ...[2]string) (agents []Agent, v verdict) {
	v = s.ask("logged_in_agents", fields, func(status int, body []byte) (r Reply) {
		agents, r = ParseLoggedInAgents(status, body)
		if r.Message == adviceTooOld {
			r.Message = adviceTooOldList
		}
		return r
	})
	return agents, v
}

// ask sends a lookup, up to 3 times to one web server after the other while one may do better. The verdict has no
// outcome when parse found what was asked for.
func (s *session) ask(function string, fields [][2]string, parse func(status int, body []byte) Reply) (v verdict) {
	form := encode(append([][2]string{
		{"source", s.call.Source}, {"user", s.cred.User}, {"pass", s.cred.Pass}, {"function", function}, {"stage", "tab"},
	}, fields...))
	s.sendUntil(request{nonAgentAPI, form}, maxLookupTries, func(r response) bool {
		var again bool
		v, again = s.judge(r, parse)
		return !again
	})
	return v
}

// judge returns the verdict on the response to a lookup, and whether to ask another web server.
func (s *session) judge(r response, parse func(status int, body []byte) Reply) (v verdict, again bool) {
	if v, faulty := r.fault(); faulty {
		return v, r.sent && r.redirect == ""
	}
	reply := parse(r.status, r.body)
	switch reply.Outcome {
	case CredentialsRejected, LockedOut, IPBlocked:
		s.client.logins.refused(s.cred, reply.Outcome, reply.Message)
	case "", AgentNotLoggedIn, InvalidRequest:
		s.client.logins.accepted(s.cred)
	}
	s.result.Reply = reply.Line
	v = verdict{outcome: reply.Outcome, message: reply.Message}
	if reply.Outcome == Unavailable {
		v.message += " (" + reply.Line + ")"
	}
	return v, reply.Outcome == Unavailable || reply.Doubtful
}

// judgeCall returns the verdict on an agent's call that is, or may be, another than the query describes.
func (q Query) judgeCall(a Agent) verdict {
	differs := verdict{outcome: OtherCall, message: OtherCall.Advice()}
	switch {
	case q.CallID != "" && q.CallID != a.CallID, q.LeadID != "" && leadNumber(q.LeadID) != a.LeadID:
		return differs
	case q.Phone == "" && q.VendorLeadCode == "":
		return verdict{}
	case !a.Contact:
		return verdict{outcome: UnexpectedReply, message: adviceUnreadable}
	case q.Phone != "" && !samePhone(q.Phone, a.Phone), q.VendorLeadCode != "" && q.VendorLeadCode != a.VendorLeadCode:
		return differs
	}
	return verdict{}
}

var (
	isLeadNumber  = madeOf(digits, 1, 10)
	isPhoneText   = madeOf(digits+"-+./() ", 7, 40)
	isPhoneDigits = madeOf(digits, 7, 20)
)

func leadNumber(text string) string { return strings.TrimLeft(text, "0") }

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(digits, r) {
			return r
		}
		return -1
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
