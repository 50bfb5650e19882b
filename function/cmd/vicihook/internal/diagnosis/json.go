package diagnosis

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf16"

	"github.com/go-json-experiment/json/jsontext"
)

// Bodies beyond these are not serialized again: no sender nests deeper, and indentation must not multiply a hostile body.
const (
	maxDepth     = 64
	maxRewritten = 1 << 20 // bytes
)

// A layout is how a JSON writer puts white space, or orders members.
type layout struct {
	name    string
	options []jsontext.Options
}

var layouts = []layout{
	{"compact JSON", nil},
	{"JSON with a blank after each comma and colon, as Python writes it", []jsontext.Options{jsontext.SpaceAfterComma(true), jsontext.SpaceAfterColon(true)}},
	{"JSON indented by 2", []jsontext.Options{jsontext.WithIndent("  ")}},
	{"JSON indented by 4", []jsontext.Options{jsontext.WithIndent("    ")}},
	{"JSON indented by tabs", []jsontext.Options{jsontext.WithIndent("\t")}},
}

var orders = []layout{
	{"", []jsontext.Options{jsontext.AllowDuplicateNames(true)}},
	{", members sorted", []jsontext.Options{jsontext.ReorderRawObjects(true)}},
}

// An escaping is how a JSON writer spells characters that need no escape.
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

// jsonChanges serialize a JSON body in every common way: the sender may have signed it before it was serialized again.
func jsonChanges(body []byte, add addBody) {
	if kind := jsontext.Value(body).Kind(); kind != '{' && kind != '[' || deeperThan(maxDepth, body) {
		return
	}
	const remedy = "verify the bytes as they came, before any JSON parser or middleware; the sender must sign the very text that it sends"
	for _, order := range orders {
		for _, l := range layouts {
			for _, e := range escapings {
				options := slices.Concat(order.options, l.options, []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.EscapeForHTML(e.html), jsontext.EscapeForJS(e.html)})
				text, err := jsontext.AppendFormat(nil, body, options...)
				if err != nil {
					break // a member given twice has no sorted order
				}
				if text = e.escape(text); len(text) > maxRewritten {
					continue
				}
				what := fmt.Sprintf("the JSON body was serialized again after it was signed; signed was %s%s%s", l.name, order.name, e.name)
				add("json-rewritten", what, remedy, text)
				add("json-rewritten", what+", with a line end after it", remedy, append(bytes.Clone(text), '\n'))
			}
		}
	}
}

// deeperThan reports whether the body is nested deeper than that, or is no JSON.
func deeperThan(depth int, body []byte) bool {
	tokens := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for range len(body) {
		if _, err := tokens.ReadToken(); err != nil || tokens.StackDepth() > depth {
			return true
		}
		if tokens.StackDepth() == 0 {
			return false
		}
	}
	return true
}

// escape writes escapes that the formatter has no option for. Only strings hold the characters that are meant.
func (e escaping) escape(text []byte) []byte {
	if !e.ascii && !e.slash {
		return text
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r == '/' && e.slash:
			out.WriteString(`\/`)
		case r > '~' && r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		case r > '~':
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}
