package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vicihook/vicicall"
)

// members of VICIdial's secret.
var members = []string{"url", "user", "pass", "lookup", "ca", "tls_pin"}

// Credentials reads the VICIdial secret:
//
//	{"url": "https://dialer.example.com", "user": "…", "pass": "…", "lookup": {"user": "…", "pass": "…"},
//	 "ca": "PEM", "tls_pin": ["sha256/…"]}
//
// url and tls_pin may be a string or a list; VICIDIAL_URL stands in for a missing url. An error names the member and
// quotes nothing of the secret. The client checks the values, since it knows AllowHTTP.
func (c Config) Credentials(secret []byte) (vicicall.Credentials, error) {
	var stored struct {
		URL    oneOrMore `json:"url"`
		User   string    `json:"user"`
		Pass   string    `json:"pass"`
		Lookup *struct {
			User string `json:"user"`
			Pass string `json:"pass"`
		} `json:"lookup"`
		CA   string    `json:"ca"`
		Pins oneOrMore `json:"tls_pin"`
	}
	if err := json.Unmarshal(secret, &stored, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)); err != nil {
		return vicicall.Credentials{}, fmt.Errorf("VICIdial's secret: %w", withoutContent(err))
	}
	if len(stored.URL) == 0 && c.VICIdialURL != "" {
		stored.URL = oneOrMore{c.VICIdialURL}
	}
	return vicicall.Credentials{
		URLs: stored.URL, User: stored.User, Pass: stored.Pass, Lookup: (*vicicall.Account)(stored.Lookup), CA: stored.CA, Pins: stored.Pins,
	}, nil
}

// oneOrMore is a JSON string or a list of strings.
type oneOrMore []string

// UnmarshalJSON implements [json.Unmarshaler].
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*o = make(oneOrMore, 1)
		return json.Unmarshal(text, &(*o)[0])
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// withoutContent keeps of a JSON error where it is, not what is there.
func withoutContent(err error) error {
	syntax, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
	wrong, isWrong := errors.AsType[*json.SemanticError](err)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return errors.New("it has a member other than url, user, pass, lookup, ca and tls_pin")
	case errors.Is(err, jsontext.ErrDuplicateName) && isSyntax:
		return fmt.Errorf("member %s is given twice", member(syntax.JSONPointer))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("a member is given twice")
	case isSyntax:
		return fmt.Errorf("no JSON from byte %d on", syntax.ByteOffset+1)
	case isWrong && wrong.JSONPointer != "":
		return fmt.Errorf("member %s has the wrong type", member(wrong.JSONPointer))
	}
	return errors.New("no JSON object")
}

// member names the member that a JSON pointer leads to, as far as a secret may have such a one.
func member(at jsontext.Pointer) string {
	var path []string
	for name := range at.Tokens() {
		if name = strings.ToLower(name); !slices.Contains(members, name) {
			break
		}
		path = append(path, name)
	}
	return strconv.Quote(strings.Join(path, "."))
}
