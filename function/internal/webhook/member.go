package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
)

var errNoObject = errors.New("the body is no JSON object that has the member once")

// jsonMember returns the member of a JSON object that has exactly this name, as it is written. It refuses one that is
// given twice. It looks for nothing else, so that it costs less than the signature that was checked before:
// whoever goes on to read the body finds what is wrong with the rest.
func jsonMember(body []byte, name string) (value []byte, found bool, err error) {
	body = bytes.TrimSpace(body)
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return nil, false, errNoObject
	}
	var key []byte
	depth, start := 0, 1
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			if i = endOfString(body, i); i < 0 {
				return nil, false, errNoObject
			}
		case c == ':' && depth == 1:
			key, start = body[start:i], i+1
		case (c == ',' || c == '}') && depth == 1:
			if isString(key, name) {
				if found {
					return nil, false, errNoObject
				}
				value, found = bytes.TrimSpace(body[start:i]), true
			}
			key, start = nil, i+1
		}
		if depth += nesting(body[i]); depth == 0 && i < len(body)-1 {
			return nil, false, errNoObject
		}
	}
	if depth != 0 {
		return nil, false, errNoObject
	}
	return value, found, nil
}

func nesting(c byte) int {
	switch c {
	case '{', '[':
		return 1
	case '}', ']':
		return -1
	}
	return 0
}

// endOfString returns the index of the quote that closes the string opened at i, or -1.
func endOfString(body []byte, i int) int {
	for {
		n := bytes.IndexByte(body[i+1:], '"')
		if n < 0 {
			return -1
		}
		i += 1 + n
		backslashes := len(body[:i]) - len(bytes.TrimRight(body[:i], `\`))
		if backslashes%2 == 0 {
			return i
		}
	}
}

// isString reports whether text is a JSON string of that value, escaped or not.
func isString(text []byte, value string) bool {
	text = bytes.TrimSpace(text)
	if bytes.IndexByte(text, '\\') < 0 {
		return len(text) == len(value)+2 && text[0] == '"' && string(text[1:len(text)-1]) == value
	}
	var s string
	return json.Unmarshal(text, &s) == nil && s == value
}
