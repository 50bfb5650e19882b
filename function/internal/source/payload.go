package source

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"vicihook/function/internal/source/jq"
)

// decodePayload decodes a body. Only its bytes decide how, since headers are not signed. What begins with { or [, after
// a byte order mark and white space, must be JSON; anything else must be a form.
func (s *Source) decodePayload(body []byte) (any, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	switch {
	case len(text) == 0:
		return nil, invalid(fieldPayload, "is empty")
	case text[0] == '{' || text[0] == '[':
		return s.decodeJSON(bytes.TrimPrefix(body, byteOrderMark))
	}
	form, err := s.decodeForm(string(text))
	if err != nil {
		return nil, err
	}
	if inner, ok := form["payload"].(string); ok && len(form) == 1 && slices.Contains(payloadPresets, s.Preset) {
		if strings.HasPrefix(strings.TrimSpace(inner), "{") {
			return s.decodeJSON([]byte(inner))
		}
	}
	return form, nil
}

// payloadPresets send JSON as the only field of a form: GitHub with its default content type, and Slack's interactions.
var payloadPresets = []string{"github", "github-sha1", "slack"}

func (s *Source) decodeJSON(text []byte) (any, error) {
	payload, err := jq.Decode(text)
	if wrong, ok := errors.AsType[*jq.SyntaxError](err); ok && wrong.Path != nil {
		if name := wrong.Path[len(wrong.Path)-1]; s.selector.names(name) {
			return nil, invalid(fieldPayload, "member %.100q appears twice", name)
		}
	}
	if err != nil {
		return nil, invalid(fieldPayload, "%s", err)
	}
	return payload, nil
}

// decodeForm returns the fields of a form as an object. A field that appears twice or is not UTF-8 is a fault if an
// expression of the source reads it, and is left out otherwise.
func (s *Source) decodeForm(text string) (map[string]any, error) {
	values, err := url.ParseQuery(text)
	isForm := err == nil && strings.Contains(text, "=") && !strings.ContainsAny(text, "<\" \t\r\n")
	if !isForm {
		return nil, invalid(fieldPayload, "is neither a JSON object or list nor a form")
	}
	form := make(map[string]any, len(values))
	for name, list := range values {
		why := ""
		switch {
		case len(list) > 1:
			why = "appears twice"
		case !utf8.ValidString(name + list[0]):
			why = "is not UTF-8"
		default:
			form[name] = list[0]
			continue
		}
		if s.selector.names(name) {
			return nil, invalid(fieldPayload, "field %.100q %s", name, why)
		}
	}
	return form, nil
}
