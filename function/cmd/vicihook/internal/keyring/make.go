package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"

	"vicihook/function/internal/webhook"
)

const keySize = 32 // bytes

// user stands before the password of a key of kind basic.
const user = "vicihook:"

// NewKey makes a key of 32 random bytes as a scheme writes it.
func NewKey(s webhook.Scheme) string {
	bytes := make([]byte, keySize)
	rand.Read(bytes)
	switch {
	case s.Secret == "hex":
		return s.SecretPrefix + hex.EncodeToString(bytes)
	case s.Secret == "base64":
		return s.SecretPrefix + base64.StdEncoding.EncodeToString(bytes)
	case s.Kind == "basic":
		return user + base64.RawURLEncoding.EncodeToString(bytes)
	}
	return s.SecretPrefix + base64.RawURLEncoding.EncodeToString(bytes)
}

// FormOf says in words how NewKey writes it.
func FormOf(s webhook.Scheme) string {
	switch {
	case s.Secret == "hex":
		return s.SecretPrefix + "64 hex digits"
	case s.Secret == "base64":
		return s.SecretPrefix + "base64 of 32 bytes"
	case s.Kind == "basic":
		return user + "43 letters, digits, - and _"
	}
	return s.SecretPrefix + "43 letters, digits, - and _"
}
