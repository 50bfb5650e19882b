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

// A style is a part of how a JSON writer writes.
type style struct {
	name         string
	options      []jsontext.Options
	ascii, slash bool // escapes that jsontext has no option for
}

var (
	layouts = []style{
		{name: "compact JSON"},
		{name: "JSON with a blank after each comma and colon, as Python writes it",
			options: []jsontext.Options{jsontext.SpaceAfterComma(true), jsontext.SpaceAfterColon(true)}},
		{name: "JSON indented by 2", options: []jsontext.Options{jsontext.WithIndent("  ")}},
		{name: "JSON indented by 4", options: []jsontext.Options{jsontext.WithIndent("    ")}},
		{name: "JSON indented by tabs", options: []jsontext.Options{jsontext.WithIndent("\t")}},
	}
	memberOrders = []style{
		{options: []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}},
		{name: ", members sorted", options: []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.ReorderRawObjects(true)}},
	}
	escapings = []style{
		{},
		{name: ", characters beyond ASCII as \\u", ascii: true},
		{name: ", slashes escaped as PHP does", ascii: true, slash: true},
		{name: ", < > & escaped as Go does", options: []jsontext.Options{jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true)}},
	}
)

// jsonDamages are a JSON body's ways to have been written: in every common style, with a line end after it and without.
func jsonDamages(body []byte) (damages []damage) {
	if kind := jsontext.Value(body).Kind(); kind != '{' && kind != '[' || tooDeep(body) {
		return nil
	}
	for _, order := range memberOrders {
		for _, layout := range layouts {
			for _, escaping := range escapings {
				formatted, err := jsontext.AppendFormat(nil, body, slices.Concat(order.options, layout.options, escaping.options)...)
				if err != nil {
					break // no JSON, or a member given twice, which has no sorted order
				}
				if text := escaping.escape(formatted); len(text) <= maxRewritten {
					name := layout.name + order.name + escaping.name
					damages = append(damages, rewritten(name, text), rewritten(name+", with a line end after it", text+"\n"))
				}
			}
		}
	}
	return damages
}

func rewritten(style, text string) damage {
	return damage{"json-rewritten", "the JSON body was serialized again after it was signed; signed was " + style,
		"verify the bytes as they came, before any JSON parser or middleware; the sender must sign the very text that it sends",
		func(string) []string { return []string{text} }}
}

// tooDeep reports whether the body is nested deeper than maxDepth.
func tooDeep(body []byte) bool {
	tokens := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := tokens.ReadToken(); err != nil {
			return false
		}
		if tokens.StackDepth() > maxDepth {
			return true
		}
	}
}

// escape adds escapes to formatted JSON. Only strings have the characters that are meant.
func (s style) escape(text []byte) string {
	if !s.ascii {
		return string(text)
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r == '/' && s.slash:
			out.WriteString(`\/`)
		case r <= '~':
			out.WriteRune(r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&out, `\u%04x`, unit)
			}
		}
	}
	return out.String()
}
