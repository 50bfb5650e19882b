package vicicall

import (
	"errors"
	"strings"
)

var (
	// ErrInvalidCall is wrapped by every fault that [Call.Validate] finds.
	ErrInvalidCall = errors.New("vicicall: invalid call")
	// ErrInvalidCredentials is wrapped by every fault that [Credentials.Validate] finds.
	ErrInvalidCredentials = errors.New("vicicall: invalid credentials")
)

// A FieldError says what is wrong with one field, never what stood in it.
type FieldError struct {
	Field string // the name in JSON: "call_id", "agent_user", "disposition", "source", "url", "user", "pass", "ca", "tls_pin[0]", …
	Why   string // what it must be: "must be …"
	kind  error
}

func (e *FieldError) Error() string { return "vicicall: " + e.Field + " " + e.Why }

// Unwrap gives [ErrInvalidCall] or [ErrInvalidCredentials].
func (e *FieldError) Unwrap() error { return e.kind }

// faults collects FieldErrors of one kind.
type faults struct {
	kind error
	errs []error
}

func (f *faults) add(field, why string) {
	f.errs = append(f.errs, &FieldError{Field: field, Why: why, kind: f.kind})
}

func (f *faults) require(ok bool, field, why string) {
	if !ok {
		f.add(field, why)
	}
}

func (f *faults) err() error { return errors.Join(f.errs...) }

const (
	digits     = "0123456789"
	alphanum   = digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	nameSet    = alphanum + "-_"
	passSet    = nameSet + newPassSet
	newPassSet = ".+/=" // stripped from passwords before 2.14-72
)

// madeOf reports whether s has from low to high characters, all of them in set.
func madeOf(s, set string, low, high int) bool {
	return len(s) >= low && len(s) <= high && strings.Trim(s, set) == ""
}

// FaultText is what [Call.Validate] or [Credentials.Validate] found, for people: "field why; field why".
func FaultText(err error) string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return strings.TrimPrefix(err.Error(), "vicicall: ")
	}
	var parts []string
	for _, e := range joined.Unwrap() {
		parts = append(parts, FaultText(e))
	}
	return strings.Join(parts, "; ")
}
