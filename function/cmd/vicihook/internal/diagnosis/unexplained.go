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

// unexplained says what the request itself shows when no reading of it holds. Only the scheme that was meant counts.
func (s *search) unexplained() Finding {
	if s.c.Scheme.Kind == "" && len(s.meant) == len(s.presets) {
		return Finding{Cause: "no-signature", What: "the request carries no signature header of any known scheme", Remedy: s.switchOn()}
	}
	a := s.start(s.meant[0])
	finding := Finding{Signed: a.signedAt()}
	set := func(cause, what, remedy string) Finding {
		finding.Cause, finding.What, finding.Remedy = cause, what, remedy
		return finding
	}
	if _, err := a.scheme.ParseKey(a.key); err != nil {
		return set("key-malformed", fmt.Sprintf("the key can't be read: %v", err), "give the key as the sender shows it")
	}
	if a.matches() {
		return set("malformed-time", "the signature matches, but nobody can mean its time: "+a.signedAt().UTC().Format(time.DateTime),
			"let the sender write the time as its scheme says")
	}
	if cause, what, remedy := s.refused(a); cause != "" {
		return set(cause, what, remedy)
	}
	if announced, ok := announcedLength(a.request); ok && announced != len(a.request.Body) {
		return set("body-length", fmt.Sprintf("the body has %d bytes, and the sender announced %d: it was cut or changed on its way", len(a.request.Body), announced),
			"capture the body byte for byte; where the gateway cuts it, fix that")
	}
	if bytes.Contains(a.request.Body, []byte("\ufffd")) {
		return set("body-charset", "the body holds U+FFFD, which stands where bytes were lost as they were read as text",
			"keep the body as bytes from the first read on; an API Gateway does so with base64")
	}
	if _, encoding := a.value([]string{"content-encoding"}); encoding != "" && encoding != "identity" {
		return set("body-gzip", fmt.Sprintf("the sender sent the body with Content-Encoding %s, and something decompressed it before it came here", printable(encoding)),
			"unset minimumCompressionSize of the REST API, or let the sender send the body uncompressed")
	}
	return set("other-key", "no known damage explains it: the sender signs with another key, or over something else than it sends",
		"copy the key anew from the sender's settings; after a rotation both keys must be given for a while")
}

// refused puts the verifier's own verdict into words where that is more than a mismatch.
func (s *search) refused(a attempt) (cause, what, remedy string) {
	verifier, err := webhook.NewVerifier(a.scheme)
	if err != nil {
		return "scheme", err.Error(), "correct the scheme in sources.json"
	}
	key, _ := a.scheme.ParseKey(a.key)
	_, err = verifier.Verify(a.request, []webhook.Key{key}, a.signedAt())
	for _, known := range []struct {
		err           error
		cause, remedy string
	}{
		{webhook.ErrNoSignature, "no-signature", s.switchOn()},
		{webhook.ErrMalformedSignature, "malformed-signature", "send " + wellFormed(a.scheme) + "; what came was cut, or is not a signature of this scheme"},
		{webhook.ErrNoTime, "no-time", "let the sender send its time header, and every proxy pass it on"},
		{webhook.ErrMalformedTime, "malformed-time", "let the sender write the time as its scheme says"},
		{webhook.ErrNoID, "no-id", "let the sender send its delivery id, and every proxy pass it on"},
		{webhook.ErrMalformedID, "malformed-id", "let the sender choose plain ids"},
		{webhook.ErrNoURL, "no-url", "give the URL as it is entered at the sender with --url; the function takes it from PUBLIC_URL"},
		{webhook.ErrRequiredHeader, "required-header", "let the sender send it, or choose the scheme's other version"},
		{webhook.ErrRepeatedHeader, "repeated-header", "send it once; something between the sender and here adds another"},
		{webhook.ErrMalformedForm, "malformed-form", "this scheme signs form fields: send a form"},
		{webhook.ErrBodyHash, "body-hash", "the body was changed after the URL with its hash was signed: pass it on byte for byte"},
	} {
		if errors.Is(err, known.err) {
			return known.cause, strings.TrimPrefix(err.Error(), "webhook: "), known.remedy
		}
	}
	return "", "", ""
}

func (s *search) switchOn() string {
	return "switch signing on at the sender, and let every proxy pass its header on; the request carries " + printable(strings.Join(headerNames(s.c.Request), ", "))
}

// wellFormed describes a signature of the scheme by its length.
func wellFormed(scheme webhook.Scheme) string {
	size := map[string]int{"sha1": 20, "sha256": 32, "sha512": 64}[scheme.Alg]
	length := 2 * size
	if scheme.Encoding == "base64" {
		length = (size + 2) / 3 * 4
	}
	text := fmt.Sprintf("%d characters of %s", length, scheme.Encoding)
	if scheme.Prefix != "" {
		text += fmt.Sprintf(" after %q", scheme.Prefix)
	}
	return text
}

func announcedLength(r webhook.Request) (int, bool) {
	values := r.Header["content-length"]
	if len(values) != 1 {
		return 0, false
	}
	n, err := strconv.Atoi(values[0])
	return n, err == nil
}

// printable keeps a stranger's text from steering the terminal.
func printable(text string) string { return strings.Trim(strconv.QuoteToASCII(text), `"`) }
