package webhook

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	maxSignatures = 10
	longestID     = 256 // bytes
)

// A claim is the signatures, time and id in the headers of a request.
type claim struct {
	id, ts     string
	signatures [][]byte // those that are well-formed
	seen       int      // how many were sent, well-formed or not
}

// readClaim reads signatures, time and id from the headers that the scheme names.
func (v *Verifier) readClaim(h Header) (c claim, err error) {
	if err = v.readSignatures(h, &c); err != nil {
		return c, err
	}
	if len(v.scheme.TSHeader) > 0 {
		if c.ts, _, err = h.single(v.scheme.TSHeader); err != nil {
			return c, err
		}
	}
	if c.ts == "" && v.signed.has(fieldTS) {
		return c, ErrNoTime
	}
	if len(v.scheme.IDHeader) > 0 {
		if c.id, _, err = h.single(v.scheme.IDHeader); err != nil {
			return c, err
		}
		err = v.checkID(c.id)
	}
	return c, err
}

func (v *Verifier) readSignatures(h Header, c *claim) error {
	value, name, err := h.first(v.scheme.Header)
	if err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("%w: header %s is absent", ErrNoSignature, strings.Join(v.scheme.Header, ", "))
	}
	switch v.scheme.Form {
	case "list":
		v.readList(value, c)
	case "kv":
		err = v.readPairs(value, c)
	default:
		err = v.readPlain(value, c)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: header %s", err, name)
	case c.seen == 0:
		return fmt.Errorf("%w: header %s has none", ErrNoSignature, name)
	case c.seen > maxSignatures:
		return fmt.Errorf("%w: header %s has %d", ErrTooManySignatures, name, c.seen)
	case len(c.signatures) == 0:
		return fmt.Errorf("%w: header %s", ErrMalformedSignature, name)
	}
	return nil
}

func (v *Verifier) readPlain(value string, c *claim) error {
	text, ok := v.trimPrefix(value, true)
	if !ok {
		return ErrMalformedSignature
	}
	if strings.Contains(text, ",") {
		return ErrRepeatedHeader
	}
	v.add(text, c)
	return nil
}

// readList reads the items that begin with the prefix. The others are signatures of other versions.
func (v *Verifier) readList(value string, c *claim) {
	first := true
	for item := range strings.SplitSeq(value, v.scheme.Sep) {
		item = strings.Trim(item, " ")
		if text, ok := v.trimPrefix(item, first || !v.scheme.PrefixOnce); ok {
			v.add(text, c)
		}
		first = false
	}
}

// readPairs reads the time and the signatures of a kv header and ignores its other pairs.
func (v *Verifier) readPairs(value string, c *claim) error {
	for pair := range strings.SplitSeq(value, v.scheme.Sep) {
		name, text, _ := strings.Cut(pair, "=")
		switch {
		case name == v.scheme.KVSig:
			if text, ok := v.trimPrefix(text, true); ok {
				v.add(text, c)
			}
		case name == v.scheme.KVTS && name != "":
			if c.ts != "" {
				return fmt.Errorf("%w: %s twice", ErrRepeatedHeader, name)
			}
			c.ts = text
		}
	}
	return nil
}

func (v *Verifier) trimPrefix(text string, expected bool) (string, bool) {
	if v.scheme.Prefix == "" || !expected {
		return text, true
	}
	rest, found := strings.CutPrefix(text, v.scheme.Prefix)
	if !found {
		return text, v.scheme.PrefixOptional
	}
	return strings.TrimLeft(rest, " "), true
}

// add decodes one signature. A malformed one is counted and ignored, since another may match.
func (v *Verifier) add(text string, c *claim) {
	if c.seen++; c.seen > maxSignatures {
		return
	}
	if sum, ok := decodeExactly(v.scheme.Encoding, text, v.newHash().Size()); ok {
		c.signatures = append(c.signatures, sum)
	}
}

// decodeExactly decodes the one spelling of so many bytes (hex letters of either case).
func decodeExactly(encoding, text string, size int) ([]byte, bool) {
	if encoding == "hex" {
		sum, err := hex.DecodeString(text)
		return sum, err == nil && len(sum) == size
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	return sum, err == nil && len(sum) == size && !strings.ContainsAny(text, "\r\n") // which the decoder skips
}

// matches compares sum with every signature in constant time. Returning at the first match would show which one it was.
func (c *claim) matches(sum []byte) bool {
	equal := 0
	for _, signature := range c.signatures {
		equal |= subtle.ConstantTimeCompare(signature, sum)
	}
	return equal == 1
}

// checkID rejects ids that contain a delimiter of the template: bytes could move between the id and its neighbours.
func (v *Verifier) checkID(id string) error {
	if id == "" {
		return ErrNoID
	}
	if len(id) > longestID || !isToken(id) {
		return fmt.Errorf("%w: must be at most %d visible ASCII characters", ErrMalformedID, longestID)
	}
	for _, delimiter := range v.idDelimiters {
		if strings.Contains(id, delimiter) {
			return fmt.Errorf("%w: must not contain %q", ErrMalformedID, delimiter)
		}
	}
	return nil
}

// isToken reports whether a header can carry text as it is: visible ASCII and inner blanks, no comma.
func isToken(text string) bool {
	return text == strings.TrimSpace(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r > '~' || r == ','
	})
}
