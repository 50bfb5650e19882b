package webhook

import (
	"fmt"
	"strings"
)

// first returns the value of the first of names that the request carries, and that name.
// A name that came more than once gives ErrRepeatedHeader, whatever its values: only one of them can be the sender's.
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

// single is first for headers without commas: gateways join repeated headers with one.
func (h Header) single(names []string) (value, name string, err error) {
	value, name, err = h.first(names)
	if err == nil && strings.Contains(value, ",") {
		return "", name, fmt.Errorf("%w: %s", ErrRepeatedHeader, name)
	}
	return value, name, err
}
