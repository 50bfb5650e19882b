package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of CheckStrength.
var (
	ErrShortKey       = errors.New("webhook: key has fewer than 16 bytes")
	ErrPublishedKey   = errors.New("webhook: key is published as an example, so anybody can sign with it")
	ErrPlaceholderKey = errors.New("webhook: key is a placeholder")
)

const shortestKey = 16 // bytes

// published are keys of documentation and test suites that are long enough to look real, without prefix and padding.
var published = []string{
	"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ", // Zendesk's static key for webhooks that are not saved yet
	"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",           // Standard Webhooks, Svix
	"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr",
	"C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
	"It's a Secret to Everybody",           // GitHub, Jira
	"0123456789abcdef",                     // go-github
	"8f742231b10e8888abcd99yyyzzz85a5",     // Slack
	"e6b19c573432dcc6b075501d51b51bb8",     // slack-go
	"yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", // HubSpot
	"autopilot-test-client-secret-0001",
	"lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK", // PagerDuty
	"vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA",                      // Microsoft Teams
	"QgyNSToQjf4p6+YzDpjKks1/tXeJQ7FhVHqRwTnugVI",
	"+ZaRRMC8+mpnfGaGsBOmkIFt98bttL5YQRq3p2tXgcE",
	"some_secret_value",     // Outpost
	"convoy-webhook-secret", // Convoy
	"test_secret",           // Stripe, after whsec_
}

// What people write in place of a key, whole and by its start.
var (
	placeholderWords  = []string{"changeme", "change-me", "change_me", "placeholder", "secret", "password", "mysecret", "todo", "example", "user:password"}
	placeholderStarts = []string{"your-", "your_", "your ", "yoursecret", "yourkey", "replace-", "replace_", "replace ", "insert-", "insert_", "changeme", "change-me", "change_me"}
)

// CheckStrength returns ErrPlaceholderKey, ErrPublishedKey or ErrShortKey for a key that a stranger could know or guess.
func (k Key) CheckStrength() error {
	if k.reveal == nil {
		return ErrEmptyKey
	}
	secret := k.reveal()
	text := strings.TrimRight(strings.TrimPrefix(secret.text, "whsec_"), "=")
	switch {
	case isPlaceholder(text), isPlaceholder(string(secret.unguessable)):
		return ErrPlaceholderKey
	case isPattern(text), isPattern(string(secret.unguessable)):
		return fmt.Errorf("%w: it repeats or counts", ErrPlaceholderKey)
	case slices.Contains(published, text):
		return ErrPublishedKey
	case len(secret.unguessable) < shortestKey:
		return fmt.Errorf("%w: %d", ErrShortKey, len(secret.unguessable))
	}
	return nil
}

// isPattern reports whether a text repeats a part of itself or counts: abababab, 1234567890123456.
func isPattern(text string) bool {
	for part := 1; part <= len(text)/2; part++ {
		if strings.HasPrefix(text, strings.Repeat(text[:part], len(text)/part)) && strings.HasPrefix(text[:part], text[len(text)/part*part:]) {
			return true
		}
	}
	counted := 0
	for i := 1; i < len(text); i++ {
		if step := int(text[i]) - int(text[i-1]); step == 1 || step == -1 {
			counted++
		}
	}
	return len(text) > 1 && counted*4 >= (len(text)-1)*3
}

func isPlaceholder(text string) bool {
	lower := strings.ToLower(text)
	return strings.Trim(text, text[:min(1, len(text))]) == "" ||
		slices.Contains(placeholderWords, lower) ||
		slices.ContainsFunc(placeholderStarts, func(start string) bool { return strings.HasPrefix(lower, start) }) ||
		isWrapped(text, "<", ">") || isWrapped(text, "${", "}") || isWrapped(text, "{{", "}}") || isWrapped(text, "[", "]")
}

func isWrapped(text, open, closing string) bool {
	return strings.HasPrefix(text, open) && strings.HasSuffix(text, closing)
}
