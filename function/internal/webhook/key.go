package webhook

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// What ParseKey refuses.
var (
	ErrEmptyKey     = errors.New("webhook: key is empty")
	ErrMalformedKey = errors.New("webhook: key is not in the scheme's form")
)

const redacted = "[webhook key]"

// A Key is a decoded key. fmt, slog, JSON and text show a fixed word in place of it. The zero Key matches nothing.
type Key struct {
	// A function: in an unexported field fmt can't call Format, and would print the bytes of any other type.
	reveal func() secret
}

type secret struct {
	text        string // as written, without the scheme's prefix
	bytes       []byte // what the scheme puts into the hash or compares
	unguessable []byte // the part that must not be guessed: of user:password the password
}

// ParseKey decodes a key as the scheme writes it. It drops one line end, as files have it, and nothing else.
// It returns ErrEmptyKey for white space and for what decodes to no bytes, or ErrMalformedKey.
func (s Scheme) ParseKey(text string) (Key, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if strings.TrimSpace(text) == "" {
		return Key{}, ErrEmptyKey
	}
	text = strings.TrimPrefix(text, s.SecretPrefix)
	decoded, err := s.decodeKey(text)
	if err != nil {
		return Key{}, err
	}
	if len(decoded) == 0 {
		return Key{}, ErrEmptyKey
	}
	unguessable := decoded
	if s.Kind == kindBasic {
		_, password, found := strings.Cut(text, ":")
		if !found {
			return Key{}, fmt.Errorf("%w: must be user:password", ErrMalformedKey)
		}
		unguessable = []byte(password)
	}
	return Key{func() secret { return secret{text, decoded, unguessable} }}, nil
}

func (s Scheme) decodeKey(text string) ([]byte, error) {
	switch s.Secret {
	case "hex":
		decoded, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%w: must be hex", ErrMalformedKey)
		}
		return decoded, nil
	case "base64":
		// Senders omit the padding, and set unused bits. The decoder would skip newlines, which no sender has.
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return nil, fmt.Errorf("%w: must be base64", ErrMalformedKey)
		}
		return decoded, nil
	}
	if s.Kind == kindToken && !isToken(text) {
		return nil, fmt.Errorf("%w: a header cannot carry it: must be visible ASCII without commas", ErrMalformedKey)
	}
	return []byte(text), nil
}

// Equal reports in constant time whether both keys are the same bytes.
func (k Key) Equal(other Key) bool {
	return subtle.ConstantTimeCompare(k.bytes(), other.bytes()) == 1
}

func (k Key) bytes() []byte {
	if k.reveal == nil {
		return nil
	}
	return k.reveal().bytes
}

// Format writes a fixed word, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns a fixed word.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a fixed word; JSON gets it too.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
