package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// longestToken limits a password that is to be decoded.
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
	token, ok := v.readToken(value)
	if !ok {
		return nil, fmt.Errorf("%w: header %s", ErrMalformedSignature, name)
	}
	return token, nil
}

func (v *Verifier) readToken(value string) ([]byte, bool) {
	if len(value) > longestToken {
		return nil, false
	}
	if v.scheme.Kind == kindToken {
		text, ok := v.trimPrefix(value, true)
		return []byte(text), ok && text != ""
	}
	scheme, encoded, _ := strings.Cut(value, " ")
	pair, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return pair, strings.EqualFold(scheme, "Basic") && err == nil && strings.Contains(string(pair), ":")
}
