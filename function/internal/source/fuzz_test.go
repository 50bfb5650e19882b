package source_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

func FuzzParse(f *testing.F) {
	shipped, err := os.ReadFile(shippedFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shipped)
	for _, c := range faultyFiles {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sources, err := source.Parse(text)
		if err != nil && !errors.Is(err, source.ErrInvalidFile) {
			t.Fatal(err)
		}
		if sources == nil && err != nil {
			return
		}
		if len(sources.Names()) == 0 {
			t.Fatal("a file without sources was accepted")
		}
		for _, name := range sources.Names() {
			s, ok := sources.Lookup(name)
			if ok && s.Fault != nil && err != nil {
				continue
			}
			if !ok || s.Verifier == nil || len(s.APISource()) > 20 || s.Budget < 0 {
				t.Fatalf("%s: got %+v", name, s)
			}
			checkSelect(t, s, []byte(`{`+anyCall+`}`))
		}
	})
}

func FuzzSelect(f *testing.F) {
	for _, c := range undecodablePayloads {
		if len(c.body) < 1<<10 {
			f.Add([]byte(c.body))
		}
	}
	for _, c := range setUps {
		f.Add([]byte(c.body))
	}
	f.Add([]byte("call_id=" + callID + "&agent_user=1028"))
	f.Add([]byte(`{"a": "{\"b\": 1028.0}", "lead_id": 7, "b": " x "}`))
	var all []*source.Source
	for _, members := range []map[string]any{
		nil,
		{"scheme": "slack", "each": ".[]?", "ref": ".a | tostring", "actor": ".b.c?"},
		{"when": `.a | test("x")?`, "disposition": `{"x": "SALE"}[.a] // .b`, "dispositions": []string{"SALE"}, "calls": "VY", "agents": "10.*"},
		{"each": "map(.)[]", "call_id": ".a | fromjson | .b", "agent_user": ".a | split(\",\") | first"},
		{"lead_id": ".lead_id", "phone": ".a", "vendor_lead_code": ".b", "ref": ".", "actor": ".[0]"},
	} {
		all = append(all, crm(f, members))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range all {
			s.Challenge(webhook.Request{Body: body})
			checkSelect(t, s, body)
		}
	})
}

// checkSelect checks what Select promises for any body.
func checkSelect(t *testing.T, s *source.Source, body []byte) {
	t.Helper()
	items, err := s.Select(t.Context(), body)
	if err != nil {
		if !errors.Is(err, source.ErrInvalid) || items != nil {
			t.Fatalf("got %v, %v", items, err)
		}
		return
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	looksLikeJSON := bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))
	if len(items) > source.MaxItems || looksLikeJSON != (json.Valid(text) && utf8.Valid(text)) {
		t.Fatalf("got %d items of %q", len(items), body)
	}
	for _, item := range items {
		for _, value := range []string{item.CallID, item.AgentUser, item.LeadID, item.Phone, item.VendorLeadCode, item.Disposition, item.Ref, item.Actor} {
			if len(value) > 200 || strings.ContainsFunc(value, unicode.IsControl) || !utf8.ValidString(value) || value != strings.TrimSpace(value) {
				t.Fatalf("got %q", value)
			}
		}
		switch {
		case item.Err != nil:
			if errors.Is(item.Err, source.ErrInvalid) == errors.Is(item.Err, source.ErrNotAllowed) {
				t.Fatalf("got %v", item.Err)
			}
		case item.Ignored:
			if item.Order != (source.Order{}) {
				t.Fatalf("got %+v", item)
			}
		case item.CallID == "" && !item.Described(), item.CallID != "" && item.AgentUser == "", s.Allows(item.Order) != nil:
			t.Fatalf("got %+v", item)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	for _, c := range keyCases {
		f.Add([]byte(`{"desk": ` + c.value + `}`))
	}
	sources := parsed(f, threeSources)
	f.Fuzz(func(t *testing.T, secret []byte) {
		ring, err := sources.ParseKeys(secret)
		if err != nil {
			if !errors.Is(err, source.ErrInvalidSecret) || ring != nil {
				t.Fatalf("got %v, %v", ring, err)
			}
			return
		}
		for name, keys := range ring.WithPrevious(ring) {
			states := 0
			for _, state := range []bool{len(keys.Keys) > 0, keys.Paused, keys.Refused != nil} {
				if state {
					states++
				}
			}
			if states != 1 || len(keys.Keys) > webhook.MaxKeys {
				t.Fatalf("%s: got %+v", name, keys)
			}
		}
	})
}
