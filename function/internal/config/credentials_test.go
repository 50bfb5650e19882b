package config_test

import (
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/config"
	"vicihook/vicicall"
)

func TestCredentialsWithOneOrSeveralServers(t *testing.T) {
	secrets := map[string]struct {
		secret    string
		url, pins []string
	}{
		"one server":                   {`{"url":"https://a","user":"u1","pass":"p1"}`, []string{"https://a"}, nil},
		"a cluster":                    {`{"url":["https://a","https://b"],"user":"u1","pass":"p1"}`, []string{"https://a", "https://b"}, nil},
		"no server, with VICIDIAL_URL": {`{"user":"u1","pass":"p1"}`, []string{"https://env"}, nil},
		"one pin":                      {`{"url":"https://a","user":"u1","pass":"p1","tls_pin":"sha256/x"}`, []string{"https://a"}, []string{"sha256/x"}},
		"two pins":                     {`{"url":"https://a","user":"u1","pass":"p1","tls_pin":["x","y"]}`, []string{"https://a"}, []string{"x", "y"}},
	}
	for name, c := range secrets {
		t.Run(name, func(t *testing.T) {
			account, err := config.Config{VICIdialURL: "https://env"}.Credentials([]byte(c.secret))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(account.URLs, c.url) || !slices.Equal(account.Pins, c.pins) || account.User != "u1" || account.Pass != "p1" {
				t.Errorf("got URLs %q, pins %q, user %q", account.URLs, account.Pins, account.User)
			}
		})
	}
}

func TestCredentialsOfTheLookupAccount(t *testing.T) {
	for secret, want := range map[string]*vicicall.Account{
		`{"user":"u1","pass":"p1"}`:                                    nil,
		`{"user":"u1","pass":"p1","lookup":null}`:                      nil,
		`{"user":"u1","pass":"p1","lookup":{"user":"u2","pass":"p2"}}`: {User: "u2", Pass: "p2"},
		`{"user":"u1","pass":"p1","lookup":{"user":"u2"}}`:             {User: "u2"},
	} {
		account, err := config.Config{}.Credentials([]byte(secret))
		if err != nil || (account.Lookup == nil) != (want == nil) || want != nil && *account.Lookup != *want {
			t.Errorf("%s: got %v, %v", secret, account.Lookup != nil, err)
		}
	}
}

func TestMalformedCredentialsAreNotQuoted(t *testing.T) {
	secrets := map[string]struct{ secret, says string }{
		"not JSON":                          {`hunter2`, "no JSON"},
		"a list":                            {`["hunter2"]`, "no JSON object"},
		"an unknown member":                 {`{"hunter2":"x"}`, "url, user, pass, lookup, ca and tls_pin"},
		"an unknown member of lookup":       {`{"lookup":{"user":"u","hunter2":"x"}}`, "url, user, pass, lookup, ca and tls_pin"},
		"a member of lookup twice":          {`{"lookup":{"user":"hunter2","user":"y"}}`, `member "lookup.user" is given twice`},
		"a lookup that is a string":         {`{"lookup":"hunter2"}`, `"lookup" has the wrong type`},
		"a password that is a number":       {`{"url":"https://a","user":"u","pass":42}`, `"pass"`},
		"text after the object":             {`{"user":"u","pass":"p"} hunter2`, "no JSON from byte 25 on"},
		"a brace after the object":          {`{"user":"u","pass":"p"}}`, "no JSON from byte 24 on"},
		"a url that is an object":           {`{"url":{"hunter2":1}}`, "url"},
		"nothing":                           {``, "no JSON"},
		"a member given twice":              {`{"user":"u","pass":"hunter2","pass":"p"}`, `"pass" is given twice`},
		"a member in two spellings":         {`{"user":"u","Pass":"hunter2","pass":"p"}`, "is given twice"},
		"a duplicate inside another member": {`{"url":{"hunter2":1,"hunter2":2}}`, `"url"`},
		"a list with an object":             {`{"tls_pin":["x",{"hunter2":1}]}`, `"tls_pin" has the wrong type`},
		"a secret that is cut off":          {`{"user":"u","pass":"hunter2`, "no JSON from byte"},
	}
	for name, c := range secrets {
		t.Run(name, func(t *testing.T) {
			_, err := config.Config{}.Credentials([]byte(c.secret))
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add([]byte(`{"url":["https://a"],"user":"u","pass":"p","ca":"","tls_pin":"x"}`))
	f.Add([]byte(`{"url":null}`))
	f.Fuzz(func(t *testing.T, secret []byte) {
		_, err := config.Config{}.Credentials(secret)
		if err != nil && (!strings.HasPrefix(err.Error(), "VICIdial's secret: ") || len(err.Error()) > 100) {
			t.Errorf("the fault may quote the secret: %v", err)
		}
	})
}
