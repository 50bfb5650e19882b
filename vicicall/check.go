package vicicall

import (
	"context"
	"errors"
	"net/http"
)

var errNoCheck = errors.New("all CHECKs are spent")

// Check asks whether Hangup would find the call: stage=CHECK, which no version of VICIdial knows as a stage,
// so that it does everything that HANGUP does before the work, and no work.
//
// The error is nil for WouldHangUp, NoActiveCall and AgentNotLoggedIn, and an [*Error] for every other outcome.
func (c *Client) Check(ctx context.Context, cred Credentials, call Call) (Result, error) {
	return c.run(ctx, "check", cred, call, (*session).check)
}

func (s *session) check() ending {
	_, a := s.look()
	return s.judge(a)
}

// judge is the ending that the last answer to a CHECK is.
func (s *session) judge(a answer) ending {
	s.result.Reply = a.reply.Line
	switch {
	case a.reply.Listed:
		return ending{WouldHangUp, WouldHangUp.Advice(), nil}
	case a.reply.Outcome == NoActiveCall && !a.reply.Doubtful:
		return ending{NoActiveCall, a.reply.Message, nil}
	case !a.sent:
		return unreached(a)
	case a.redirect != "":
		return redirected(a)
	case !a.whole, a.reply.Outcome == Unavailable, a.status >= http.StatusInternalServerError && a.reply.Outcome == Ambiguous:
		return ending{Unavailable, Unavailable.Advice() + a.because(), a.err}
	case a.reply.Outcome == Accepted, a.reply.Outcome == Ambiguous, a.reply.Doubtful:
		return ending{UnexpectedReply, UnexpectedReply.Advice() + a.because(), nil}
	}
	return ending{a.reply.Outcome, a.reply.Message, nil}
}

// look sends CHECKs until one tells, and gives the last answer. It goes on to the next web server at any failure,
// but not at VICIdial's own refusal: the whole cluster has one database.
func (s *session) look() (sight, answer) {
	a := answer{err: errNoCheck}
	for s.result.Checks < maxChecks {
		next := s.deliver(s.form(stageCheck), s.checkShare())
		if next.sent || !a.sent { // what was answered stands when no other CHECK can be sent
			a = next
		}
		if !next.sent {
			break
		}
		s.result.Checks++
		s.client.remember(s.cred, a.reply.Outcome)
		switch {
		case a.reply.Listed:
			return listed, a
		case a.reply.Outcome == NoActiveCall && !a.reply.Doubtful:
			return notListed, a
		case !a.failed():
			return cannotTell, a
		}
		s.next()
		if s.result.Checks%len(s.cred.URLs) == 0 && s.result.Checks < maxChecks && !s.pause(0) {
			break
		}
	}
	return cannotTell, a
}

func (s *session) checkShare() share {
	if len(s.cred.URLs) == 1 || s.result.Checks == maxChecks-1 {
		return wholeShare
	}
	return mostShare
}
