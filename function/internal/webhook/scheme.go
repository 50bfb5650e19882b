package webhook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrInvalidScheme is what every fault of a scheme wraps.
var ErrInvalidScheme = errors.New("webhook: invalid scheme")

// A FieldError is one fault of a scheme.
type FieldError struct {
	Field string // the member's JSON name
	Why   string
}

func (e *FieldError) Error() string { return fmt.Sprintf("webhook: scheme: %s: %s", e.Field, e.Why) }

// Unwrap returns ErrInvalidScheme.
func (e *FieldError) Unwrap() error { return ErrInvalidScheme }

// A Scheme describes how a sender signs its requests.
// In JSON it is an object with the names below, or the name of a preset.
// Header names are compared without regard to case. Of a list of them, the first that the request has is read, and the
// others are ignored.
type Scheme struct {
	Kind string `json:"kind"` // hmac; hash: a plain digest with {secret} in the template; token and basic: senders that cannot sign

	Alg            string   `json:"alg,omitzero"`             // sha1, sha256, sha512
	Header         []string `json:"header,omitempty"`         // where the signature is, or the token
	Form           string   `json:"form,omitzero"`            // plain (default): one value; list: values between Sep; kv: name=value pairs between Sep
	Sep            string   `json:"sep,omitzero"`             // a blank or a comma
	Prefix         string   `json:"prefix,omitzero"`          // before each signature; blanks may follow it
	PrefixOptional bool     `json:"prefix_optional,omitzero"` // a signature without Prefix counts too
	PrefixOnce     bool     `json:"prefix_once,omitzero"`     // only the first signature of a list has Prefix
	Encoding       string   `json:"encoding,omitzero"`        // hex, base64

	// Signed is the template of the signed bytes: literals and
	// {id} {ts} {method} {url} {url_decoded} {body} {form_sorted} {secret}, each at most once.
	Signed   string   `json:"signed,omitzero"`
	IDHeader []string `json:"id_header,omitempty"` // where {id} comes from

	TSHeader  []string `json:"ts_header,omitempty"` // where {ts} comes from, unless it is
	KVTS      string   `json:"kv_ts,omitzero"`      // the pair of this name in a kv header, or
	TSJSON    string   `json:"ts_json,omitzero"`    // the member of this name in the JSON body (covered by {body}, so never {ts})
	KVSig     string   `json:"kv_sig,omitzero"`     // name of the pairs of a kv header that are signatures
	TSUnit    string   `json:"ts_unit,omitzero"`    // s, ms, rfc3339
	Tolerance int      `json:"tolerance,omitzero"`  // seconds into the past and into the future, inclusive; 1 to 3600

	Secret       string `json:"secret,omitzero"`        // how the key is written: raw (default), hex, base64
	SecretPrefix string `json:"secret_prefix,omitzero"` // what may precede an encoded key

	Require       map[string]string `json:"require,omitempty"`         // headers that must have these values
	URLPort       string            `json:"url_port,omitzero"`         // both: the URL may have been signed with or without its port
	BodyHashQuery []string          `json:"body_hash_query,omitempty"` // [query parameter, "sha256", "hex"]: carries the hash of a body that is no form

	Dedupe    string    `json:"dedupe,omitzero"` // header that names the delivery, for the log
	Challenge Challenge `json:"challenge,omitzero"`
}

// A Challenge is what a sender wants echoed when its webhook is set up: a member of the JSON body or a header.
type Challenge struct {
	JSON   string `json:"json,omitzero"`
	Header string `json:"header,omitzero"`
}

// The kinds of scheme.
const (
	kindHMAC  = "hmac"
	kindHash  = "hash"
	kindToken = "token"
	kindBasic = "basic"
)

// UnmarshalJSON reads a preset's name or an object. It returns ErrUnknownPreset with all names, or joined, a *FieldError
// for each member that is unknown, appears twice or is of the wrong type. NewVerifier finds the other faults.
func (s *Scheme) UnmarshalJSON(data []byte) error {
	switch jsontext.Value(data).Kind() {
	case '"':
		var name string
		if err := json.Unmarshal(data, &name); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidScheme, err)
		}
		preset, found := Preset(name)
		if !found {
			return fmt.Errorf("%w %.40q; there are %s", ErrUnknownPreset, name, strings.Join(PresetNames(), ", "))
		}
		*s = preset
		return nil
	case '{':
		var err error
		*s, err = readScheme(data)
		return err
	}
	return fmt.Errorf("%w: must be a preset's name or an object", ErrInvalidScheme)
}

// An object is a scheme without UnmarshalJSON, and the members that no scheme has.
type object struct {
	Members members                   `json:",embed"`
	Others  map[string]jsontext.Value `json:",embed"`
}

type members Scheme

// readScheme decodes an object. It goes on after a member of the wrong type, to find every fault.
func readScheme(data []byte) (Scheme, error) {
	var f faults
	wrongType := json.UnmarshalFromFunc(func(dec *jsontext.Decoder, target any) error {
		expected := shape(target)
		if expected == "" {
			return errors.ErrUnsupported
		}
		value, err := dec.ReadValue()
		wrong := err == nil && (value.Kind() == 'n' || json.Unmarshal(value, target, json.RejectUnknownMembers(true)) != nil)
		f.add(wrong, dec.StackPointer().LastToken(), "must be "+expected)
		return err
	})
	var o object
	err := json.Unmarshal(data, &o, json.WithUnmarshalers(wrongType))
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
		f.add(true, syntax.JSONPointer.LastToken(), "appears twice")
	} else if err != nil {
		return Scheme{}, fmt.Errorf("%w: %w", ErrInvalidScheme, err)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Others)) {
		f.add(true, name, "no such member")
	}
	return Scheme(o.Members), errors.Join(f...)
}

// shape describes the type that a member must have, or returns "" for a target that is no member.
func shape(target any) string {
	switch target.(type) {
	case *string:
		return "a string"
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *[]string:
		return "a list of strings"
	case *map[string]string:
		return "an object of strings"
	case *Challenge:
		return `an object with "json" or "header"`
	}
	return ""
}
