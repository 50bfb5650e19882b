package webhook

import (
	"bytes"
	"encoding/json"
)

const (
	longestChallenge     = 1024 // bytes
	longestChallengeBody = 4096 // bytes: set-up messages are small, and no other body is worth parsing for one
)

// DeliveryID returns the id of a delivery for the log: the scheme's dedupe header, or else its signed id.
// It is empty if the request has none, or one that does not fit a log line. A dedupe header is not signed.
func (v *Verifier) DeliveryID(r Request) string {
	names := v.scheme.IDHeader
	if v.scheme.Dedupe != "" {
		names = []string{v.scheme.Dedupe}
	}
	id, _, err := r.Header.single(names)
	if err != nil || len(id) > longestID || !isToken(id) {
		return ""
	}
	return id
}

// An Echo is the body that answers a challenge.
type Echo struct {
	ContentType string
	Body        []byte
}

// Challenge returns the answer to the request by which a sender tests a webhook when it is set up, and reports whether
// r is one. Such a request is no event. It is signed like any other and must have been verified.
func (v *Verifier) Challenge(r Request) (Echo, bool) {
	if name := v.scheme.Challenge.Header; name != "" {
		value, _, err := r.Header.first([]string{name})
		return Echo{"text/plain; charset=utf-8", []byte(value)}, err == nil && value != "" && len(value) <= longestChallenge
	}
	name := v.scheme.Challenge.JSON
	if name == "" || len(r.Body) > longestChallengeBody {
		return Echo{}, false
	}
	value, found, err := jsonMember(r.Body, name)
	if err != nil || !found || !bytes.HasPrefix(value, []byte{'"'}) || len(value) > longestChallenge {
		return Echo{}, false
	}
	body, err := json.Marshal(map[string]json.RawMessage{name: value})
	return Echo{"application/json", body}, err == nil
}
