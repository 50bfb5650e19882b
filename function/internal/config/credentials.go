package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"vicihook/vicicall"
)

// Credentials reads the VICIdial secret:
//
//	{"url": "https://dialer.example.com", "user": "…", "pass": "…", "ca": "PEM", "tls_pin": ["sha256/…"]}
//
// url and tls_pin may be a string or a list; VICIDIAL_URL stands in for a missing url. An error names the member and
// the mend and quotes nothing of the secret. What the members hold is the client's to judge, which knows AllowHTTP.
func (c Config) Credentials(secret []byte) (vicicall.Credentials, error) {
	var stored struct {
		URL  oneOrMore `json:"url"`
		User string    `json:"user"`
		Pass string    `json:"pass"`
		CA   string    `json:"ca"`
		Pins oneOrMore `json:"tls_pin"`
	}
	decoder := json.NewDecoder(bytes.NewReader(secret))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&stored); err != nil {
		return vicicall.Credentials{}, fmt.Errorf("VICIdial's secret: %w", withoutContent(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return vicicall.Credentials{}, errors.New("VICIdial's secret: text follows the JSON object")
	}
	if len(stored.URL) == 0 && c.VICIdialURL != "" {
		stored.URL = oneOrMore{c.VICIdialURL}
	}
	return vicicall.Credentials{
		URLs: stored.URL, User: stored.User, Pass: stored.Pass, CA: stored.CA, Pins: stored.Pins,
	}, nil
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

// withoutContent keeps of a JSON error where it is, not what stands there.
func withoutContent(err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &wrongType):
		return fmt.Errorf("member %q has the wrong type", wrongType.Field)
	default:
		return errors.New("no JSON object of url, user, pass, ca and tls_pin")
	}
}
