package source

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// decodePayload gives a body to jq: a form as an object of its fields, anything else as JSON, also without a content
// type. Repeated fields and duplicate members are refused, since sender and reader could mean different ones.
func decodePayload(body []byte, contentType string) (any, error) {
	if isForm(contentType) {
		return decodeForm(string(body))
	}
	payload, err := decodeJSON(body)
	if err != nil {
		return nil, invalid(fieldPayload, "%s", err)
	}
	return payload, nil
}

func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}

func decodeForm(body string) (any, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalid(fieldPayload, "is not a form")
	}
	members := make(map[string]any, len(values))
	for name, list := range values {
		switch {
		case len(list) > 1:
			return nil, invalid(fieldPayload, "field %.100q appears twice", name)
		case !utf8.ValidString(name) || !utf8.ValidString(list[0]):
			return nil, invalid(fieldPayload, "is not UTF-8")
		}
		members[name] = list[0]
	}
	if len(members) == 0 {
		return nil, invalid(fieldPayload, "is empty")
	}
	return members, nil
}
