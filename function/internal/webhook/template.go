package webhook

import (
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// A field is a part of the request that a placeholder names.
type field int

const (
	literal field = iota
	fieldID
	fieldTS
	fieldMethod
	fieldURL
	fieldURLDecoded
	fieldBody
	fieldForm
	fieldSecret
	fieldCount
)

// placeholders are the names of the fields in templates.
var placeholders = [fieldCount]string{"", "id", "ts", "method", "url", "url_decoded", "body", "form_sorted", "secret"}

// A template is the sequence of literals and fields that a scheme signs.
type template []segment

type segment struct {
	field field
	text  []byte // of a literal
}

// A message has the bytes of each field of one request.
type message [fieldCount][]byte

func parseTemplate(text string) (template, error) {
	var t template
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("has } without {")
		}
		if before != "" {
			t = append(t, segment{text: []byte(before)})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("has { without }")
		}
		f := field(slices.Index(placeholders[:], name))
		if f <= literal {
			return nil, fmt.Errorf("has the unknown placeholder {%s}", name)
		}
		if t.has(f) {
			return nil, fmt.Errorf("has {%s} twice", name)
		}
		t = append(t, segment{field: f})
		text = after
	}
	return t, nil
}

func (t template) has(f field) bool { return t.index(f) >= 0 }

func (t template) index(f field) int {
	return slices.IndexFunc(t, func(s segment) bool { return s.field == f })
}

// urlBefore reports whether the URL directly precedes a field, so that bytes could move from one to the other.
func (t template) urlBefore(f field) bool {
	i := t.index(f)
	return i > 0 && (t[i-1].field == fieldURL || t[i-1].field == fieldURLDecoded)
}

// around returns the segments directly before and after a field, if any.
func (t template) around(f field) []segment {
	i := t.index(f)
	if i < 0 {
		return nil
	}
	return slices.Concat(t[max(i-1, 0):i], t[i+1:min(i+2, len(t))])
}

// writeTo writes the segments to h one by one, without copying the body.
func (t template) writeTo(h hash.Hash, m *message) {
	for _, s := range t {
		if s.field == literal {
			h.Write(s.text)
		} else {
			h.Write(m[s.field])
		}
	}
}
