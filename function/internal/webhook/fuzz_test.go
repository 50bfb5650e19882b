package webhook_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vicihook/function/internal/webhook"
)

// FuzzVerify checks that a request that verifies is rejected with a longer body, with another key, and, if it has a time,
// a day later.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors(f) {
		scheme, err := json.Marshal(v.Scheme)
		if err != nil {
			f.Fatal(err)
		}
		headers, err := json.Marshal(v.Headers)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(scheme, headers, v.Secret[0], v.Method, v.URL, v.Body, v.Now)
	}
	f.Fuzz(func(t *testing.T, scheme, headers []byte, secret, method, url, body string, at int64) {
		v := webhook.Vector{Secret: webhook.Secrets{secret}, Method: method, URL: url, Body: body, Now: at}
		if json.Unmarshal(scheme, &v.Scheme) != nil || json.Unmarshal(headers, &v.Headers) != nil || v.Verify() != nil {
			return
		}
		if v.Scheme.Tolerance > 0 {
			v.Now = at + int64(24*time.Hour/time.Second)
			assertRefused(t, v, "a day later")
			v.Now = at
		}
		v.Secret = webhook.Secrets{secret + "Zm9v"}
		assertRefused(t, v, "under another key")
		if v.Scheme.Kind == "hmac" || v.Scheme.Kind == "hash" {
			v.Secret, v.Body = webhook.Secrets{secret}, body+"x"
			assertRefused(t, v, "with a longer body")
		}
	})
}

func assertRefused(t *testing.T, v webhook.Vector, when string) {
	t.Helper()
	if v.Verify() == nil {
		t.Errorf("accepted %s: %+v", when, v)
	}
}

// FuzzParseScheme checks that whatever an accepted scheme signs verifies.
func FuzzParseScheme(f *testing.F) {
	for _, scheme := range allSchemes(f) {
		data, err := json.Marshal(scheme)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, test := range invalidSchemes {
		f.Add([]byte(base(test.changes)))
	}
	for _, name := range webhook.PresetNames() {
		f.Add([]byte(`"` + name + `"`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var scheme, again webhook.Scheme
		if json.Unmarshal(data, &scheme) != nil {
			return
		}
		verifier, err := webhook.NewVerifier(scheme)
		if err != nil {
			return
		}
		if data, err = json.Marshal(scheme); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(normal(scheme), normal(again)) {
			t.Fatalf("%s reads as %+v: %v", data, again, err)
		}
		r, key := exampleRequest(100), strongKey(t, scheme)
		if err := verifier.Sign(&r, key, "msg_1", now); err != nil {
			return
		}
		if _, err := verifier.Verify(r, []webhook.Key{key}, now); err != nil {
			t.Errorf("%s does not verify what it signs: %v", data, err)
		}
	})
}

// normal returns a scheme without empty lists and maps, which JSON omits.
func normal(s webhook.Scheme) webhook.Scheme {
	for _, names := range []*[]string{&s.Header, &s.IDHeader, &s.TSHeader, &s.BodyHashQuery} {
		if len(*names) == 0 {
			*names = nil
		}
	}
	if len(s.Require) == 0 {
		s.Require = nil
	}
	return s
}

// FuzzParseKey checks that no error quotes a key, and that the encoded bytes of a key are the same key.
func FuzzParseKey(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Scheme.Kind, v.Scheme.Secret, v.Scheme.SecretPrefix, v.Secret[0])
	}
	f.Fuzz(func(t *testing.T, kind, form, prefix, text string) {
		scheme := webhook.Scheme{Kind: kind, Secret: form, SecretPrefix: prefix}
		key, err := scheme.ParseKey(text)
		if err != nil {
			if len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Errorf("the error holds the key: %v", err)
			}
			return
		}
		_ = key.CheckStrength()
		if strings.HasSuffix(text, "\n") {
			return
		}
		if again, err := scheme.ParseKey(text + "\n"); err != nil || !again.Equal(key) {
			t.Errorf("%q with a newline is another key: %v", text, err)
		}
	})
}

// FuzzJSONMember checks that a member of a JSON object is the one that encoding/json finds.
func FuzzJSONMember(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Body, "webhookTimestamp")
	}
	for _, body := range []string{
		`{"a":1}`, ` { "a" : { "a" : [ "}" ] } , "b" : "\\" } `, `{"\u0061":"\"","b":[[{}]]}`, `{"a":1,"a":2}`, `{}`, `[{"a":1}]`, `{"a":"}`, `{"a":[}`,
	} {
		f.Add(body, "a")
	}
	f.Fuzz(func(t *testing.T, body, name string) {
		value, found, err := webhook.JSONMember([]byte(body), name)
		var members map[string]json.RawMessage
		if !utf8.ValidString(body) || json.Unmarshal([]byte(body), &members) != nil || members == nil {
			return
		}
		want, exists := members[name]
		if err == nil && (found != exists || string(value) != string(want)) {
			t.Errorf("%s of %s: got %q, want %q", name, body, value, want)
		}
		if err != nil && countMembers(t, body, name) < 2 {
			t.Errorf("%s of %s: got %v", name, body, err)
		}
	})
}

func countMembers(t *testing.T, body, name string) (count int) {
	dec := json.NewDecoder(strings.NewReader(body))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		key, _ := dec.Token()
		if key == name {
			count++
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return count
}
