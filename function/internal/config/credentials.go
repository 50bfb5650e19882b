package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vicihook/vicicall"
)

// members matches a JSON pointer as far as VICIdial's secret may have such a member.
var members = regexp.MustCompile(`(?i)^/(url|user|pass|lookup(/user|/pass)?|ca|tls_pin)\b`)

// Credentials reads the VICIdial secret:
//
//	{"url": "https://dialer.example.com", "user": "…", "pass": "…", "lookup": {"user": "…", "pass": "…"},
//	 "ca": "PEM", "tls_pin": ["sha256/…"]}
//
// url and tls_pin may be a string or a list; VICIDIAL_URL is for a secret without url. An error names the member and
// quotes nothing of the secret. [vicicall.Client.Validate] checks the values.
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

// withoutContent returns the place of a JSON error without its text, which may quote the secret.
func withoutContent(err error) error {
	syntax, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
	semantic, isSemantic := errors.AsType[*json.SemanticError](err)
	var at jsontext.Pointer
	switch {
	case isSyntax:
		at = syntax.JSONPointer
	case isSemantic:
		at = semantic.JSONPointer
	}
	path := strings.TrimPrefix(strings.ToLower(members.FindString(string(at))), "/")
	member := strconv.Quote(strings.ReplaceAll(path, "/", "."))
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return errors.New("it has a member other than url, user, pass, lookup, ca and tls_pin")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("member %s is given twice", member)
	case isSyntax:
		return fmt.Errorf("no JSON from byte %d on", syntax.ByteOffset+1)
	case at != "":
		return fmt.Errorf("member %s has the wrong type", member)
	}
	return errors.New("no JSON object")
}
