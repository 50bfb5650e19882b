package webhook_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

// vectors returns the published and constructed vectors, and those made with another implementation of HMAC.
func vectors(t testing.TB) []webhook.Vector {
	t.Helper()
	return slices.Concat(vectorFile(t, "vectors.json"), vectorFile(t, "own_vectors.json"), vectorFile(t, "voice_vectors.json"))
}

func vectorFile(t testing.TB, name string) (all []webhook.Vector) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("testdata/%s has no vectors", name)
	}
	return all
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, vector := range vectors(t) {
		if err := vector.Verify(); (err == nil) != vector.Valid {
			t.Errorf("%s: got %v, want valid: %t", vector.Name, err, vector.Valid)
		}
	}
}

// refusals are the errors of the invalid vectors: a rejection for another reason proves nothing.
var refusals = map[string]error{
	"close-constructed-key-not-decoded":        webhook.ErrMismatch,
	"convoy-json-advanced_tamper":              webhook.ErrMismatch,
	"convoy-json-advanced_numeric_signature":   webhook.ErrMalformedSignature,
	"convoy-json-advanced_multi_v1_none_valid": webhook.ErrMismatch,
	"convoy-json-advanced_missing_timestamp":   webhook.ErrNoTime,
	"front-app-constructed-seconds":            webhook.ErrTooOld,
	"adnanh-sha1-wrong-secret":                 webhook.ErrMismatch,
	"adnanh-sha1-empty-secret":                 webhook.ErrEmptyKey,
	"convoy-json-simple_tamper":                webhook.ErrMismatch,
	"adnanh-sha256-none-match":                 webhook.ErrMalformedSignature,
	"github-prefix-missing":                    webhook.ErrMalformedSignature,
	"github-docs-tampered":                     webhook.ErrMismatch,
	"octokit-unicode-lowercase-escape":         webhook.ErrMismatch,
	"github-empty-header":                      webhook.ErrMalformedSignature,
	"github-no-header":                         webhook.ErrNoSignature,
	"hubspot-v2-wrong-method":                  webhook.ErrMismatch,
	"hubspot-v3-uri-undecoded":                 webhook.ErrMismatch,
	"hubspot-v3-float-timestamp":               webhook.ErrMalformedTime,
	"hubspot-v3-stale":                         webhook.ErrTooOld,
	"intercom-constructed-sha256":              webhook.ErrMalformedSignature,
	"jira-sha1-downgrade":                      webhook.ErrMalformedSignature,
	"linear-constructed-stale":                 webhook.ErrTooOld,
	"pagerduty-mismatch":                       webhook.ErrMismatch,
	"slack-go-wrong-body":                      webhook.ErrMismatch,
	"slack-docs-stale":                         webhook.ErrTooOld,
	"slack-docs-ts-changed":                    webhook.ErrMismatch,
	"sw-wrong-signature":                       webhook.ErrMismatch,
	"sw-ts-not-number":                         webhook.ErrMalformedTime,
	"sw-secret-used-raw":                       webhook.ErrMismatch,
	"sw-v2-only":                               webhook.ErrNoSignature,
	"sw-future":                                webhook.ErrTooNew,
	"sw-reserialised-body":                     webhook.ErrMismatch,
	"sw-empty-secret":                          webhook.ErrEmptyKey,
	"sw-empty-prefixed-secret":                 webhook.ErrEmptyKey,
	"sw-rust-wrong":                            webhook.ErrMismatch,
	"sw-python-near-miss":                      webhook.ErrMismatch,
	"sw-missing-timestamp":                     webhook.ErrNoTime,
	"sw-partial":                               webhook.ErrMalformedSignature,
	"stripe-constructed-dup-t":                 webhook.ErrRepeatedHeader,
	"twilio-json-tampered":                     webhook.ErrBodyHash,
	"zendesk-stale":                            webhook.ErrTooOld,
	"zendesk-secret-base64-decoded":            webhook.ErrMismatch,
	"msteams-key-not-decoded":                  webhook.ErrMismatch,
	"custom-object-stale":                      webhook.ErrTooOld,
	"token-wrong":                              webhook.ErrMismatch,
	"basic-wrong":                              webhook.ErrMismatch,
	"chatwoot-no-prefix":                       webhook.ErrMalformedSignature,
	"chatwoot-body-alone":                      webhook.ErrMismatch,
	"chatwoot-stale":                           webhook.ErrTooOld,
	"glpi-time-first":                          webhook.ErrMismatch,
	"glpi-stale":                               webhook.ErrTooOld,
	"retell-time-first":                        webhook.ErrMismatch,
	"retell-seconds":                           webhook.ErrTooOld,
	"retell-stale":                             webhook.ErrTooOld,
	"retell-body-changed":                      webhook.ErrMismatch,
	"elevenlabs-no-dot":                        webhook.ErrMismatch,
	"elevenlabs-stale":                         webhook.ErrTooOld,
	"ultravox-time-rewritten":                  webhook.ErrMismatch,
	"ultravox-stale":                           webhook.ErrTooOld,
	"vapi-other-key":                           webhook.ErrMismatch,
	"bland-prefix":                             webhook.ErrMalformedSignature,
}

func TestVectorsInvalid(t *testing.T) {
	t.Parallel()
	invalid := 0
	for _, vector := range vectors(t) {
		if vector.Valid {
			continue
		}
		invalid++
		if err := vector.Verify(); !errors.Is(err, refusals[vector.Name]) || err == nil {
			t.Errorf("%s: got %v, want %v, its reason in refusals", vector.Name, err, refusals[vector.Name])
		}
	}
	if invalid != len(refusals) {
		t.Errorf("%d invalid vectors, but %d reasons", invalid, len(refusals))
	}
}

// One flipped bit anywhere in the body, the signature, the time or the key is rejected.
func TestVectorsFlippedBits(t *testing.T) {
	t.Parallel()
	for _, vector := range vectors(t) {
		if vector.Valid {
			t.Run(vector.Name, func(t *testing.T) {
				t.Parallel()
				flipBody(t, vector)
				flipHeaders(t, vector)
				flipKey(t, vector)
			})
		}
	}
}

func flipBody(t *testing.T, v webhook.Vector) {
	if v.Scheme.Kind == "token" || v.Scheme.Kind == "basic" {
		return // that is their weakness
	}
	original := v.Body
	for _, v.Body = range flipped(original) {
		if v.Verify() == nil {
			t.Fatalf("body %q accepted", v.Body)
		}
	}
}

// flipHeaders flips every bit of each word in a header's value, except words that don't affect the verdict.
func flipHeaders(t *testing.T, v webhook.Vector) {
	changed := 0
	for name, value := range v.Headers {
		if strings.EqualFold(name, "Content-Type") {
			continue
		}
		for _, word := range regexp.MustCompile(`[^ ,]+`).FindAllStringIndex(value, -1) {
			before, after := value[:word[0]], value[word[1]:]
			v.Headers[name] = before + "-" + after
			if v.Verify() == nil {
				continue // a signature beside the one that holds, or the header is not the scheme's
			}
			changed++
			for _, mutant := range flipped(value[word[0]:word[1]]) {
				v.Headers[name] = before + mutant + after
				if v.Verify() == nil && !isSameHex(v, value[word[0]:word[1]], mutant) {
					t.Fatalf("header %s: %q accepted", name, v.Headers[name])
				}
			}
		}
		v.Headers[name] = value
	}
	if changed == 0 {
		t.Fatal("no header decided the verdict")
	}
}

// isSameHex reports whether a flipped bit changed nothing but the case of a hex digit, or of the word Basic.
func isSameHex(v webhook.Vector, word, mutant string) bool {
	return (v.Scheme.Encoding == "hex" || word == "Basic") && strings.EqualFold(word, mutant)
}

func flipKey(t *testing.T, v webhook.Vector) {
	matched := 0
	for _, v.Secret = range split(v.Secret) {
		if v.Verify() != nil {
			continue // the key before or after a rotation
		}
		matched++
		for _, mutant := range flipped(decodeSecret(t, v.Scheme, v.Secret[0])) {
			if v.Secret = (webhook.Secrets{encodeSecret(v.Scheme, mutant)}); v.Verify() == nil {
				t.Fatalf("key %q accepted", mutant)
			}
		}
	}
	if matched == 0 {
		t.Fatal("no key decided the verdict")
	}
}

func split(secrets webhook.Secrets) (each []webhook.Secrets) {
	for _, text := range secrets {
		each = append(each, webhook.Secrets{text})
	}
	return each
}

func decodeSecret(t *testing.T, s webhook.Scheme, text string) string {
	t.Helper()
	text = strings.TrimPrefix(text, s.SecretPrefix)
	raw, err := []byte(text), error(nil)
	switch s.Secret {
	case "hex":
		raw, err = hex.DecodeString(text)
	case "base64":
		raw, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func encodeSecret(s webhook.Scheme, raw string) string {
	switch s.Secret {
	case "hex":
		return hex.EncodeToString([]byte(raw))
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(raw))
	}
	return raw
}

// flipped returns text with each of its bits flipped in turn.
func flipped(text string) []string {
	var all []string
	for i := range 8 * len(text) {
		mutant := []byte(text)
		mutant[i/8] ^= 1 << (i % 8)
		all = append(all, string(mutant))
	}
	return all
}

func TestSchemaMarksUnconfirmedPresets(t *testing.T) {
	t.Parallel()
	confirmed := map[string]bool{}
	for _, vector := range vectors(t) {
		for _, name := range webhook.PresetNames() {
			if vector.Valid && vector.Origin != "constructed" && schemesEqual(vector.Scheme, preset(t, name)) {
				confirmed[name] = true
			}
		}
	}
	text, err := os.ReadFile("../../sources.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Preset struct {
				OneOf []struct{ Const, Description string }
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil || len(schema.Defs.Preset.OneOf) < 40 {
		t.Fatal(schema, err)
	}
	for _, entry := range schema.Defs.Preset.OneOf {
		if got, want := !strings.Contains(entry.Description, "by the documentation only"), confirmed[entry.Const]; got != want {
			t.Errorf("%s: described as confirmed: %t, vectors say %t", entry.Const, got, want)
		}
	}
}
