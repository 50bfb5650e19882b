package vicicall

import "context"

// An agent and a call that no VICIdial has: a probe asks for these.
const (
	noAgent = "vicihookprobe"
	noCall  = "V0000000000000000000"
)

// Probe tries the account once, with a CHECK for an agent and a call that can't be, at the web server URLs[at], or at
// those after it while nothing could be sent. AgentNotLoggedIn, or NoActiveCall, says that web server, user, password,
// agent API access, permission and address are good.
//
// Nothing changes at VICIdial but its API log. The error is nil for those two outcomes, and an [*Error] for every other;
// a refusal latches as with Check.
func (c *Client) Probe(ctx context.Context, cred Credentials, at int) (Result, error) {
	call := Call{ID: noCall, AgentUser: noAgent}
	return c.run(ctx, "probe", cred, call, func(s *session) ending {
		s.at = at % len(cred.URLs)
		return s.probe()
	})
}

func (s *session) probe() ending {
	a := s.deliver(s.form(stageCheck), wholeShare)
	if a.sent {
		s.result.Checks++
		s.client.remember(s.cred, a.reply.Outcome)
	}
	return s.judge(a)
}
