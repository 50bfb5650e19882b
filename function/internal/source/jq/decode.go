package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The limits of a JSON text. A real payload of 256 KiB stays far below them. A hostile one could have 130,000 empty
// values, or numbers of 250,000 digits.
const (
	maxDepth  = 100
	maxValues = 10_000
	maxNumber = 100 // bytes
)

// A SyntaxError is a fault of a JSON text. Its message does not quote the text; Path does.
type SyntaxError struct {
	Path []string // to a member that appears twice; nil for other faults
	Why  string
}

func (e *SyntaxError) Error() string { return e.Why }

// Decode reads exactly one JSON value for jq. Numbers are json.Number, so that a call id of 20 digits keeps its digits and
// 1e999999999 costs nothing. Half a surrogate pair reads as U+FFFD. Decode returns a *SyntaxError for what two readers
// could understand differently, a member that appears twice or bytes that are not UTF-8, and above the limits.
func Decode(text []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, &SyntaxError{Why: "is empty"}
	case !utf8.Valid(text):
		return nil, &SyntaxError{Why: "is not UTF-8"}
	}
	d := decoder{Decoder: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)), text: string(text)}
	value, err := d.value()
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == io.EOF {
		return value, nil
	}
	if limit, ok := errors.AsType[*SyntaxError](err); ok {
		return nil, limit
	}
	offset := d.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = syntax.ByteOffset
	}
	return nil, &SyntaxError{Why: fmt.Sprintf("is not one JSON value: fault at byte %d", offset)}
}

type decoder struct {
	*jsontext.Decoder
	text   string // strings without escapes are slices of it
	values int
}

func (d *decoder) value() (any, error) {
	if d.values++; d.values > maxValues {
		return nil, &SyntaxError{Why: fmt.Sprintf("has more than %d values", maxValues)}
	}
	if d.PeekKind() == '"' {
		return d.string()
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{', '[':
		if d.StackDepth() > maxDepth {
			return nil, &SyntaxError{Why: fmt.Sprintf("is nested more than %d deep", maxDepth)}
		}
		if token.Kind() == '{' {
			return d.object()
		}
		return d.array()
	case '0':
		number := token.String()
		if len(number) > maxNumber {
			return nil, &SyntaxError{Why: fmt.Sprintf("has a number of more than %d characters", maxNumber)}
		}
		return json.Number(number), nil
	case 'n':
		return nil, nil
	default:
		return token.Bool(), nil
	}
}

func (d *decoder) string() (string, error) {
	quoted, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) > 1 {
		end := int(d.InputOffset())
		return d.text[end-len(quoted)+1 : end-1], nil
	}
	text, _ := jsontext.AppendUnquote(nil, quoted) // the only error is half a surrogate pair
	return string(text), nil
}

func (d *decoder) object() (any, error) {
	members := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.string()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, &SyntaxError{Path: slices.Collect(d.StackPointer().Tokens()), Why: fmt.Sprintf("has a member twice, at byte %d", d.InputOffset())}
		}
		if members[name], err = d.value(); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return members, err
}

func (d *decoder) array() (any, error) {
	elements := []any{}
	for d.PeekKind() != ']' {
		element, err := d.value()
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	_, err := d.ReadToken()
	return elements, err
}
