package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// A Scheme says how a sender proves that a request is its own.
// In JSON it is an object with the names below, or the name of a preset.
// Header names are compared without regard to case. Where a list of them is given, the first that the request
// carries counts and the others are not looked at: what is read must verify, whichever it is.
type Scheme struct {
	Kind string `json:"kind"` // hmac; hash: a plain digest with {secret} in the template; token and basic: senders that cannot sign

	Alg            string   `json:"alg,omitzero"`             // sha1, sha256, sha512
	Header         []string `json:"header,omitempty"`         // where the signature is, or the token
	Form           string   `json:"form,omitzero"`            // plain (default): one value; list: values between Sep; kv: name=value pairs between Sep
	Sep            string   `json:"sep,omitzero"`             // a blank or a comma
	Prefix         string   `json:"prefix,omitzero"`          // before each signature; blanks may follow it
	PrefixOptional bool     `json:"prefix_optional,omitzero"` // a signature without Prefix counts too
	PrefixOnce     bool     `json:"prefix_once,omitzero"`     // Prefix stands before the first signature of a list only
	Encoding       string   `json:"encoding,omitzero"`        // hex, base64

	// Signed is the template of the signed bytes: literals and
	// {id} {ts} {method} {url} {url_decoded} {body} {form_sorted} {secret}, each at most once.
	Signed   string   `json:"signed,omitzero"`
	IDHeader []string `json:"id_header,omitempty"` // where {id} comes from

	TSHeader  []string `json:"ts_header,omitempty"` // where {ts} comes from, unless it is
	KVTS      string   `json:"kv_ts,omitzero"`      // the pair of this name in a kv header, or
	TSJSON    string   `json:"ts_json,omitzero"`    // the member of this name in the JSON body (covered by {body}, so never {ts})
	KVSig     string   `json:"kv_sig,omitzero"`     // name of the pairs of a kv header that hold signatures
	TSUnit    string   `json:"ts_unit,omitzero"`    // s, ms, rfc3339
	Tolerance int      `json:"tolerance,omitzero"`  // seconds into the past and into the future, inclusive; 1 to 3600

	Secret       string `json:"secret,omitzero"`        // how the key is written: raw (default), hex, base64
	SecretPrefix string `json:"secret_prefix,omitzero"` // what may stand before an encoded key

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

// UnmarshalJSON reads a preset's name or an object. It returns ErrUnknownPreset with the near names, or a *FieldError
// for each member that is unknown, given twice or of the wrong type, joined; NewVerifier finds the other faults.
func (s *Scheme) UnmarshalJSON(data []byte) (err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	open, _ := dec.Token()
	if open != json.Delim('{') {
		*s, err = SchemeOf(open)
		return err
	}
	members, twice, err := readMembers(dec)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidScheme, err)
	}
	*s, err = schemeOf(members, twice)
	return err
}

// readMembers reads an object after its brace, and tells what encoding/json lets pass: members given twice.
func readMembers(dec *json.Decoder) (members map[string]any, twice faults, err error) {
	members = map[string]any{}
	for dec.More() {
		token, _ := dec.Token()
		var value any
		if err := dec.Decode(&value); err != nil {
			return nil, nil, err
		}
		name, _ := token.(string)
		_, seen := members[name]
		twice.add(seen, name, "given twice")
		members[name] = value
	}
	return members, twice, nil
}

// SchemeOf is UnmarshalJSON for a JSON value that has been decoded: a string, or a map[string]any whose numbers are
// json.Number.
func SchemeOf(value any) (Scheme, error) {
	switch value := value.(type) {
	case map[string]any:
		return schemeOf(value, nil)
	case string:
		if value == "" {
			break
		}
		if preset, ok := Preset(value); ok {
			return preset, nil
		}
		return Scheme{}, unknownPreset(value)
	}
	return Scheme{}, fmt.Errorf("%w: must be a preset's name or an object", ErrInvalidScheme)
}

func schemeOf(members map[string]any, f faults) (s Scheme, err error) {
	known := s.members()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		i := slices.IndexFunc(known, func(m member) bool { return m.name == name })
		if i < 0 {
			f.add(true, name, "no such member")
			continue
		}
		f.add(!assign(members[name], known[i].where), name, "must be "+shape(known[i].where))
	}
	return s, errors.Join(f...)
}

// A member is a field of a scheme by its name in JSON.
type member struct {
	name  string
	where any // a pointer to it
}

// members lists them all. encoding/json would find them by itself, but that costs every start a tenth of a millisecond.
func (s *Scheme) members() []member {
	return []member{
		{"kind", &s.Kind}, {"alg", &s.Alg}, {"header", &s.Header}, {"form", &s.Form}, {"sep", &s.Sep},
		{"prefix", &s.Prefix}, {"prefix_optional", &s.PrefixOptional}, {"prefix_once", &s.PrefixOnce},
		{"encoding", &s.Encoding}, {"signed", &s.Signed}, {"id_header", &s.IDHeader},
		{"ts_header", &s.TSHeader}, {"kv_ts", &s.KVTS}, {"ts_json", &s.TSJSON}, {"kv_sig", &s.KVSig},
		{"ts_unit", &s.TSUnit}, {"tolerance", &s.Tolerance}, {"secret", &s.Secret}, {"secret_prefix", &s.SecretPrefix},
		{"require", &s.Require}, {"url_port", &s.URLPort}, {"body_hash_query", &s.BodyHashQuery},
		{"dedupe", &s.Dedupe}, {"challenge", &s.Challenge},
	}
}

// assign puts a JSON value where it belongs, unless it is of another type.
func assign(value, where any) (ok bool) {
	switch where := where.(type) {
	case *string:
		*where, ok = value.(string)
	case *bool:
		*where, ok = value.(bool)
	case *int:
		number, _ := value.(json.Number)
		n, err := strconv.Atoi(number.String())
		*where, ok = n, err == nil
	case *[]string:
		*where, ok = texts(value)
	case *map[string]string:
		*where, ok = textMap(value)
	case *Challenge:
		var members map[string]string
		members, ok = textMap(value)
		*where = Challenge{members["json"], members["header"]}
		maps.DeleteFunc(members, func(name, _ string) bool { return name == "json" || name == "header" })
		ok = ok && len(members) == 0
	}
	return ok
}

func texts(value any) ([]string, bool) {
	list, ok := value.([]any)
	all := make([]string, len(list))
	for i, element := range list {
		text, isText := element.(string)
		all[i], ok = text, ok && isText
	}
	return all, ok
}

func textMap(value any) (map[string]string, bool) {
	members, ok := value.(map[string]any)
	all := make(map[string]string, len(members))
	for name, member := range members {
		text, isText := member.(string)
		all[name], ok = text, ok && isText
	}
	return all, ok
}

func shape(where any) string {
	switch where.(type) {
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
	}
	return `an object with "json" or "header"`
}
