package vicicall

import (
	"context"
	"fmt"
)

const maxChecks = 3

// A sight is what CHECK shows.
type sight int

const (
	cannotTell sight = iota
	listed
	notListed
)

// Hangup ends a call, at most once as far as anybody can tell, and says what became of it.
//
// It sends HANGUP, looks again with CHECK, and sends HANGUP a second time only after a whole answer and a CHECK
// that still finds the call listed. When bytes of a HANGUP were sent and no whole answer came, or that of a gateway
// that gave up waiting, the first may still be running: no second is sent, only CHECKs. A request of which nothing
// was sent goes on to the next web server. HANGUP takes at most 60 % of the time that remains until the deadline of
// ctx (see [Config.Budget]), and 500 ms always stay for CHECK.
//
// The Result is always filled. The error is nil for HungUp, Accepted, NoLongerListed, NoActiveCall and
// AgentNotLoggedIn, and an [*Error] for every other outcome.
func (c *Client) Hangup(ctx context.Context, cred Credentials, call Call) (Result, error) {
	return c.run(ctx, "hangup", cred, call, (*session).hangup)
}

func (s *session) hangup() ending {
	a := s.sendHangup()
	if end, final := s.finalWord(a); final {
		return end
	}
	seen, look := s.look()
	if seen == listed && !a.mayRun() {
		second := s.sendHangup()
		switch {
		case !second.sent:
			return conclude(a, listed, look)
		case second.reply.Outcome == NoActiveCall && !second.reply.Doubtful:
			return ending{NoLongerListed, NoLongerListed.Advice(), nil}
		case second.reply.Outcome == Unavailable && !second.reply.Doubtful:
			return conclude(second, listed, look)
		}
		if end, final := s.finalWord(second); final {
			return end
		}
		a = second
		seen, look = s.look()
	}
	return conclude(a, seen, look)
}

func (s *session) sendHangup() answer {
	a := s.deliver(s.form(stageHangup), hangupShare)
	if a.sent {
		s.result.Attempts++
		s.result.Reply = a.reply.Line
		s.client.remember(s.cred, a.reply.Outcome)
	}
	if a.sent && !a.whole {
		s.next() // look elsewhere, if there is another web server
	}
	return a
}

// finalWord is the ending that needs no CHECK.
func (s *session) finalWord(a answer) (ending, bool) {
	switch {
	case !a.sent:
		return unreached(a), true
	case a.redirect != "":
		return redirected(a), true
	case a.accepted():
		return ending{Accepted, Accepted.Advice(), nil}, s.client.config.SkipRecheck
	case !a.whole || a.reply.Outcome == Ambiguous || a.reply.Doubtful:
		return ending{}, false
	}
	return ending{a.reply.Outcome, a.reply.Message, nil}, true
}

// conclude is what a HANGUP came to that had to be looked at again.
func conclude(a answer, seen sight, look answer) ending {
	switch {
	case seen == listed:
		return ending{StillListed, StillListed.Advice() + a.because(), a.err}
	case seen == notListed && a.accepted():
		return ending{HungUp, HungUp.Advice(), nil}
	case seen == notListed:
		return ending{NoLongerListed, NoLongerListed.Advice() + a.because(), nil}
	case a.accepted():
		return ending{Accepted, Accepted.Advice() + look.because(), nil}
	case a.reply.Outcome == NoActiveCall, a.reply.Outcome == AgentNotLoggedIn:
		return ending{UnexpectedReply, a.reply.Message, nil}
	}
	return ending{Unknown, Unknown.Advice() + a.because() + "; CHECK" + look.because(), a.err}
}

func redirected(a answer) ending {
	return ending{Misconfigured, fmt.Sprintf("%s (HTTP %d to %s)", adviceRedirect, a.status, a.redirect), nil}
}
