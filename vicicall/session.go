package vicicall

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	checkReserve = 500 * time.Millisecond // always stays for CHECK
	leastTime    = 50 * time.Millisecond  // below this a request is not begun
	maxRounds    = 3                      // over all web servers while none can be reached
)

var errNoTime = errors.New("the time left is too short to ask and look again")

// A session is one Hangup, Check or Version under way.
type session struct {
	client    *Client
	ctx       context.Context // has a deadline
	cred      Credentials
	call      Call
	transport *http.Transport
	at        int // the web server to ask next
	result    Result
}

// An ending is what a session came to.
type ending struct {
	outcome Outcome
	message string
	err     error
}

func (c *Client) session(ctx context.Context, cred Credentials, call Call) *session {
	return &session{client: c, ctx: ctx, cred: cred, call: call}
}

// form is the request's body: every field present, value never empty and pass not last,
// since from 2.14-54 VICIdial takes the last field for a value that is missing.
func (s *session) form(stage string) string {
	fields := [][2]string{
		{"source", s.call.Source}, {"user", s.cred.User}, {"pass", s.cred.Pass}, {"function", "ra_call_control"},
		{"stage", stage}, {"agent_user", s.call.AgentUser}, {"value", s.call.ID}, {"status", s.call.Disposition},
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f[0] + "=" + url.QueryEscape(f[1])
	}
	return strings.Join(parts, "&")
}

// A share says how much of the time that remains one request may take.
type share func(remaining time.Duration) time.Duration

// hangupShare leaves enough to look again.
func hangupShare(remaining time.Duration) time.Duration {
	return min(remaining*6/10, remaining-checkReserve)
}

// wholeShare is for the last web server or try.
func wholeShare(remaining time.Duration) time.Duration { return remaining }

// mostShare leaves something for another web server.
func mostShare(remaining time.Duration) time.Duration { return remaining * 6 / 10 }

// deliver offers a request to one web server after the other until one may have got it.
// When none did, the answer's error tells why of each.
func (s *session) deliver(form string, take share) answer {
	var reasons []error
	for round := range maxRounds {
		before := reasons
		reasons = nil
		for left := len(s.cred.URLs); left > 0; left-- {
			a := s.ask(form, take, left)
			if a.sent {
				return a
			}
			reasons = append(reasons, a.err)
			if errors.Is(a.err, errNoTime) {
				return answer{err: errors.Join(append(before, reasons...)...)}
			}
			s.next()
		}
		if allUntrusted(reasons) || round == maxRounds-1 || !s.pause(round) {
			break
		}
	}
	return answer{err: errors.Join(reasons...)}
}

// ask offers a request to one web server. While others are left, connecting may take only its part of the time.
// An idle connection that the server has closed costs nothing: nothing was written, so the next one is tried at once.
func (s *session) ask(form string, take share, left int) answer {
	for {
		deadline, _ := s.ctx.Deadline()
		limit := take(time.Until(deadline))
		if s.ctx.Err() != nil {
			return answer{err: fmt.Errorf("%w: %w", errNoTime, s.ctx.Err())}
		}
		if limit < leastTime {
			return answer{err: errNoTime}
		}
		ctx, cancel := context.WithTimeout(s.ctx, limit)
		start := time.Now()
		a := exchange(ctx, s.transport, s.cred.URLs[s.at], form, limit/time.Duration(left))
		a.took = time.Since(start)
		cancel()
		if a.whole {
			a.reply = ParseReply(a.status, a.body, s.call.ID, s.call.AgentUser)
		}
		if !a.stale {
			return a
		}
	}
}

func (s *session) next() { s.at = (s.at + 1) % len(s.cred.URLs) }

// pause waits before another round, 50 to 150 ms and twice that each further time; false means the time is up.
func (s *session) pause(round int) bool {
	wait := time.NewTimer((50*time.Millisecond + rand.N(100*time.Millisecond)) << round)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// unreached tells why nothing could be sent.
func unreached(a answer) ending {
	o, hint := Unavailable, ""
	switch {
	case allUntrusted(unjoin(a.err)):
		o = TLSUntrusted
	case speaksNoTLS(a.err):
		hint = "; " + adviceTLSNotSpoken
	}
	return ending{o, o.Advice() + " (" + reason(a.err) + ")" + hint, a.err}
}
