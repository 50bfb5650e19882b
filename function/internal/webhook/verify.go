package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
)

// MaxKeys limits the keys of one Verify: each costs a pass over the body.
const MaxKeys = 4

var hashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// A Verifier verifies and signs requests by one scheme. It has no key and is safe for concurrent use.
type Verifier struct {
	scheme       Scheme // header names in lower case
	signed       template
	newHash      func() hash.Hash
	idDelimiters []string // the literals around {id}
	ageless      bool     // any time will do, for vectors
}

// NewVerifier compiles a scheme. It returns every fault at once, each a *FieldError.
func NewVerifier(s Scheme) (*Verifier, error) {
	signed, malformed := parseTemplate(s.Signed)
	if err := s.validate(signed, malformed); err != nil {
		return nil, err
	}
	v := &Verifier{scheme: s, signed: signed, newHash: hashes[s.Alg]}
	v.scheme.Header = lower(s.Header)
	v.scheme.IDHeader = lower(s.IDHeader)
	v.scheme.TSHeader = lower(s.TSHeader)
	v.scheme.Dedupe = strings.ToLower(s.Dedupe)
	v.scheme.Challenge.Header = strings.ToLower(s.Challenge.Header)
	v.scheme.Require = make(map[string]string, len(s.Require))
	for name, value := range s.Require {
		v.scheme.Require[strings.ToLower(name)] = value
	}
	if s.Kind == kindBasic {
		v.scheme.Header = []string{"authorization"}
	}
	for _, neighbour := range signed.around(fieldID) {
		v.idDelimiters = append(v.idDelimiters, string(neighbour.text))
	}
	return v, nil
}

func lower(names []string) []string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	return names
}

// Signed reports whether a request that verifies was signed: tokens and passwords prove nothing about its body.
func (v *Verifier) Signed() bool { return v.scheme.Kind == kindHMAC || v.scheme.Kind == kindHash }

// SignsURL reports whether Request.URL is part of what is signed.
func (v *Verifier) SignsURL() bool { return v.signed.has(fieldURL) || v.signed.has(fieldURLDecoded) }

// Verify returns the index of the key that signed the request. It checks every signature with every key, so that its
// duration does not show which one matched.
//
// It returns ErrMismatch only for a request whose signature is well-formed and whose time, where a header has it,
// is in the window. For other faults of the request it returns the sentinel that names them, and for the keys
// ErrNoKey, ErrEmptyKey or ErrTooManyKeys.
func (v *Verifier) Verify(r Request, keys []Key, now time.Time) (key int, err error) {
	if err := checkKeys(keys); err != nil {
		return -1, err
	}
	if !v.Signed() {
		return v.verifyToken(r, keys)
	}
	c, err := v.timelyClaim(r.Header, now)
	if err != nil {
		return -1, err
	}
	if key, err = v.match(r, &c, keys); err != nil || v.scheme.TSJSON == "" {
		return key, err
	}
	ts, err := v.bodyTime(r.Body) // a part of the body, so it is read only now
	if err == nil {
		err = v.checkTime(ts, now)
	}
	if err != nil {
		return -1, err
	}
	return key, nil
}

// Inspect makes those checks of Verify that need no key: the headers that the scheme requires, the form of the signature,
// and the time where a header has it.
func (v *Verifier) Inspect(r Request, now time.Time) error {
	if !v.Signed() {
		_, err := v.tokenOf(r.Header)
		return err
	}
	_, err := v.timelyClaim(r.Header, now)
	return err
}

// timelyClaim reads the claim and checks its time, where a header has it.
func (v *Verifier) timelyClaim(h Header, now time.Time) (claim, error) {
	if err := v.checkRequired(h); err != nil {
		return claim{}, err
	}
	c, err := v.readClaim(h)
	if err == nil && v.signed.has(fieldTS) {
		err = v.checkTime(c.ts, now)
	}
	return c, err
}

func checkKeys(keys []Key) error {
	if len(keys) == 0 {
		return ErrNoKey
	}
	if len(keys) > MaxKeys {
		return fmt.Errorf("%w: %d", ErrTooManyKeys, len(keys))
	}
	for _, key := range keys {
		if len(key.bytes()) == 0 {
			return ErrEmptyKey
		}
	}
	return nil
}

func (v *Verifier) checkRequired(h Header) error {
	for name, want := range v.scheme.Require {
		if got, _, err := h.first([]string{name}); err != nil {
			return err
		} else if got != want {
			return fmt.Errorf("%w: %s", ErrRequiredHeader, name)
		}
	}
	return nil
}

// match returns the index of the first key that made one of the signatures.
func (v *Verifier) match(r Request, c *claim, keys []Key) (int, error) {
	m, err := v.message(r, c.id, c.ts)
	if err != nil {
		return -1, err
	}
	matched := v.tryKeys(&m, c, keys)
	if v.scheme.URLPort == "both" {
		m.setURL(withOtherPort(r.URL))
		if other := v.tryKeys(&m, c, keys); matched < 0 {
			matched = other
		}
	}
	if matched < 0 {
		return -1, ErrMismatch
	}
	return matched, nil
}

func (v *Verifier) tryKeys(m *message, c *claim, keys []Key) int {
	matched := -1
	for i, key := range keys {
		if c.matches(v.sum(m, key)) && matched < 0 {
			matched = i
		}
	}
	return matched
}

// message returns the bytes of the template's fields, for Verify and for Sign.
func (v *Verifier) message(r Request, id, ts string) (m message, err error) {
	m = message{fieldID: []byte(id), fieldTS: []byte(ts), fieldMethod: []byte(r.Method), fieldBody: r.Body}
	if v.SignsURL() {
		if r.URL == "" {
			return m, ErrNoURL
		}
		if v.signed.urlBefore(fieldBody) && strings.ContainsAny(r.URL, "{[") {
			return m, ErrAmbiguousURL
		}
		m.setURL(r.URL)
	}
	if v.signed.has(fieldForm) {
		m[fieldForm], err = v.sortedForm(r)
	}
	return m, err
}

func (m *message) setURL(url string) {
	m[fieldURL], m[fieldURLDecoded] = []byte(url), []byte(hubspotEscapes.Replace(url))
}

// sum computes the signature of m, streaming the body.
func (v *Verifier) sum(m *message, key Key) []byte {
	h := v.newHash()
	if v.scheme.Kind == kindHMAC {
		h = hmac.New(v.newHash, key.bytes())
	}
	m[fieldSecret] = key.bytes()
	v.signed.writeTo(h, m)
	return h.Sum(nil)
}
