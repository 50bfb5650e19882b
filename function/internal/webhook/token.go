package webhook

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// longestToken limits a token, and a password that is to be decoded.
const longestToken = 4096 // bytes

// verifyToken compares the request's token with each key. It compares hashes, so that lengths don't show.
func (v *Verifier) verifyToken(r Request, keys []Key) (int, error) {
	token, err := v.tokenOf(r.Header)
	if err != nil {
		return -1, err
	}
	got, matched := sha256.Sum256(token), -1
	for i, key := range keys {
		want := sha256.Sum256(key.bytes())
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && matched < 0 {
			matched = i
		}
	}
	if matched < 0 {
		return -1, ErrMismatch
	}
	return matched, nil
}

// tokenOf returns the token, or user and password, of the headers.
func (v *Verifier) tokenOf(h Header) ([]byte, error) {
	if err := v.checkRequired(h); err != nil {
		return nil, err
	}
	value, name, err := h.single(v.scheme.Header)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("%w: header %s is absent", ErrNoSignature, strings.Join(v.scheme.Header, ", "))
	}
	switch scheme, encoded, _ := strings.Cut(value, " "); {
	case len(value) > longestToken:
	case v.scheme.Kind == kindToken:
		if text, ok := v.trimPrefix(value, true); ok && text != "" {
			return []byte(text), nil
		}
	case strings.EqualFold(scheme, "Basic"):
		if pair, err := base64.StdEncoding.Strict().DecodeString(encoded); err == nil && bytes.Contains(pair, []byte(":")) {
			return pair, nil
		}
	}
	return nil, fmt.Errorf("%w: header %s", ErrMalformedSignature, name)
}
