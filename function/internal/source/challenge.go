package source

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"vicihook/function/internal/webhook"
)

// maxChallenge bounds what is echoed.
const maxChallenge = 1024 // bytes

// A Challenge is what a sender expects in answer to the request that sets its webhook up.
type Challenge struct {
	ContentType string
	Body        []byte // nil when the sender expects nothing but success
}

// Headers by which senders mark the request of their test button.
var testHeaders = map[string]string{
	"x-helpscout-event": "helpscout.test",
	"x-github-event":    "ping",
}

// Challenge answers a request that sets the webhook up or tests it, which never ends a call: what the scheme's
// challenge names is echoed, a member of the JSON body as JSON and a header as text; Help Scout's and GitHub's tests
// expect nothing. Intercom's ping is left to Select, which finds no items in it, nor in any challenge.
// The signature must have been verified before.
func (s *Source) Challenge(r webhook.Request) (Challenge, bool) {
	for name, value := range testHeaders {
		if values := r.Header[name]; len(values) == 1 && values[0] == value {
			return Challenge{}, true
		}
	}
	if name := strings.ToLower(s.Scheme.Challenge.Header); name != "" {
		if values := r.Header[name]; len(values) == 1 && isEchoable(values[0]) {
			return Challenge{"text/plain; charset=utf-8", []byte(values[0])}, true
		}
	}
	member := s.Scheme.Challenge.JSON
	if member == "" || !bytes.Contains(r.Body, []byte(`"`+member+`"`)) {
		return Challenge{}, false
	}
	payload, err := decodeJSON(r.Body)
	if err != nil {
		return Challenge{}, false
	}
	text, ok := challengeIn(payload, member)
	if !ok || !isEchoable(text) {
		return Challenge{}, false
	}
	echo, err := json.Marshal(map[string]string{member: text})
	return Challenge{"application/json", echo}, err == nil
}

func challengeIn(payload any, member string) (string, bool) {
	members, _ := payload.(map[string]any)
	text, ok := members[member].(string)
	return text, ok && member != ""
}

func isEchoable(text string) bool {
	return text != "" && len(text) <= maxChallenge && !strings.ContainsFunc(text, unicode.IsControl)
}

// isSetUp tells a challenge or Intercom's ping from a delivery.
func (s *Source) isSetUp(payload any) bool {
	if _, ok := challengeIn(payload, s.Scheme.Challenge.JSON); ok {
		return true
	}
	members, _ := payload.(map[string]any)
	return members["type"] == "notification_event" && members["topic"] == "ping"
}
