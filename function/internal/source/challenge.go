package source

import "vicihook/function/internal/webhook"

// A Challenge is what a sender expects in answer to the request that sets its webhook up.
type Challenge = webhook.Echo

// testHeaders mark the requests of senders' test buttons.
var testHeaders = map[string]string{
	"x-helpscout-event": "helpscout.test",
	"x-github-event":    "ping",
}

// Challenge answers a request that sets the webhook up or tests it, which never ends a call. What the scheme's
// challenge names is echoed; the tests of Help Scout and GitHub expect success and no body, so theirs is nil.
// Intercom's ping is left to Select, which finds no items in it nor in any challenge.
// The signature must have been verified before.
func (s *Source) Challenge(r webhook.Request) (Challenge, bool) {
	for name, value := range testHeaders {
		if values := r.Header[name]; len(values) == 1 && values[0] == value {
			return Challenge{}, true
		}
	}
	return s.Verifier.Challenge(r)
}

// isSetUp tells a challenge or Intercom's ping from a delivery.
func (s *Source) isSetUp(payload any) bool {
	members, _ := payload.(map[string]any)
	if name := s.Scheme.Challenge.JSON; name != "" {
		if _, challenged := members[name].(string); challenged {
			return true
		}
	}
	return members["type"] == "notification_event" && members["topic"] == "ping"
}
