package diagnosis

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// signatureChanges undo what happened to the headers that carry signature and id, and to the method.
func signatureChanges(start attempt) (all changes) {
	spellings(start, &all)
	repeatedHeaders(start, &all)
	movedHeaders(start, &all)
	if start.scheme.Signed == "{body}" && start.request.Header["x-body-signature"] != nil {
		all.add("health-check", "this is a health check, an uninstall or a Canvas Kit request of Intercom: those are signed with SHA-256 in X-Body-Signature, its notifications in X-Hub-Signature",
			"nothing is wrong with the key: capture a notification of a conversation instead; a health check asks for no hang-up",
			func(a *attempt) bool {
				a.scheme.Header, a.scheme.Alg, a.scheme.Encoding, a.scheme.Prefix = []string{"X-Body-Signature"}, "sha256", "hex", ""
				return true
			})
	}
	if strings.Contains(start.scheme.Signed, "{method}") {
		for _, method := range []string{"POST", "GET", "PUT", "PATCH", "post", "get"} {
			all.add("method", fmt.Sprintf("the request was signed with the method %s, and came as %s", method, start.request.Method),
				"sign the method of the request in capital letters; a redirect on the way may have changed it",
				func(a *attempt) bool { a.request.Method = method; return method != start.request.Method })
		}
	}
	return all
}

// spellings write the signature as the scheme does.
func spellings(start attempt, all *changes) {
	name, value := start.value(start.scheme.Header)
	bare := strings.TrimPrefix(value, start.scheme.Prefix)
	if _, after, ok := strings.Cut(value, start.scheme.KVSig+"="); ok && start.scheme.Form == "kv" {
		bare = after
	}
	rest := strings.TrimSuffix(value, bare)
	add := func(cause, what, remedy, clean string) {
		if clean != bare && value != "" {
			all.add(cause, what, remedy, func(a *attempt) bool { return a.set(name, rest+clean) })
		}
	}
	add("signature-blanks", "the signature has blanks or quotes around it", "send the header without them", strings.Trim(bare, " \t\"'"))
	add("signature-blank-for-plus", "the signature has a blank where it was signed with +: it was decoded like a form on its way",
		"pass the header on as it came; where it travels in a URL or a form, encode + as %2B", strings.ReplaceAll(bare, " ", "+"))
	if plain, err := url.PathUnescape(value); err == nil && plain != value {
		all.add("signature-percent-encoded", "the signature is percent-encoded, as for a URL", "send the header without URL encoding",
			func(a *attempt) bool { return a.set(name, plain) })
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(bare, "="))
	padded := standard + strings.Repeat("=", (4-len(standard)%4)%4)
	add("signature-base64url", "the signature is base64 for URLs, or without padding", "use standard base64 with padding", padded)
	if decoded, err := base64.StdEncoding.DecodeString(padded); err == nil {
		add("signature-base64-of-hex", "the signature is the base64 of its hex text", "encode the digest's bytes once: as hex or as base64", string(decoded))
	}
}

// repeatedHeaders take one value of a header that came more than once, joined by commas or not.
func repeatedHeaders(start attempt, all *changes) {
	for _, name := range slices.Concat(start.scheme.Header, start.scheme.TSHeader, start.scheme.IDHeader) {
		name = strings.ToLower(name)
		values := strings.Split(strings.Join(start.request.Header[name], ","), ",")
		for _, value := range values {
			all.add("repeated-header", fmt.Sprintf("the header %s was sent more than once", name), "send it once; something between the sender and here adds another",
				func(a *attempt) bool { return len(values) > 1 && a.set(name, strings.TrimSpace(value)) })
		}
	}
}

// movedHeaders look for signature and id under other headers' names.
func movedHeaders(start attempt, all *changes) {
	for _, name := range headerNames(start.request) {
		if slices.ContainsFunc(start.scheme.Header, func(own string) bool { return strings.EqualFold(own, name) }) {
			continue
		}
		all.add("signature-header", fmt.Sprintf("the signature came in the header %s, and the scheme looks in %s", name, strings.Join(start.scheme.Header, ", ")),
			fmt.Sprintf(`let the sender use the header %s, or set "header": [%q] in a scheme of the source's own`, strings.Join(start.scheme.Header[:min(1, len(start.scheme.Header))], ""), name),
			func(a *attempt) bool { a.scheme.Header = []string{name}; return true })
		all.add("id-header", fmt.Sprintf("the delivery id that was signed came in the header %s", name), "let the sender use the header that the scheme names",
			func(a *attempt) bool {
				has := len(a.scheme.IDHeader) > 0
				a.scheme.IDHeader = []string{name}
				return has
			})
	}
}

// signedStrings are what senders sign, the simplest first.
var signedStrings = []string{
	"{body}", "{ts}.{body}", "{ts}{body}", "{ts}:{body}", "{ts},{body}", "{body}{ts}", "{ts}\n{body}", "v0:{ts}:{body}",
	"{id}.{ts}.{body}", "{ts}.{id}.{body}", "{id}.{body}", "{ts}.{body}.{id}",
	"{url}{body}", "{method}{url}{body}", "{method}{url}{body}{ts}", "{method}{url_decoded}{body}{ts}", "{url}",
}

// prefixes come before a signature.
var prefixes = []string{"sha256=", "sha1=", "sha512=", "v0=", "v1=", "v1,", "HMAC ", "hmac-sha256=", "Bearer "}

// schemeChanges are the ways in which a sender departs from its scheme.
func schemeChanges(start attempt) (all changes) {
	scheme := start.scheme
	if scheme.Kind != "hmac" && scheme.Kind != "hash" {
		return nil
	}
	for _, encoding := range []string{"hex", "base64"} {
		all.add("signature-encoding", fmt.Sprintf("the signature is written in %s, and the scheme wants %s", encoding, scheme.Encoding), ownScheme("encoding", encoding),
			func(a *attempt) bool { a.scheme.Encoding = encoding; return encoding != scheme.Encoding })
	}
	for _, alg := range []string{"sha256", "sha1", "sha512"} {
		all.add("algorithm", fmt.Sprintf("the request is signed with %s, and the scheme wants %s", alg, scheme.Alg), ownScheme("alg", alg),
			func(a *attempt) bool { a.scheme.Alg = alg; return alg != scheme.Alg })
	}
	all.add("signature-prefix", fmt.Sprintf("the signature lacks the prefix %q", scheme.Prefix), ownScheme("prefix_optional", true),
		func(a *attempt) bool { a.scheme.PrefixOptional = true; return scheme.Prefix != "" })
	_, value := start.value(scheme.Header)
	for _, prefix := range prefixes {
		if strings.HasPrefix(value, prefix) {
			all.add("signature-prefix", fmt.Sprintf("the signature begins with %q, and the scheme wants %q", prefix, scheme.Prefix), ownScheme("prefix", prefix),
				func(a *attempt) bool { a.scheme.Prefix = prefix; return prefix != scheme.Prefix })
		}
	}
	for _, signed := range signedStrings {
		all.add("signed-string", fmt.Sprintf("the sender signs %q, and the scheme wants %q", signed, scheme.Signed), ownScheme("signed", signed),
			func(a *attempt) bool { return signed != scheme.Signed && a.signs(signed) })
	}
	for _, hashed := range []string{"{secret}{body}", "{body}{secret}"} {
		all.add("not-hmac", "the sender makes a plain hash of key and body, and no HMAC", "let it make an HMAC: strangers can extend what is hashed after a key",
			func(a *attempt) bool { a.scheme.Kind = "hash"; return a.signs(hashed) })
	}
	all.add("required-header", "a header that the scheme demands is absent or has another value", "let the sender send it, or choose the scheme's other version",
		func(a *attempt) bool { a.scheme.Require = nil; return len(scheme.Require) > 0 })
	return all
}

func ownScheme(member string, value any) string {
	text, _ := json.Marshal(value) // a string or a bool
	return fmt.Sprintf("let the sender follow its scheme, or set %q: %s in a scheme of the source's own", member, text)
}

// signs sets another signed string, and clears what that does not use. It reports whether the scheme can sign it.
func (a *attempt) signs(text string) bool {
	if strings.Contains(text, "{ts}") != (len(a.scheme.TSHeader) > 0 || a.scheme.KVTS != "") {
		if strings.Contains(text, "{ts}") {
			return false
		}
		a.scheme.TSHeader, a.scheme.KVTS, a.scheme.TSUnit, a.scheme.Tolerance = nil, "", "", 0
	}
	if !strings.Contains(text, "{id}") {
		a.scheme.IDHeader = nil
	}
	a.scheme.Signed, a.scheme.URLPort, a.scheme.BodyHashQuery = text, "", nil
	return true
}
