package source_test

import (
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
		if err != nil {
			if !errors.Is(err, source.ErrInvalidFile) || sources != nil {
				t.Fatalf("got %v, %v", sources, err)
			}
			return
		}
		if len(sources.Names()) == 0 {
			t.Fatal("a file without sources was taken")
		}
		for _, name := range sources.Names() {
			s, ok := sources.Lookup(name)
			if !ok || s.Verifier == nil || len(s.APISource()) > 20 || s.Budget < 0 {
				t.Fatalf("%s: got %+v", name, s)
			}
			checkSelect(t, s, []byte(`{`+anyCall+`}`), "")
		}
	})
}

func FuzzExpression(f *testing.F) {
	for _, c := range allowedExpressions {
		f.Add(c.expression, "{"+c.members+"}")
	}
	for expression := range refusedExpressions {
		f.Add(expression, `{"a": ["b"]}`)
	}
	f.Fuzz(func(t *testing.T, expression, payload string) {
		sources, err := source.Parse(with(map[string]any{"each": expression, "call_id": ".", "agent_user": `"1"`}))
		if err != nil {
			return
		}
		s, _ := sources.Lookup("crm")
		checkSelect(t, s, []byte(payload), "")
	})
}

func FuzzSelect(f *testing.F) {
	for _, c := range undecodablePayloads {
		if len(c.body) < 1<<10 {
			f.Add([]byte(c.body), c.contentType)
		}
	}
	for _, c := range allowedExpressions {
		f.Add([]byte("{"+anyCall+", "+c.members+"}"), "")
	}
	for _, c := range setUps {
		f.Add([]byte(c.body), "application/json")
	}
	f.Add([]byte("call_id="+callID+"&agent_user=1028"), formType)
	var all []*source.Source
	for _, members := range []map[string]any{
		nil,
		{"scheme": "slack", "each": ".[]?", "ref": ".a | tostring", "actor": ".b.c?"},
		{"when": `.a | test("x")?`, "disposition": `{"x": "SALE"}[.a] // .b`, "dispositions": []string{"SALE"}, "calls": "VY", "agents": "10.*"},
		{"each": "map(.)[]", "call_id": ".a | fromjson | .b", "agent_user": ".a | split(\",\") | first"},
	} {
		all = append(all, crm(f, members))
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		for _, s := range all {
			s.Challenge(webhook.Request{Body: body})
			checkSelect(t, s, body, contentType)
		}
	})
}

// checkSelect holds what Select promises for any body.
func checkSelect(t *testing.T, s *source.Source, body []byte, contentType string) {
	t.Helper()
	items, err := s.Select(t.Context(), body, contentType)
	if err != nil {
		if !errors.Is(err, source.ErrInvalid) || items != nil || isNotCompiled(err) {
			t.Fatalf("got %v, %v", items, err)
		}
		return
	}
	form := strings.Contains(strings.ToLower(contentType), "form")
	if len(items) > source.MaxItems || !form && (!json.Valid(body) || !utf8.Valid(body)) {
		t.Fatalf("got %d items of %q", len(items), body)
	}
	for _, item := range items {
		for _, value := range []string{item.CallID, item.AgentUser, item.Disposition, item.Ref, item.Actor} {
			if len(value) > 200 || strings.ContainsFunc(value, unicode.IsControl) || !utf8.ValidString(value) {
				t.Fatalf("got %q", value)
			}
		}
		switch {
		case item.Err != nil:
			if errors.Is(item.Err, source.ErrInvalid) == errors.Is(item.Err, source.ErrNotAllowed) || isNotCompiled(item.Err) {
				t.Fatalf("got %v", item.Err)
			}
		case item.Ignored:
			if item.Order != (source.Order{}) {
				t.Fatalf("got %+v", item)
			}
		case item.CallID == "" || item.AgentUser == "" || s.Allows(item.Order) != nil:
			t.Fatalf("got %+v", item)
		}
	}
}

// isNotCompiled tells of an expression that was taken when the file was read and is of no use.
func isNotCompiled(err error) bool {
	return strings.HasSuffix(err.Error(), source.ErrNotCompiled.Error())
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
