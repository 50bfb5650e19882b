package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"vicihook/vicicall"
)

// Credentials reads the VICIdial secret:
//
//	{"url": "https://dialer.example.com", "user": "…", "pass": "…", "lookup": {"user": "…", "pass": "…"},
//	 "ca": "PEM", "tls_pin": ["sha256/…"]}
//
// url and tls_pin may be a string or a list; VICIDIAL_URL stands in for a missing url. An error names the member and
// the remedy and quotes nothing of the secret. What the members hold is the client's to judge, which knows AllowHTTP.
func (c Config) Credentials(secret []byte) (vicicall.Credentials, error) {
	var stored struct {
		URL  oneOrMore `json:"url"`
		User string    `json:"user"`
		Pass string    `json:"pass"`
		CA   string    `json:"ca"`
		Pins oneOrMore `json:"tls_pin"`

		Lookup *struct {
			User string `json:"user"`
			Pass string `json:"pass"`
		} `json:"lookup"`
	}
	if err := decode(secret, &stored); err != nil {
		return vicicall.Credentials{}, fmt.Errorf("VICIdial's secret: %w", err)
	}
	if len(stored.URL) == 0 && c.VICIdialURL != "" {
		stored.URL = oneOrMore{c.VICIdialURL}
	}
	cred := vicicall.Credentials{URLs: stored.URL, User: stored.User, Pass: stored.Pass, CA: stored.CA, Pins: stored.Pins}
	if stored.Lookup != nil {
		cred.Lookup = &vicicall.Account{User: stored.Lookup.User, Pass: stored.Lookup.Pass}
	}
	return cred, nil
}

// oneOrMore is a JSON string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*o = make(oneOrMore, 1)
		return json.Unmarshal(text, &(*o)[0])
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// decode is strict: one object, each member known and given once.
func decode(secret []byte, stored any) error {
	decoder := json.NewDecoder(bytes.NewReader(secret))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(stored); err != nil {
		return withoutContent(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON object")
	}
	return givenOnce(secret)
}

// givenOnce names a member that an object gives twice: two readers could take different ones.
func givenOnce(object []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(object))
	_, _ = decoder.Token() // the opening brace: the text has been decoded before
	seen := map[string]bool{}
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		if seen[strings.ToLower(name)] { // encoding/json takes any case for a member
			return fmt.Errorf("member %q is given twice", strings.ToLower(name))
		}
		seen[strings.ToLower(name)] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return withoutContent(err)
		}
		if bytes.HasPrefix(value, []byte("{")) {
			if err := givenOnce(value); err != nil {
				return fmt.Errorf("member %q: %w", strings.ToLower(name), err)
			}
		}
	}
	return nil
}

// withoutContent keeps of a JSON error where it is, not what stands there.
func withoutContent(err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &wrongType):
		return fmt.Errorf("member %q has the wrong type", wrongType.Field)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("no JSON: it is empty or cut")
	default:
		return errors.New("it has a member other than url, user, pass, lookup, ca and tls_pin")
	}
}
