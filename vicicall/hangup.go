package vicicall

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxChecks    = 3
	checkReserve = 500 * time.Millisecond // always left for CHECK
)

// Hangup ends a call, at most once as far as VICIdial shows, and returns what became of it.
//
// It sends HANGUP, looks again with CHECK, and sends HANGUP a second time only after a whole answer and a CHECK
// that still finds the call listed. When bytes of a HANGUP were sent and no whole answer came, or that of a gateway
// that stopped waiting, the first may still be running: no second is sent, only CHECKs. A request of which nothing
// was sent goes on to the next web server. HANGUP takes at most 60 % of the time that remains until the deadline of
// ctx (see [Config.Budget]), and 500 ms always stay for CHECK.
//
// The Result is always filled. The error is nil for HungUp, Accepted, NoLongerListed, NoActiveCall and
// AgentNotLoggedIn, and an [*Error] for every other outcome.
func (c *Client) Hangup(ctx context.Context, cred Credentials, call Call) (Result, error) {
	return c.run(ctx, "hangup", cred, call, (*session).hangup)
}

// Check checks whether Hangup would find the call: stage=CHECK, which no version of VICIdial knows as a stage,
// so that it does everything that HANGUP does before the work, and no work.
//
// The error is nil for WouldHangUp, NoActiveCall and AgentNotLoggedIn, and an [*Error] for every other outcome.
func (c *Client) Check(ctx context.Context, cred Credentials, call Call) (Result, error) {
	return c.run(ctx, "check", cred, call, func(s *session) verdict {
		state, a := s.recheck()
		if state == maybeLost {
			return verdict{Unavailable, adviceRestartSeen, nil}
		}
		return s.checked(a)
	})
}

// An agent and a call that no VICIdial has, for a probe.
const (
	noAgent = "vicihookprobe"
	noCall  = "V0000000000000000000"
)

// Probe tries the account once, with a CHECK for an agent and a call that can't be, at the web server URLs[at], or at
// those after it while nothing could be sent. AgentNotLoggedIn or NoActiveCall means that web server, user, password,
// agent API access, permission and address are good.
//
// Nothing changes at VICIdial but its API log. The error is nil for those two outcomes, and an [*Error] for every other;
// a refusal latches as with Check.
func (c *Client) Probe(ctx context.Context, cred Credentials, at int) (Result, error) {
	return c.run(ctx, "probe", cred, Call{ID: noCall, AgentUser: noAgent}, func(s *session) verdict {
		s.at = at % len(cred.URLs)
		a := s.send(stageCheck, all)
		if a.sent {
			s.result.Checks++
		}
		v := s.checked(a)
		if v.outcome.isAnswer() && strings.HasPrefix(a.reply.Line, translatedMark) { // the account can't hang up
			return verdict{UnexpectedReply, adviceTranslated, nil}
		}
		return v
	})
}

func (s *session) hangup() verdict {
	first := s.sendHangup()
	if v, ok := s.decided(first); ok {
		return v
	}
	state, check := s.recheck()
	if state != listed || first.mayStillRun() {
		return s.conclude(first, state, check)
	}
	second := s.sendHangup()
	switch {
	case !second.sent:
		return s.conclude(first, listed, check)
	case second.reply.Outcome == NoActiveCall && !second.reply.Doubtful:
		return s.gone("")
	case second.reply.Outcome == Unavailable && !second.reply.Doubtful:
		return s.conclude(second, listed, check)
	}
	if v, ok := s.decided(second); ok {
		return v
	}
	state, check = s.recheck()
	return s.conclude(second, state, check)
}

func (s *session) sendHangup() answer {
	a := s.send(stageHangup, leaveCheck)
	if a.sent {
		s.result.Attempts++
		s.result.Reply = a.reply.Line
	}
	if a.sent && !a.whole {
		s.nextServer() // ask another about it, if there is one
	}
	return a
}

// decided reports whether the answer to a HANGUP settles the outcome without a CHECK.
func (s *session) decided(a answer) (verdict, bool) {
	switch {
	case !a.sent:
		return unreached(a.response), true
	case a.redirect != "":
		return redirected(a.response), true
	case a.accepted():
		return verdict{Accepted, Accepted.Advice(), nil}, s.client.config.SkipRecheck
	case !a.whole || a.reply.Outcome == Ambiguous || a.reply.Doubtful:
		return verdict{}, false
	}
	return verdict{a.reply.Outcome, a.reply.Message, nil}, true
}

// conclude derives the outcome from the last answer to a HANGUP and the CHECK after it.
func (s *session) conclude(a answer, state listing, check answer) verdict {
	switch {
	case state == listed:
		return verdict{StillListed, StillListed.Advice() + a.detail(), a.err}
	case state == maybeLost:
		return verdict{Unknown, adviceRestart, a.err}
	case state == notListed && a.accepted():
		return verdict{HungUp, HungUp.Advice(), nil}
	case state == notListed:
		return s.gone(a.detail())
	case a.accepted():
		return verdict{Unknown, adviceUnchecked + check.detail(), check.err}
	case a.reply.Outcome == NoActiveCall, a.reply.Outcome == AgentNotLoggedIn:
		return verdict{UnexpectedReply, a.reply.Message, nil}
	}
	return verdict{Unknown, Unknown.Advice() + a.detail() + "; CHECK" + check.detail(), a.err}
}

const (
	adviceUnchecked   = "VICIdial accepted the hang-up, but CHECK did not show whether it still lists the call: try again"
	adviceRestart     = "a hang-up was sent, VICIdial's database was down, and now it does not list the call: a restart empties that list, so the call may be up or not. Try again"
	adviceRestartSeen = "VICIdial's database was down, and now it does not list the call: a restart empties that list, so the call may be up or not. Try again"
	adviceStillShown  = "a hang-up was sent, and VICIdial does not list the call, but shows the agent in it: its database was restarted, or the call has just ended. Try again"
	adviceNotLookedUp = "a hang-up was sent, and VICIdial does not list the call, but could not be asked whether the agent is still in it: try again"
)

// gone returns the verdict on a call that is not listed after a HANGUP whose answer was lost or is not reliable. A restart
// of VICIdial's database delists a call too, but leaves it in the agent's row, which an account for lookups can see.
func (s *session) gone(detail string) verdict {
	v := verdict{NoLongerListed, NoLongerListed.Advice() + detail, nil}
	if s.cred.Lookup == nil {
		return v
	}
	l, end, failed := s.client.beginLookup(s.ctx, s.cred, s.call.Source, nil)
	defer end()
	var a Agent
	if failed.outcome == "" {
		a, failed = l.agentStatus(s.call.AgentUser)
	}
	switch {
	case failed.outcome == AgentNotLoggedIn, failed.outcome == "" && a.CallID != s.call.ID:
		return v
	case failed.outcome == "":
		return verdict{Unknown, adviceStillShown, nil}
	}
	return verdict{Unknown, adviceNotLookedUp + " (" + failed.message + ")", failed.err}
}

// A listing is whether VICIdial lists the call.
type listing int

const (
	cannotTell listing = iota
	listed
	notListed
	maybeLost // not listed, after an answer of a dead database: a restart empties the list
)

var errNoCheck = errors.New("no CHECK is left")

// recheck sends CHECK until an answer shows whether the call is listed, and returns the last answer. It goes on to the
// next web server at any failure, but not at VICIdial's own refusal: the whole cluster has one database.
func (s *session) recheck() (state listing, last answer) {
	last.err = errNoCheck
	databaseWasDown := false
	s.sendUntil(request{agentAPI, s.form(stageCheck)}, maxChecks-s.result.Checks, func(r response) (done bool) {
		last = s.classify(r)
		if r.sent {
			s.result.Checks++
		}
		switch {
		case last.reply.Listed:
			state = listed
		case last.reply.Outcome == NoActiveCall && !last.reply.Doubtful && databaseWasDown:
			state = maybeLost
		case last.reply.Outcome == NoActiveCall && !last.reply.Doubtful:
			state = notListed
		case last.failed():
			databaseWasDown = databaseWasDown || last.reply.Outcome == Unavailable && !last.reply.Doubtful
			return false
		}
		return true
	})
	return state, last
}

// checked returns the verdict of a session that only sent CHECKs.
func (s *session) checked(a answer) verdict {
	s.result.Reply = a.reply.Line
	v, faulty := a.fault()
	switch {
	case a.reply.Listed:
		return verdict{WouldHangUp, WouldHangUp.Advice(), nil}
	case a.reply.Outcome == NoActiveCall && !a.reply.Doubtful:
		return verdict{NoActiveCall, a.reply.Message, nil}
	case faulty:
		return v
	case a.reply.Outcome == Unavailable, a.status >= http.StatusInternalServerError && a.reply.Outcome == Ambiguous:
		return verdict{Unavailable, Unavailable.Advice() + a.detail(), nil}
	case a.reply.Outcome == Accepted, a.reply.Outcome == Ambiguous, a.reply.Doubtful:
		return verdict{UnexpectedReply, UnexpectedReply.Advice() + a.detail(), nil}
	}
	return verdict{a.reply.Outcome, a.reply.Message, nil}
}

// An answer is a response of the agent API, classified.
type answer struct {
	response
	reply Reply // of a whole response
}

// send sends a stage of ra_call_control to the agent API.
func (s *session) send(stage string, limit limit) answer {
	return s.classify(s.deliver(request{agentAPI, s.form(stage)}, limit))
}

// classify reads a response of the agent API, and remembers whether VICIdial accepted the account.
func (s *session) classify(r response) answer {
	if !r.whole {
		return answer{response: r}
	}
	reply := ParseReply(r.status, r.body, s.call.ID, s.call.AgentUser)
	switch reply.Outcome {
	case CredentialsRejected, LockedOut:
		s.client.logins.refused(s.cred, reply.Outcome, reply.Outcome.Advice())
	case Accepted, NoActiveCall, AgentNotLoggedIn, RequestRejected, PermissionDenied, APIAccessDenied:
		s.client.logins.accepted(s.cred)
	}
	return answer{r, reply}
}

// form is the request's body: every field present, value never empty and pass not last,
// since from 2.14-54 VICIdial takes the last field for a value that is missing.
func (s *session) form(stage string) string {
	return encode([][2]string{
		{"source", s.call.Source}, {"user", s.cred.User}, {"pass", s.cred.Pass}, {"function", "ra_call_control"},
		{"stage", stage}, {"agent_user", s.call.AgentUser}, {"value", s.call.ID}, {"status", s.call.Disposition},
	})
}

// encode keeps the order of the fields; url.Values would sort them.
func encode(fields [][2]string) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f[0] + "=" + url.QueryEscape(f[1])
	}
	return strings.Join(parts, "&")
}

func (a answer) accepted() bool {
	return a.whole && a.reply.Outcome == Accepted && !a.reply.Doubtful
}

// failed reports whether another web server may do better.
func (a answer) failed() bool {
	switch a.reply.Outcome {
	case Unavailable, Ambiguous, UnexpectedReply:
		return true
	}
	return !a.whole || a.reply.Doubtful
}

// gatewayPatience is shorter than the timeout of any gateway.
const gatewayPatience = time.Second

// mayStillRun reports whether VICIdial may still be at work on the request: no whole answer came, or a gateway may have
// written it after its timeout: with status 504, or 524 of one well-known gateway, or with another (several answer 502 or
// 503) after as long a time, connecting to it included.
func (a answer) mayStillRun() bool {
	fromGateway := a.status >= http.StatusInternalServerError && !strings.HasPrefix(a.reply.Line, successWord)
	gaveUp := a.status == http.StatusGatewayTimeout || a.status == 524 || a.took >= gatewayPatience
	return !a.whole || fromGateway && gaveUp
}

// detail returns what was wrong with the answer as " (reason)", to append to a message, or "".
func (a answer) detail() string {
	switch {
	case !a.whole:
		return " (no whole answer came: " + reason(a.err) + ")"
	case a.accepted():
		return ""
	}
	return " (" + a.reply.Message + "; " + a.reply.Line + ")"
}
