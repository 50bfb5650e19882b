package webhook_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	const plain = "a token"
	pair := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	right := pair("crm:" + strongSecret)
	tests := map[string]struct {
		scheme, header string
		values         []string
		want           error
	}{
		"the token is accepted":                   {plain, "x-token", []string{strongSecret}, nil},
		"an absent one is refused":                {plain, "x-other", []string{strongSecret}, webhook.ErrNoSignature},
		"an empty one is refused":                 {plain, "x-token", []string{""}, webhook.ErrMalformedSignature},
		"a repeated one is refused":               {plain, "x-token", []string{strongSecret, strongSecret}, webhook.ErrRepeatedHeader},
		"a joined one is refused":                 {plain, "x-token", []string{strongSecret + "," + strongSecret}, webhook.ErrRepeatedHeader},
		"a longer one mismatches":                 {plain, "x-token", []string{strongSecret + "x"}, webhook.ErrMismatch},
		"a shorter one mismatches":                {plain, "x-token", []string{strongSecret[1:]}, webhook.ErrMismatch},
		"one of 4097 bytes is refused":            {plain, "x-token", []string{strings.Repeat("x", 4097)}, webhook.ErrMalformedSignature},
		"one of 4096 bytes is looked at":          {plain, "x-token", []string{strings.Repeat("x", 4096)}, webhook.ErrMismatch},
		"a bearer token is accepted":              {"a bearer token", "authorization", []string{"Bearer " + strongSecret}, nil},
		"a bearer token of no scheme is refused":  {"a bearer token", "authorization", []string{strongSecret}, webhook.ErrMalformedSignature},
		"user and password are accepted":          {"basic authentication", "authorization", []string{"Basic " + right}, nil},
		"the scheme in small letters is accepted": {"basic authentication", "authorization", []string{"basic " + right}, nil},
		"another scheme is refused":               {"basic authentication", "authorization", []string{"Bearer " + right}, webhook.ErrMalformedSignature},
		"no scheme is refused":                    {"basic authentication", "authorization", []string{right}, webhook.ErrMalformedSignature},
		"two blanks are refused":                  {"basic authentication", "authorization", []string{"Basic  " + right}, webhook.ErrMalformedSignature},
		"no colon is refused":                     {"basic authentication", "authorization", []string{"Basic " + pair("crm")}, webhook.ErrMalformedSignature},
		"broken base64 is refused":                {"basic authentication", "authorization", []string{"Basic " + right[1:]}, webhook.ErrMalformedSignature},
		"another user mismatches":                 {"basic authentication", "authorization", []string{"Basic " + pair("CRM:"+strongSecret)}, webhook.ErrMismatch},
		"another password mismatches":             {"basic authentication", "authorization", []string{"Basic " + pair("crm:"+strongSecret+"x")}, webhook.ErrMismatch},
		"no header is refused":                    {"basic authentication", "x-token", []string{right}, webhook.ErrNoSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme := parseScheme(t, custom[test.scheme])
			other := parseKey(t, webhook.Scheme{Kind: scheme.Kind}, "old:key of another name")
			r := webhook.Request{Header: webhook.Header{test.header: test.values}}
			key, err := compile(t, scheme).Verify(r, []webhook.Key{other, strongKey(t, scheme), strongKey(t, scheme)}, now)
			if !errors.Is(err, test.want) || (err == nil && key != 1) || (err != nil && key != -1) {
				t.Errorf("got %d, %v, want %v", key, err, test.want)
			}
			again, err := compile(t, scheme).Verify(r, []webhook.Key{strongKey(t, scheme), strongKey(t, scheme)}, now)
			if err == nil && again != 0 {
				t.Errorf("of two right keys got %d, want the first", again)
			}
			assertDiscreet(t, err)
		})
	}
}
