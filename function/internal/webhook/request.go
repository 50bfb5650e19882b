package webhook

import (
	"fmt"
	"strings"
)

// A Request is one delivery as its sender sent it.
type Request struct {
	Method string
	URL    string // as the sender sees it, query included: PUBLIC_URL with the request's raw path and query; empty when it can't be known
	Header Header
	Body   []byte // the exact bytes, after the decoding that the gateway's envelope calls for
}

// A Header maps a name in lower case to its values in order. Two spellings of one name are two values.
type Header map[string][]string

// first returns the value of the first of names that the request has, and that name.
// It returns ErrRepeatedHeader for a header that was sent more than once: only one of the values can be the sender's.
func (h Header) first(names []string) (value, name string, err error) {
	for _, name := range names {
		switch values := h[name]; len(values) {
		case 0:
		case 1:
			return values[0], name, nil
		default:
			return "", name, fmt.Errorf("%w: %s", ErrRepeatedHeader, name)
		}
	}
	return "", "", nil
}

// single is first for headers without commas. A gateway joins repeated headers with one.
func (h Header) single(names []string) (value, name string, err error) {
	value, name, err = h.first(names)
	if err == nil && strings.Contains(value, ",") {
		return "", name, fmt.Errorf("%w: %s", ErrRepeatedHeader, name)
	}
	return value, name, err
}
