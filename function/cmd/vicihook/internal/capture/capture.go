// Package capture reads a captured webhook in the form in which somebody pasted it.
//
//	caught, err := capture.Read(text)
//	key, err := verifier.Verify(caught.Request, keys, now)
//
// It reads what people paste: raw HTTP text (a request line or none, header lines, an empty line, the body), a
// curl command line as browsers and request bins copy it, and an API Gateway event as JSON, which is read by the very
// decoder that the function uses.
package capture

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// ErrUnreadable marks every error of [Read].
var ErrUnreadable = errors.New("no captured request")

// A Form is the format of a capture.
type Form string

// The forms.
const (
	RawHTTP Form = "raw HTTP"
	Curl    Form = "a curl command"
	Event   Form = "an API Gateway event"
)

// A Request is a captured request.
type Request struct {
	webhook.Request // URL is empty if the capture has no host

	Form     Form
	Source   string    // of /webhooks/{source}; empty if the capture has no path
	Received time.Time // when the gateway received it; zero if unknown
	Stage    string    // of an API Gateway event; empty if unknown or $default
}

// Read recognises the form by its first bytes. Its errors wrap ErrUnreadable and quote no header value.
func Read(text []byte) (Request, error) {
	start := bytes.TrimLeft(text, " \t\r\n\ufeff")
	switch {
	case len(start) == 0:
		return Request{}, unreadable("it is empty")
	case start[0] == '{':
		return readEvent(start)
	case bytes.HasPrefix(start, []byte("curl ")) || bytes.HasPrefix(start, []byte("curl.exe ")):
		return readCurl(string(start))
	}
	return readRaw(start)
}

type readError struct{ why string }

func unreadable(why string) error { return &readError{why} }

func (e *readError) Error() string { return ErrUnreadable.Error() + ": " + e.why }
func (e *readError) Unwrap() error { return ErrUnreadable }

// addHeader adds one header line and reports whether it is one. Errors name a bad line by its number, since it may be part
// of a signature.
func addHeader(h webhook.Header, line string) bool {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return false
	}
	name = strings.ToLower(name)
	h[name] = append(h[name], strings.Trim(value, " \t"))
	return true
}

// sourceOf returns the last part of /webhooks/{source}.
func sourceOf(path string) string {
	_, name, _ := strings.Cut(path, "/webhooks/")
	return name
}

func one(h webhook.Header, name string) string {
	if values := h[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}
