package webhook_test

import (
	"errors"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

const goodKey = "x7Kq-0zd1mn-9Wf3r"

var pastedKeys = map[string]struct{ text, fault string }{
	"a blank before it":          {" " + goodKey, "begins with a blank"},
	"a blank behind it":          {goodKey + " ", "ends with a blank"},
	"a tab":                      {"\t" + goodKey, "begins with a tab"},
	"a blank that is not seen":   {goodKey + "\u00a0", "ends with white space (U+00A0)"},
	"a line end before it":       {"\n" + goodKey, "begins with a line end"},
	"two line ends behind it":    {goodKey + "\n\n", "ends with a line end"},
	"quotes":                     {`"` + goodKey + `"`, "is in quotes"},
	"single quotes":              {"'" + goodKey + "'", "is in quotes"},
	"quotes of a word processor": {"“" + goodKey + "”", "is in quotes"},
	"a byte order mark":          {"\ufeff" + goodKey, "contains a byte order mark"},
	"a zero-width blank":         {goodKey + "\u200b", "contains a byte order mark or a zero-width blank"},
	"a label":                    {"Signing secret: " + goodKey, "begins with a label"},
	"a short label":              {"key: " + goodKey, "begins with a label"},
	"two lines":                  {goodKey + "\n" + goodKey, "has two lines"},
	"two lines of Windows":       {goodKey + "\r\n" + goodKey, "has two lines"},
	"v1,":                        {"v1,whsec_" + goodKey, "begins with v1,"},
	"a list as a text":           {`["` + goodKey + `","` + goodKey + `"]`, "is a list written as a text"},
}

func TestCheckKeyPasted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"github", "standard-webhooks", "close"} {
		scheme := preset(t, name)
		for what, c := range pastedKeys {
			key, err := scheme.CheckKey(c.text)
			if !errors.Is(err, webhook.ErrPastedKey) || !strings.Contains(err.Error(), c.fault) || !key.Equal(webhook.Key{}) {
				t.Errorf("%s with %s: got %v, want %s", name, what, err, c.fault)
			}
			if err != nil && (strings.Contains(err.Error(), goodKey) || strings.Contains(err.Error(), "Signing")) {
				t.Errorf("%v quotes the key", err)
			}
		}
	}
}

func TestCheckKeyAccepted(t *testing.T) {
	t.Parallel()
	basic := webhook.Scheme{Kind: "basic"}
	for text, scheme := range map[string]webhook.Scheme{
		goodKey: preset(t, "github"), goodKey + "\n": preset(t, "github"), goodKey + "\r\n": preset(t, "github"), "two words and a third 7": preset(t, "github"),
		"crm:" + goodKey: basic, "c: " + goodKey: basic, `it's "quoted" inside 7`: preset(t, "github"), "whsec_eDdLcS0wemQxbW4tOVdmM3I=": preset(t, "standard-webhooks"),
	} {
		if _, err := scheme.CheckKey(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCheckStrengthPatterns(t *testing.T) {
	t.Parallel()
	scheme := preset(t, "github")
	for _, text := range []string{
		"1234567890123456", "12345678901234567890", "abababababababab", "passwordpassword", "secretsecretsecret", "abcdefghijklmnop",
		"0123456789abcdef0123456789abcdef", "9876543210987654", "abcabcabcabcabcab", "00000000000000000001"[:19], "deadbeefdeadbeef",
	} {
		if _, err := scheme.CheckKey(text); !errors.Is(err, webhook.ErrPlaceholderKey) && !errors.Is(err, webhook.ErrPublishedKey) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := preset(t, "standard-webhooks").CheckKey("whsec_YWJhYmFiYWJhYmFiYWJhYg=="); !errors.Is(err, webhook.ErrPlaceholderKey) {
		t.Errorf("decoded: got %v", err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, c := range pastedKeys {
		f.Add(c.text)
	}
	schemes := []webhook.Scheme{preset(f, "github"), preset(f, "standard-webhooks"), preset(f, "close"), {Kind: "basic"}, {Kind: "token"}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, scheme := range schemes {
			if _, err := scheme.CheckKey(text); err != nil && len(text) > 50 && strings.Contains(err.Error(), text) {
				t.Errorf("%v quotes the key", err)
			}
		}
	})
}
