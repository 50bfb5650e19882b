package source

import "vicihook/function/internal/webhook"

// A ping is the header that marks a request of a sender's test button.
type ping struct{ header, value string }

var pings = map[string]ping{
	"helpscout":   {"x-helpscout-event", "helpscout.test"},
	"github":      {"x-github-event", "ping"},
	"github-sha1": {"x-github-event", "ping"},
}

// Challenge returns the answer to a request that sets up the webhook or tests it, and reports whether r is one. It echoes
// the scheme's challenge. Help Scout and GitHub expect success without a body. Intercom's ping is left to Select, which
// returns no items for it, as for any challenge. The signature must have been verified before.
func (s *Source) Challenge(r webhook.Request) (webhook.Echo, bool) {
	if ping, ok := pings[s.Preset]; ok {
		if values := r.Header[ping.header]; len(values) == 1 && values[0] == ping.value {
			return webhook.Echo{}, true
		}
	}
	return s.Verifier.Challenge(r)
}

// isSetUp reports whether a payload is a challenge, or Intercom's ping.
func (s *Source) isSetUp(payload any) bool {
	members, _ := payload.(map[string]any)
	if name := s.Scheme.Challenge.JSON; name != "" {
		if _, challenged := members[name].(string); challenged {
			return true
		}
	}
	return s.Preset == "intercom" && members["type"] == "notification_event" && members["topic"] == "ping"
}
