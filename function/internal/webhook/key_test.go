package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	const raw, hexadecimal, base64, basic = "raw", "hex", "base64", "basic"
	tests := map[string]struct {
		form, text, same string // same is another spelling of the same key
		want             error
	}{
		"a raw key is used as written":                 {raw, " whsec_a=b ", " whsec_a=b ", nil},
		"a newline at the end is dropped":              {raw, "abc\n", "abc", nil},
		"a line end of Windows is dropped":             {raw, "abc\r\n", "abc", nil},
		"a base64 key needs no prefix":                 {base64, "key_YWJj", "YWJj", nil},
		"a base64 key needs no padding":                {base64, "YWI=", "YWI", nil},
		"a base64 key may set bits that no byte needs": {base64, "YWI", "YWJ", nil},
		"a hex key has either case":                    {hexadecimal, "abcdef", "ABCDEF", nil},
		"basic is user and password":                   {basic, "user:pa:ss", "user:pa:ss", nil},
		"an empty key is refused":                      {raw, "", "", webhook.ErrEmptyKey},
		"a newline alone is refused":                   {raw, "\n", "", webhook.ErrEmptyKey},
		"blanks alone are refused":                     {raw, " \t\r\n\n", "", webhook.ErrEmptyKey},
		"a prefix alone is refused":                    {base64, "key_", "", webhook.ErrEmptyKey},
		"padding alone is refused":                     {base64, "==", "", webhook.ErrEmptyKey},
		"base64 with a blank is refused":               {base64, "YW Jj", "", webhook.ErrMalformedKey},
		"base64 with a newline inside is refused":      {base64, "YW\nJj", "", webhook.ErrMalformedKey},
		"base64 with two newlines is refused":          {base64, "YWJj\n\n", "", webhook.ErrMalformedKey},
		"base64 of one character is refused":           {base64, "Y", "", webhook.ErrMalformedKey},
		"the base64 of URLs is refused":                {base64, "-_-_", "", webhook.ErrMalformedKey},
		"another prefix is refused":                    {base64, "whsec_YWJj", "", webhook.ErrMalformedKey},
		"an odd number of hex digits is refused":       {hexadecimal, "abc", "", webhook.ErrMalformedKey},
		"hex with a blank is refused":                  {hexadecimal, "ab cd", "", webhook.ErrMalformedKey},
		"basic without a colon is refused":             {basic, "crm", "", webhook.ErrMalformedKey},
		"a token with a comma is refused":              {"token", "a,b", "", webhook.ErrMalformedKey},
		"a token with a newline inside is refused":     {"token", "a\nb", "", webhook.ErrMalformedKey},
		"a token between blanks is refused":            {"token", " a", "", webhook.ErrMalformedKey},
		"a token beyond ASCII is refused":              {"token", "é", "", webhook.ErrMalformedKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme := webhook.Scheme{Kind: test.form}
			if test.form == hexadecimal || test.form == base64 {
				scheme = webhook.Scheme{Kind: "hmac", Secret: test.form, SecretPrefix: "key_"}
			}
			key, err := scheme.ParseKey(test.text)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err == nil && !key.Equal(parseKey(t, scheme, test.same)) {
				t.Errorf("%q is not the key %q", test.text, test.same)
			}
			if trimmed := strings.TrimSpace(test.text); err != nil && len(trimmed) > 1 && strings.Contains(err.Error(), trimmed) {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
	if (webhook.Key{}).Equal(parseKey(t, webhook.Scheme{}, "abc")) {
		t.Error("the zero key equals another")
	}
}

func TestCheckStrength(t *testing.T) {
	t.Parallel()
	standard, zendesk, stripe := preset(t, "standard-webhooks"), preset(t, "zendesk"), preset(t, "stripe")
	hexKey, basic := preset(t, "close"), webhook.Scheme{Kind: "basic"}
	tests := map[string]struct {
		scheme webhook.Scheme
		text   string
		want   error
	}{
		"32 random bytes are strong":                 {standard, "whsec_kBn3ckN1Zpdqs0nO7H2vLq1mZQx0T5tYJ8d6wE4rUAc=", nil},
		"16 bytes are enough":                        {zendesk, "q8Zr1Lw0Xc5Tn7Vb", nil},
		"15 bytes are not":                           {zendesk, "q8Zr1Lw0Xc5Tn7V", webhook.ErrShortKey},
		"16 characters of base64 are 12 bytes":       {standard, "q8Zr1Lw0Xc5Tn7Vb", webhook.ErrShortKey},
		"16 hex digits are 8 bytes":                  {hexKey, "08f1c2d3a4b59687", webhook.ErrShortKey},
		"a user's name does not lengthen a password": {basic, "a-very-long-user-name:pass", webhook.ErrShortKey},
		"a long password is strong":                  {basic, "crm:q8Zr1Lw0Xc5Tn7Vb", nil},
		"Zendesk's test key is published":            {zendesk, "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==", webhook.ErrPublishedKey},
		"the specification's key is published":       {standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook.ErrPublishedKey},
		"it is without its prefix":                   {standard, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook.ErrPublishedKey},
		"it is where it is not decoded":              {stripe, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook.ErrPublishedKey},
		"GitHub's example is published":              {preset(t, "github"), "It's a Secret to Everybody", webhook.ErrPublishedKey},
		"stars are a placeholder":                    {zendesk, "****************", webhook.ErrPlaceholderKey},
		"three stars are a placeholder":              {zendesk, "***", webhook.ErrPlaceholderKey},
		"dots behind a prefix are a placeholder":     {stripe, "whsec_........................", webhook.ErrPlaceholderKey},
		"x in base64 is a placeholder":               {standard, "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", webhook.ErrPlaceholderKey},
		"zeros in hex are a placeholder":             {hexKey, "00000000000000000000000000000000", webhook.ErrPlaceholderKey},
		"one byte over and over is a placeholder":    {hexKey, "abababababababababababababababab", webhook.ErrPlaceholderKey},
		"changeme is a placeholder":                  {zendesk, "ChangeMe", webhook.ErrPlaceholderKey},
		"changeme and more is a placeholder":         {zendesk, "changeme-changeme-changeme", webhook.ErrPlaceholderKey},
		"your secret is a placeholder":               {zendesk, "your-webhook-secret-here", webhook.ErrPlaceholderKey},
		"angle brackets are a placeholder":           {zendesk, "<the signing secret>", webhook.ErrPlaceholderKey},
		"an angle bracket at one end only is strong": {zendesk, "<q8Zr1Lw0Xc5Tn7Vb", nil},
		"a variable is a placeholder":                {zendesk, "${ZENDESK_SIGNING_SECRET}", webhook.ErrPlaceholderKey},
		"a template is a placeholder":                {zendesk, "{{ zendesk_signing_secret }}", webhook.ErrPlaceholderKey},
		"a password that is one is a placeholder":    {basic, "crm:changeme-changeme", webhook.ErrPlaceholderKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := parseKey(t, test.scheme, test.text).CheckStrength(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if err := (webhook.Key{}).CheckStrength(); !errors.Is(err, webhook.ErrEmptyKey) {
		t.Errorf("the zero key: got %v", err)
	}
}

func TestCheckStrengthPublishedKeys(t *testing.T) {
	t.Parallel()
	for _, vector := range vectorFile(t, "vectors.json") {
		for _, text := range vector.Secret {
			if key, err := vector.Scheme.ParseKey(text); err == nil && key.CheckStrength() == nil {
				t.Errorf("%s: its key is accepted: add it to published in strength.go, or move a vector whose key is in no document to own_vectors.json", vector.Name)
			}
		}
	}
}

func TestKeyIsRedacted(t *testing.T) {
	t.Parallel()
	key := parseKey(t, webhook.Scheme{}, strongSecret)
	type holder struct{ hidden webhook.Key }
	values := []any{key, &key, []webhook.Key{key}, map[string]webhook.Key{"a": key}, struct{ Key webhook.Key }{key}, holder{key}, &holder{key}}
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%b", "%t", "%10.3s", "%c"}
	var shown strings.Builder
	for _, value := range values {
		for _, verb := range verbs {
			fmt.Fprintf(&shown, verb+"\n", value)
		}
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(data)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "value", value)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "value", value)
	}
	for _, form := range []string{strongSecret, fmt.Sprintf("%x", strongSecret), fmt.Sprintf("%X", strongSecret), strings.Trim(fmt.Sprint([]byte(strongSecret)), "[]"), strongSecret[:3], "0x30, 0x66"} {
		if bytes.Contains([]byte(shown.String()), []byte(form)) {
			t.Errorf("the key shows as %q", form)
		}
	}
	for _, verb := range verbs {
		if got := fmt.Sprintf(verb, key); got != "[webhook key]" && verb != "%p" { // fmt itself refuses %p
			t.Errorf("%s shows %s", verb, got)
		}
	}
}

func ExampleScheme_ParseKey() {
	scheme, _ := webhook.Preset("standard-webhooks")
	key, err := scheme.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	fmt.Println(key, err)
	fmt.Println(key.CheckStrength())
	// Output:
	// [webhook key] <nil>
	// webhook: key is published as an example, so anybody can sign with it
}
