package diagnosis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// What is written anew: no sender nests deeper, and indentation must not multiply a hostile body.
const (
	maxDepth     = 64
	maxRewritten = 1 << 20 // bytes
)

// A layout is how a JSON writer puts blanks.
type layout struct {
	name, comma, colon, indent string
}

var layouts = []layout{
	{"compact JSON", ",", ":", ""},
	{"JSON with a blank after each comma and colon, as Python writes it", ", ", ": ", ""},
	{"JSON indented by 2", ",", ": ", "  "},
	{"JSON indented by 4", ",", ": ", "    "},
	{"JSON indented by tabs", ",", ": ", "\t"},
}

// An escaping is how a JSON writer spells characters that need not be spelled literally.
type escaping struct {
	name               string
	ascii, slash, html bool
}

var escapings = []escaping{
	{name: ""},
	{name: ", characters beyond ASCII as \\u", ascii: true},
	{name: ", slashes escaped as PHP does", ascii: true, slash: true},
	{name: ", < > & escaped as Go does", html: true},
}

// rewrittenJSON writes a JSON body in every common way: what was signed may have been parsed and written anew.
func rewrittenJSON(body []byte, add adder) {
	value, err := parseOrdered(body)
	if err != nil {
		return
	}
	if _, scalar := value.(string); scalar {
		return
	}
	const mend = "verify the bytes as they came, before any JSON parser or middleware; the sender must sign the very text that it sends"
	for _, order := range []string{"", ", members sorted"} {
		if order != "" {
			sortMembers(value)
		}
		for _, l := range layouts {
			for _, e := range escapings {
				w := jsonWriter{layout: l, escaping: e}
				if w.value(value, "\n"); w.Len() > maxRewritten {
					continue
				}
				what := fmt.Sprintf("the JSON body was written anew after it was signed; signed was %s%s%s", l.name, order, e.name)
				add("json-rewritten", what, mend, bytes.Clone(w.Bytes()))
				add("json-rewritten", what+", with a line end after it", mend, append(bytes.Clone(w.Bytes()), '\n'))
			}
		}
	}
}

type (
	object []member
	member struct {
		name  string
		value any
	}
)

// parseOrdered reads one JSON value and keeps the order of members and the spelling of numbers.
func parseOrdered(text []byte) (any, error) {
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	value, err := parseValue(tokens, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := tokens.Token(); err != io.EOF {
		return nil, fmt.Errorf("data after the JSON value")
	}
	return value, nil
}

func parseValue(tokens *json.Decoder, depth int) (any, error) {
	token, err := tokens.Token()
	switch {
	case err != nil:
		return nil, err
	case depth == 0:
		return nil, fmt.Errorf("nested too deep")
	case token == json.Delim('['):
		return parseArray(tokens, depth-1)
	case token == json.Delim('{'):
		return parseObject(tokens, depth-1)
	}
	return token, nil
}

func parseArray(tokens *json.Decoder, depth int) ([]any, error) {
	items := []any{}
	for tokens.More() {
		item, err := parseValue(tokens, depth)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := tokens.Token()
	return items, err
}

func parseObject(tokens *json.Decoder, depth int) (*object, error) {
	members := object{}
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return nil, err
		}
		value, err := parseValue(tokens, depth)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name.(string), value})
	}
	_, err := tokens.Token()
	return &members, err
}

func sortMembers(value any) {
	switch v := value.(type) {
	case *object:
		slices.SortStableFunc(*v, func(a, b member) int { return strings.Compare(a.name, b.name) })
		for _, m := range *v {
			sortMembers(m.value)
		}
	case []any:
		for _, item := range v {
			sortMembers(item)
		}
	}
}

type jsonWriter struct {
	bytes.Buffer
	layout
	escaping
}

// value writes one value; lineEnd is what separates lines at its depth.
func (w *jsonWriter) value(value any, lineEnd string) {
	if w.Len() > maxRewritten {
		return
	}
	switch v := value.(type) {
	case *object:
		w.items('{', '}', len(*v), lineEnd, func(i int, inner string) {
			w.text((*v)[i].name)
			w.WriteString(w.colon)
			w.value((*v)[i].value, inner)
		})
	case []any:
		w.items('[', ']', len(v), lineEnd, func(i int, inner string) { w.value(v[i], inner) })
	case string:
		w.text(v)
	case nil:
		w.WriteString("null")
	default:
		fmt.Fprint(&w.Buffer, v)
	}
}

func (w *jsonWriter) items(open, closing byte, n int, lineEnd string, item func(i int, inner string)) {
	w.WriteByte(open)
	inner := lineEnd + w.indent
	for i := range n {
		if i > 0 {
			w.WriteString(w.comma)
		}
		if w.indent != "" {
			w.WriteString(inner)
		}
		item(i, inner)
	}
	if n > 0 && w.indent != "" {
		w.WriteString(lineEnd)
	}
	w.WriteByte(closing)
}

var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (w *jsonWriter) text(text string) {
	w.WriteByte('"')
	for _, r := range text {
		short, isShort := shortEscapes[r]
		switch {
		case isShort:
			w.WriteString(short)
		case r == '/' && w.slash:
			w.WriteString(`\/`)
		case r < ' ', w.ascii && r > '~' && r < 0x10000, w.html && strings.ContainsRune("<>&\u2028\u2029", r):
			fmt.Fprintf(&w.Buffer, `\u%04x`, r)
		case w.ascii && r > '~':
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&w.Buffer, `\u%04x\u%04x`, high, low)
		default:
			w.WriteRune(r)
		}
	}
	w.WriteByte('"')
}
