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
	d := decoder{tokens: json.NewDecoder(bytes.NewReader(text))}
	d.tokens.UseNumber()
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

// A decoder builds Go values from the tokens of a text that is known to be valid JSON.
type decoder struct {
	tokens *json.Decoder
	path   []string
	depth  int
	values int
}

func (d *decoder) value() (any, error) {
	if d.values++; d.values > maxValues {
		return nil, &jsonError{why: fmt.Sprintf("holds more than %d values", maxValues)}
	}
	token, err := d.tokens.Token()
	if err != nil {
		return nil, &jsonError{why: syntaxFault(err)}
	}
	switch token := token.(type) {
	case json.Delim:
		return d.container(token)
	case json.Number:
		if len(token) > maxNumber {
			return nil, d.fault(fmt.Sprintf("is a number of more than %d characters", maxNumber))
		}
		return token, nil
	default:
		return token, nil
	}
}

func (d *decoder) container(opening json.Delim) (v any, err error) {
	if d.depth++; d.depth > maxDepth {
		return nil, &jsonError{why: fmt.Sprintf("is nested more than %d deep", maxDepth)}
	}
	if opening == '{' {
		v, err = d.object()
	} else {
		v, err = d.array()
	}
	if err != nil {
		return nil, err
	}
	d.depth--
	_, err = d.tokens.Token() // the closing bracket
	return v, err
}

func (d *decoder) object() (any, error) {
	members := map[string]any{}
	for d.tokens.More() {
		token, err := d.tokens.Token()
		if err != nil {
			return nil, &jsonError{why: syntaxFault(err)}
		}
		name := token.(string)
		d.path = append(d.path, name)
		if _, twice := members[name]; twice {
			return nil, d.fault("appears twice")
		}
		if members[name], err = d.value(); err != nil {
			return nil, err
		}
		d.path = d.path[:len(d.path)-1]
	}
	return members, nil
}

func (d *decoder) array() (any, error) {
	elements := []any{}
	for d.tokens.More() {
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
