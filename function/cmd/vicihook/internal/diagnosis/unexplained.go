package diagnosis

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// healthCheck is the header in which Intercom signs requests that are no notifications.
const healthCheck = "x-body-signature"

// refusals are the verifier's errors that say more than that no key matches.
var refusals = []struct {
	err           error
	cause, remedy string
}{
	{webhook.ErrNoTime, "no-time", "let the sender send its time header, and every proxy pass it on"},
	{webhook.ErrMalformedTime, "malformed-time", "let the sender write the time as its scheme says"},
	{webhook.ErrNoID, "no-id", "let the sender send its delivery id, and every proxy pass it on"},
	{webhook.ErrMalformedID, "malformed-id", "let the sender choose plain ids"},
	{webhook.ErrNoURL, "no-url", "give the URL with --url as it is entered at the sender; the function takes it from PUBLIC_URL"},
	{webhook.ErrRequiredHeader, "required-header", "let the sender send it, or choose the scheme's other version"},
	{webhook.ErrRepeatedHeader, "repeated-header", "send it once; something between the sender and here adds another"},
	{webhook.ErrMalformedForm, "malformed-form", "this scheme signs form fields: send a form"},
	{webhook.ErrBodyHash, "body-hash", "the body was changed after the URL with its hash was signed: pass it on byte for byte"},
	{webhook.ErrInvalidScheme, "scheme", "correct the scheme in sources.json"},
	{webhook.ErrEmptyKey, "key-malformed", "give the key as the sender shows it"},
	{webhook.ErrMalformedKey, "key-malformed", "give the key as the sender shows it"},
}

// unexplained says what the case itself shows when no change makes it verify. known is false when every preset was tried.
func unexplained(c Case, known bool) Finding {
	cause, what, remedy := c.evidence(known)
	return Finding{Signed: c.signedAt(), Cause: cause, What: what, Remedy: remedy}
}

func (c Case) evidence(known bool) (cause, what, remedy string) {
	switchOn := "switch signing on at the sender, and let every proxy pass its header on; the request has " +
		printable(strings.Join(c.headerNames(), ", "))
	err := c.verify()
	switch {
	case !c.hasSignature() && c.Request.Header[healthCheck] != nil:
		return "health-check",
			"this is a health check, an uninstall or a Canvas Kit request of Intercom: those are signed in X-Body-Signature, " +
				"its notifications in X-Hub-Signature",
			"nothing is wrong with the key: capture a notification of a conversation instead; a health check asks for no hang-up"
	case !c.hasSignature() && !known:
		return "no-signature", "the request has no signature header of any known scheme", switchOn
	case err == nil:
		return "malformed-time", "the signature matches, but its time can't be right: " + c.signedAt().UTC().Format(time.DateTime),
			"let the sender write the time as its scheme says"
	case strings.HasPrefix(strings.TrimSpace(c.Key), "{"):
		return "key-secret-json", "the key given here is a whole secret", "give the value of one of its members alone"
	case errors.Is(err, webhook.ErrNoSignature):
		return "no-signature", reason(err), switchOn
	case errors.Is(err, webhook.ErrMalformedSignature):
		return "malformed-signature", reason(err),
			fmt.Sprintf("send %q and the digest of %s in %s; what came was cut, or is not a signature of this scheme",
				c.Scheme.Prefix, c.Scheme.Alg, c.Scheme.Encoding)
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal.err) {
			return refusal.cause, reason(err), refusal.remedy
		}
	}
	return c.bodyEvidence()
}

// bodyEvidence returns what the body shows, or that the key is another one.
func (c Case) bodyEvidence() (cause, what, remedy string) {
	_, length := c.value("content-length")
	if announced, err := strconv.Atoi(length); err == nil && announced != len(c.Request.Body) {
		return "body-length",
			fmt.Sprintf("the body has %d bytes, and the sender announced %d: it was cut or changed on its way", len(c.Request.Body), announced),
			"capture the body byte for byte; where the gateway cuts it, fix that"
	}
	if bytes.Contains(c.Request.Body, []byte("\ufffd")) {
		return "body-charset", "the body has U+FFFD, which replaces bytes that were lost when it was read as text",
			"keep the body as bytes from the first read on; an API Gateway does so with base64"
	}
	if _, encoding := c.value("content-encoding"); encoding != "" && encoding != "identity" {
		return "body-gzip",
			fmt.Sprintf("the body was sent with Content-Encoding %s: it was compressed or decompressed after it was signed", printable(encoding)),
			"let the sender send the body uncompressed, or sign what it sends; unset minimumCompressionSize of the REST API"
	}
	return "other-key", "no known change explains it: the sender signs with another key, or signs something else than it sends",
		"copy the key from the sender's settings again; after a rotation both keys must be given for a while"
}

// printable keeps a stranger's text from steering the terminal.
func printable(text string) string { return strings.Trim(strconv.QuoteToASCII(text), `"`) }
