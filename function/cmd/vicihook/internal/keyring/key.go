package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"

	"vicihook/function/internal/webhook"
)

const keySize = 32 // bytes

// NewKey returns a key of 32 random bytes as the scheme writes it, and a description of how it is written.
func NewKey(s webhook.Scheme) (key, form string) {
	random := make([]byte, keySize)
	rand.Read(random)
	prefix := s.SecretPrefix
	switch {
	case s.Secret == "hex":
		return prefix + hex.EncodeToString(random), prefix + "64 hex digits"
	case s.Secret == "base64":
		return prefix + base64.StdEncoding.EncodeToString(random), prefix + "base64 of 32 bytes"
	case s.Kind == "basic":
		prefix = "vicihook:" // the user
	}
	return prefix + base64.RawURLEncoding.EncodeToString(random), prefix + "43 letters, digits, - and _"
}
