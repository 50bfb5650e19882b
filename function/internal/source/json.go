package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What one JSON text may hold. A payload of 256 KiB from a real sender stays far below; a hostile one could
// otherwise make jq walk 130,000 empty values or compare numbers of 250,000 digits.
const (
	maxDepth  = 100
	maxValues = 10_000
	maxNumber = 100 // bytes
)

// A jsonError says what is wrong with a JSON text without quoting it.
type jsonError struct {
	path []string // members that lead to the fault, the stranger's own words
	why  string
}

func (e *jsonError) Error() string {
	if len(e.path) == 0 {
		return e.why
	}
	return fmt.Sprintf("member %.100q %s", strings.Join(e.path, "."), e.why)
}

// decodeJSON reads exactly one JSON value and refuses what two readers could understand differently: duplicate
// members, trailing data, text that is not UTF-8 and halves of surrogate pairs. Numbers stay json.Number, so that
// a call id of 20 digits survives and 1e999999999 costs nothing.
func decodeJSON(text []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, &jsonError{why: "is empty"}
	case !utf8.Valid(text):
		return nil, &jsonError{why: "is not UTF-8"}
	}
	if !json.Valid(text) {
		var nothing json.RawMessage
		return nil, &jsonError{why: syntaxFault(json.Unmarshal(text, &nothing))}
	}
	if at := loneSurrogate(text); at >= 0 {
		return nil, &jsonError{why: fmt.Sprintf("holds half a surrogate pair at byte %d", at)}
	}
	d := decoder{text: text}
	return d.value()
}

func syntaxFault(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("is not one JSON value: fault at byte %d", syntax.Offset)
	}
	return "is not one JSON value"
}

// loneSurrogate finds the first \uD800 to \uDFFF without its other half, which encoding/json would replace silently.
// The text is valid JSON, so that a backslash is always followed by what it escapes.
func loneSurrogate(text []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		switch unit := codeUnit(text[at:]); {
		case unit < 0xD800 || unit > 0xDFFF:
			at += 2
		case unit < 0xDC00 && isLowHalf(codeUnit(text[at+6:])):
			at += 12
		default:
			return at
		}
	}
}

func isLowHalf(unit int64) bool { return 0xDC00 <= unit && unit <= 0xDFFF }

// codeUnit gives the value of the \uXXXX that text starts with, or -1.
func codeUnit(text []byte) int64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseInt(string(text[2:6]), 16, 32)
	if err != nil {
		return -1
	}
	return unit
}

// A decoder builds Go values from a text that is known to be valid JSON. encoding/json's own tokens would take several
// times as long, and a second copy of the text.
type decoder struct {
	text   []byte
	at     int // what was read so far
	path   []string
	depth  int
	values int
}

func (d *decoder) value() (any, error) {
	if d.values++; d.values > maxValues {
		return nil, &jsonError{why: fmt.Sprintf("holds more than %d values", maxValues)}
	}
	switch d.next() {
	case '{', '[':
		return d.container()
	case '"':
		return d.string(), nil
	}
	switch word := d.word(); word {
	case "null":
		return nil, nil
	case "true", "false":
		return word == "true", nil
	default:
		if len(word) > maxNumber {
			return nil, d.fault(fmt.Sprintf("is a number of more than %d characters", maxNumber))
		}
		return json.Number(word), nil
	}
}

// next passes over white space and tells what comes after it.
func (d *decoder) next() byte {
	for strings.IndexByte(whiteSpace, d.text[d.at]) >= 0 {
		d.at++
	}
	return d.text[d.at]
}

const whiteSpace = " \t\r\n"

// more passes over an opening bracket or a comma and tells that an element follows, or passes over the closing bracket.
func (d *decoder) more() bool {
	if !isClosing(d.next()) {
		d.at++
	}
	if !isClosing(d.next()) {
		return true
	}
	d.at++
	return false
}

func isClosing(c byte) bool { return c == '}' || c == ']' }

// word is a number, true, false or null.
func (d *decoder) word() string {
	length := bytes.IndexAny(d.text[d.at:], whiteSpace+",]}")
	if length < 0 {
		length = len(d.text) - d.at
	}
	d.at += length
	return string(d.text[d.at-length : d.at])
}

func (d *decoder) string() (text string) {
	quoted := d.text[d.at:]
	end := 1
	for end += bytes.IndexByte(quoted[end:], '"'); isEscaped(quoted[:end]); end += bytes.IndexByte(quoted[end:], '"') {
		end++
	}
	d.at += end + 1
	if bytes.IndexByte(quoted[:end], '\\') < 0 {
		return string(quoted[1:end])
	}
	_ = json.Unmarshal(quoted[:end+1], &text) // it is valid
	return text
}

// isEscaped tells whether what comes after a part of a string stands behind a backslash that escapes it.
func isEscaped(part []byte) bool {
	return (len(part)-len(bytes.TrimRight(part, `\`)))%2 == 1
}

func (d *decoder) container() (v any, err error) {
	if d.depth++; d.depth > maxDepth {
		return nil, &jsonError{why: fmt.Sprintf("is nested more than %d deep", maxDepth)}
	}
	if d.text[d.at] == '{' {
		v, err = d.object()
	} else {
		v, err = d.array()
	}
	d.depth--
	return v, err
}

func (d *decoder) object() (any, error) {
	members := map[string]any{}
	for d.more() {
		name := d.string()
		d.path = append(d.path, name)
		if _, twice := members[name]; twice {
			return nil, d.fault("appears twice")
		}
		d.next()
		d.at++ // the colon
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		members[name] = value
		d.path = d.path[:len(d.path)-1]
	}
	return members, nil
}

func (d *decoder) array() (any, error) {
	elements := []any{}
	for d.more() {
		element, err := d.value()
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	return elements, nil
}

func (d *decoder) fault(why string) error {
	return &jsonError{path: slices.Clone(d.path), why: why}
}
