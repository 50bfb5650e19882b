package webhook

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// longestTolerance limits how long a captured request can be sent again.
const longestTolerance = 3600 // seconds

// faults are the faults of a scheme.
type faults []error

func (f *faults) add(wrong bool, field, why string) {
	if wrong {
		*f = append(*f, &FieldError{field, why})
	}
}

// validate returns every fault of s, joined.
func (s Scheme) validate(signed template, malformed error) error {
	var f faults
	f.add(!slices.Contains([]string{kindHMAC, kindHash, kindToken, kindBasic}, s.Kind), "kind", "must be hmac, hash, token or basic")
	switch s.Kind {
	case kindToken:
		f.add(len(s.Header) == 0, "header", "missing")
		f.add(strings.Contains(s.Prefix, ","), "prefix", "contains a comma, as repeated headers do")
		s.checkUnsigned(&f)
	case kindBasic:
		f.add(len(s.Header) > 0, "header", "is always Authorization with kind basic")
		f.add(s.Prefix != "", "prefix", "has no meaning with kind basic")
		s.checkUnsigned(&f)
	default:
		s.checkSignature(&f)
		s.checkTime(&f)
		if malformed != nil {
			f.add(true, "signed", malformed.Error())
			break
		}
		s.checkTemplate(&f, signed)
	}
	f.add(strings.ContainsFunc(s.Prefix, func(r rune) bool { return r < ' ' || r > '~' }), "prefix", "must be visible ASCII")
	s.checkHeaders(&f)
	return errors.Join(f...)
}

// checkUnsigned rejects members that only a signature has.
func (s Scheme) checkUnsigned(f *faults) {
	meant := []string{"kind", "header", "prefix", "secret", "require", "dedupe", "challenge"}
	data, err := json.Marshal(s)
	var given map[string]jsontext.Value
	f.add(err != nil || json.Unmarshal(data, &given) != nil, "kind", "can't be written as JSON")
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f.add(!slices.Contains(meant, name), name, "has no meaning without a signature")
	}
	f.add(s.Secret != "" && s.Secret != "raw", "secret", "must be raw without a signature")
}

func (s Scheme) checkSignature(f *faults) {
	f.add(s.Alg == "", "alg", "missing")
	f.add(s.Alg != "" && hashes[s.Alg] == nil, "alg", "must be sha1, sha256 or sha512")
	f.add(len(s.Header) == 0, "header", "missing")
	f.add(s.Encoding != "hex" && s.Encoding != "base64", "encoding", "must be hex or base64")
	f.add(!slices.Contains([]string{"", "raw", "hex", "base64"}, s.Secret), "secret", "must be raw, hex or base64")
	f.add(s.SecretPrefix != "" && s.Secret != "hex" && s.Secret != "base64", "secret_prefix", "needs secret hex or base64")
	list, kv := s.Form == "list", s.Form == "kv"
	f.add(!list && !kv && s.Form != "" && s.Form != "plain", "form", "must be plain, list or kv")
	f.add((list || kv) && s.Sep != " " && s.Sep != ",", "sep", "must be a blank or a comma with form list or kv")
	f.add(!list && !kv && s.Sep != "", "sep", "has no meaning with form plain")
	f.add(kv && s.KVSig == "", "kv_sig", "missing with form kv")
	f.add(s.KVSig != "" && !isHeaderName(s.KVSig), "kv_sig", "must be letters, digits or marks without blank, comma and =")
	f.add(s.KVTS != "" && !isHeaderName(s.KVTS), "kv_ts", "must be letters, digits or marks without blank, comma and =")
	f.add(!kv && s.KVSig != "", "kv_sig", "needs form kv")
	f.add(!kv && s.KVTS != "", "kv_ts", "needs form kv")
	f.add(kv && s.KVSig != "" && s.KVSig == s.KVTS, "kv_ts", "is the name of the signature")
	f.add(s.PrefixOptional && s.Prefix == "", "prefix_optional", "needs a prefix")
	f.add(s.PrefixOnce && (s.Prefix == "" || !list), "prefix_once", "needs a prefix and form list")
	f.add((list || kv) && s.Sep != "" && strings.Contains(s.Prefix, s.Sep), "prefix", "contains the separator")
}

func (s Scheme) checkTime(f *faults) {
	sources := 0
	for _, given := range []bool{len(s.TSHeader) > 0, s.KVTS != "", s.TSJSON != ""} {
		if given {
			sources++
		}
	}
	f.add(sources > 1, "signed", "only one of ts_header, kv_ts and ts_json can be the time")
	if sources == 0 {
		f.add(s.TSUnit != "", "ts_unit", "has no time to count")
		f.add(s.Tolerance != 0, "tolerance", "has no time to bound")
		return
	}
	f.add(!slices.Contains([]string{"s", "ms", "rfc3339"}, s.TSUnit), "ts_unit", "must be s, ms or rfc3339")
	f.add(s.TSJSON != "" && s.TSUnit == "rfc3339", "ts_unit", "must be s or ms with ts_json")
	f.add(s.Tolerance <= 0 || s.Tolerance > longestTolerance, "tolerance", "must be 1 to 3600 seconds")
}

func (s Scheme) checkTemplate(f *faults, signed template) {
	f.add(s.Signed == "", "signed", "missing")
	f.add(s.Signed != "" && !signed.has(fieldBody) && !signed.has(fieldForm), "signed", "leaves the body unsigned: must contain {body} (or {form_sorted})")
	f.add(s.Kind == kindHash && !signed.has(fieldSecret), "signed", "must contain {secret} with kind hash")
	f.add(s.Kind == kindHMAC && signed.has(fieldSecret), "signed", "contains {secret}, which is the key of an hmac already")
	f.add(signed.has(fieldID) && len(s.IDHeader) == 0, "signed", "contains {id} without id_header")
	f.add(!signed.has(fieldID) && len(s.IDHeader) > 0, "id_header", "is not signed: {id} is missing in signed")
	// The sender chooses the id. Without a literal beside it, bytes could move between the id and the body.
	for _, neighbour := range signed.around(fieldID) {
		f.add(neighbour.field != literal, "signed", "must have a literal between {id} and other placeholders")
	}
	f.add(s.URLPort != "" && s.URLPort != "both", "url_port", "must be both")
	signsURL := signed.has(fieldURL) || signed.has(fieldURLDecoded)
	f.add(s.URLPort != "" && !signsURL, "url_port", "needs {url} in signed")
	if hash := s.BodyHashQuery; len(hash) > 0 {
		f.add(!signsURL || !signed.has(fieldForm), "body_hash_query", "needs {url} and {form_sorted} in signed")
		f.add(len(hash) != 3 || hash[0] == "" || hash[1] != "sha256" || hash[2] != "hex", "body_hash_query", `must be [parameter, "sha256", "hex"]`)
	}
	const unsigned = "is an unsigned time, which proves nothing: "
	f.add(signed.has(fieldTS) && len(s.TSHeader) == 0 && s.KVTS == "", "signed", "contains {ts} without ts_header or kv_ts")
	f.add(!signed.has(fieldTS) && len(s.TSHeader) > 0, "ts_header", unsigned+"{ts} is missing in signed")
	f.add(!signed.has(fieldTS) && s.KVTS != "", "kv_ts", unsigned+"{ts} is missing in signed")
	f.add(s.TSJSON != "" && !signed.has(fieldBody), "ts_json", unsigned+"{body} is missing in signed")
}

func (s Scheme) checkHeaders(f *faults) {
	required := slices.Sorted(maps.Keys(s.Require))
	for _, name := range required {
		f.add(s.Require[name] == "", "require", "requires an empty header")
	}
	var seen []string
	for _, member := range []struct {
		name    string
		headers []string
	}{{"header", s.Header}, {"id_header", s.IDHeader}, {"ts_header", s.TSHeader}, {"require", required}} {
		for _, header := range lower(member.headers) {
			f.add(!isHeaderName(header), member.name, "is not a header's name")
			f.add(slices.Contains(seen, header), member.name, "names a header that is named before")
			seen = append(seen, header)
		}
	}
	for _, shown := range []struct{ member, header string }{{"dedupe", s.Dedupe}, {"challenge", s.Challenge.Header}} {
		f.add(shown.header != "" && !isHeaderName(shown.header), shown.member, "is not a header's name")
		f.add(shown.header != "" && s.isSecret(strings.ToLower(shown.header)), shown.member, "names a header that may have a signature, a token or a password, which the log would show")
	}
	f.add(s.Challenge.Header != "" && s.Challenge.JSON != "", "challenge", "must be json or header, not both")
}

// isSecret reports whether a header, in lower case, has a signature or a secret, by this scheme or by its name.
func (s Scheme) isSecret(header string) bool {
	return slices.Contains(lower(s.Header), header) || strings.HasSuffix(header, "token") && !strings.Contains(header, "idempotency") ||
		slices.ContainsFunc([]string{"signature", "authorization", "secret", "password", "cookie", "api-key", "apikey", "hmac"},
			func(word string) bool { return strings.Contains(header, word) })
}

// CheckReadings rejects a valid scheme whose signed text can be read in two ways, or be made longer without the key.
// Each fault is a *FieldError. The presets of Twilio and HubSpot have such faults, so it is for new schemes.
func (s Scheme) CheckReadings() error {
	signed, err := parseTemplate(s.Signed)
	if err != nil || len(signed) == 0 {
		return nil
	}
	var f faults
	f.add(s.Kind == kindHash && signed[0].field == fieldSecret, "signed",
		"begins with {secret} in a plain hash, which anybody can make longer without the key: use kind hmac")
	f.add(signed.has(fieldForm), "signed", "contains {form_sorted}, which joins names and values without separators: use {body}")
	f.add(signed.urlBefore(fieldBody), "signed", "must have a literal between the URL and {body}, so that bytes can't move from one to the other")
	return errors.Join(f...)
}

func isHeaderName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
}
