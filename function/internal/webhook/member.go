package webhook

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

var errNoObject = errors.New("the body is not a JSON object that has the member once")

// jsonMember returns the member of a JSON object that has exactly this name, as it is written. It rejects one that
// appears twice. The rest of the body is checked by its reader.
func jsonMember(body []byte, name string) (value []byte, found bool, err error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, false, errNoObject
	}
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil || found && key.String() == name {
			return nil, false, errNoObject
		}
		wanted := key.String() == name
		text, err := dec.ReadValue()
		if err != nil {
			return nil, false, errNoObject
		}
		if wanted {
			value, found = bytes.Clone(text), true
		}
	}
	if _, err := dec.ReadToken(); err != nil || len(bytes.TrimSpace(dec.UnreadBuffer())) > 0 {
		return nil, false, errNoObject
	}
	return value, found, nil
}
