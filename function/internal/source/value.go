package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"vicihook/function/internal/source/jq"
)

// maxValue limits a value. The answer and the log show them.
const maxValue = 200 // bytes

var errSeveral = errors.New("yields several values for this payload: take one with first(…)")

// one returns the value that an expression yields, or nil if it yields none or is nil itself.
func one(meter *jq.Meter, e *jq.Expression, input any) (any, error) {
	if e == nil {
		return nil, nil
	}
	values, err := e.Take(meter, input, 2)
	switch {
	case err != nil || len(values) == 0:
		return nil, err
	case len(values) > 1:
		return nil, errSeveral
	}
	return values[0], nil
}

// text returns a value that decides: a string without white space around it, a whole number, or "" for null.
func text(value any) (string, error) {
	text := ""
	switch value := value.(type) {
	case nil:
	case string:
		text = strings.TrimFunc(value, unicode.IsSpace)
	case int, float64, json.Number, *big.Int:
		var whole bool
		if text, whole = wholeNumber(value); !whole {
			return "", errors.New("must be a whole number")
		}
	default:
		return "", fmt.Errorf("must be a text or a whole number, not %s", jq.Kind(value))
	}
	switch {
	case len(text) > maxValue:
		return "", fmt.Errorf("longer than %d bytes", maxValue)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errors.New("contains a control character")
	}
	return text, nil
}

// wholeNumber formats a number without a fraction: 1028.0 and 1.028e3 are 1028. It reports whether it has none.
func wholeNumber(value any) (text string, whole bool) {
	if number, ok := value.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64), number == math.Trunc(number) && math.Abs(number) < 1<<53
	}
	text = fmt.Sprint(value) // json.Number, int or *big.Int
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if shift, err := strconv.Atoi(exponent); exponent != "" && (err != nil || max(shift, -shift) > maxValue) {
		return text, false
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok || !number.IsInt() {
		return text, false
	}
	return number.Num().String(), true
}

// show returns a value that is only shown, and adds a note of what it left out.
func (i *Item) show(meter *jq.Meter, field string, e *jq.Expression, input any) string {
	value, err := one(meter, e, input)
	if err != nil {
		i.Notes = append(i.Notes, field+": left out: "+err.Error())
		return ""
	}
	shown := ""
	switch value := value.(type) {
	case nil:
	case string:
		shown = strings.Join(strings.FieldsFunc(value, unicode.IsControl), " ")
	case bool:
		shown = strconv.FormatBool(value)
	case []any, map[string]any:
		i.Notes = append(i.Notes, field+": left out: is "+jq.Kind(value))
	default:
		shown, _ = wholeNumber(value)
	}
	shown = strings.TrimFunc(shown, unicode.IsSpace)
	if len(shown) > maxValue {
		i.Notes = append(i.Notes, fmt.Sprintf("%s: cut after %d bytes", field, maxValue))
		for shown = shown[:maxValue]; !utf8.ValidString(shown); {
			shown = shown[:len(shown)-1]
		}
	}
	return shown
}
