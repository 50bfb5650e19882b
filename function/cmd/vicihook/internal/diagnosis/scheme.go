package diagnosis

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"vicihook/function/internal/webhook"
)

// templates are what senders sign, the simplest first.
var templates = []string{
	"{body}", "{ts}.{body}", "{ts}{body}", "{ts}:{body}", "{ts},{body}", "{body}{ts}", "{ts}\n{body}", "v0:{ts}:{body}",
	"{id}.{ts}.{body}", "{ts}.{id}.{body}", "{id}.{body}", "{ts}.{body}.{id}",
	"{url}{body}", "{method}{url}{body}", "{method}{url}{body}{ts}", "{method}{url_decoded}{body}{ts}", "{url}",
}

// prefixes are what stands before a signature.
var prefixes = []string{"sha256=", "sha1=", "sha512=", "v0=", "v1=", "v1,", "HMAC ", "hmac-sha256=", "Bearer "}

// schemeChanges are the ways in which a sender departs from its scheme.
func schemeChanges(start attempt) dimension {
	if start.scheme.Kind != "hmac" && start.scheme.Kind != "hash" {
		return nil
	}
	return slices.Concat(digests(start.scheme), signaturePrefixes(start), signedStrings(start.scheme), demands(start.scheme))
}

func ownScheme(member string, value any) string {
	text, _ := json.Marshal(value) // a string or a bool
	return fmt.Sprintf("let the sender follow its scheme, or set %q: %s in a scheme of the source's own", member, text)
}

func digests(scheme webhook.Scheme) (changes dimension) {
	for _, encoding := range []string{"hex", "base64"} {
		if encoding != scheme.Encoding {
			changes = append(changes, change{
				cause: "signature-encoding",
				what:  fmt.Sprintf("the signature is written in %s, and the scheme wants %s", encoding, scheme.Encoding),
				mend:  ownScheme("encoding", encoding),
				undo:  func(a *attempt) bool { a.scheme.Encoding = encoding; return true },
			})
		}
	}
	for _, alg := range []string{"sha256", "sha1", "sha512"} {
		if alg != scheme.Alg {
			changes = append(changes, change{
				cause: "algorithm",
				what:  fmt.Sprintf("the request is signed with %s, and the scheme wants %s", alg, scheme.Alg),
				mend:  ownScheme("alg", alg),
				undo:  func(a *attempt) bool { a.scheme.Alg = alg; return true },
			})
		}
	}
	return changes
}

func signaturePrefixes(start attempt) (changes dimension) {
	if start.scheme.Prefix != "" {
		changes = append(changes, change{
			cause: "signature-prefix",
			what:  fmt.Sprintf("the signature lacks the prefix %q", start.scheme.Prefix),
			mend:  ownScheme("prefix_optional", true),
			undo:  func(a *attempt) bool { a.scheme.PrefixOptional = true; return true },
		})
	}
	_, value := start.value(start.scheme.Header)
	for _, prefix := range prefixes {
		if prefix != start.scheme.Prefix && strings.HasPrefix(value, prefix) {
			changes = append(changes, change{
				cause: "signature-prefix",
				what:  fmt.Sprintf("the signature begins with %q, and the scheme wants %q", prefix, start.scheme.Prefix),
				mend:  ownScheme("prefix", prefix),
				undo:  func(a *attempt) bool { a.scheme.Prefix = prefix; return true },
			})
		}
	}
	return changes
}

func signedStrings(scheme webhook.Scheme) (changes dimension) {
	for _, template := range templates {
		if template != scheme.Signed {
			changes = append(changes, change{
				cause: "signed-string",
				what:  fmt.Sprintf("the sender signs %q, and the scheme wants %q", template, scheme.Signed),
				mend:  ownScheme("signed", template),
				undo:  func(a *attempt) bool { return a.signs(template) },
			})
		}
	}
	for _, template := range []string{"{secret}{body}", "{body}{secret}"} {
		changes = append(changes, change{
			cause: "not-hmac",
			what:  "the sender makes a plain hash of key and body, and no HMAC",
			mend:  "let it make an HMAC: strangers can extend what is hashed after a key",
			undo:  func(a *attempt) bool { a.scheme.Kind = "hash"; return a.signs(template) },
		})
	}
	return changes
}

func demands(scheme webhook.Scheme) dimension {
	if len(scheme.Require) == 0 {
		return nil
	}
	return dimension{{
		cause: "required-header",
		what:  "a header that the scheme demands is absent or has another value",
		mend:  "let the sender send it, or choose the scheme's other version",
		undo:  func(a *attempt) bool { a.scheme.Require = nil; return true },
	}}
}

// signs gives the scheme another template, and takes away what that does not use.
func (a *attempt) signs(template string) bool {
	if strings.Contains(template, "{ts}") != (len(a.scheme.TSHeader) > 0 || a.scheme.KVTS != "") {
		if strings.Contains(template, "{ts}") {
			return false
		}
		a.scheme.TSHeader, a.scheme.KVTS, a.scheme.TSUnit, a.scheme.Tolerance = nil, "", "", 0
	}
	if !strings.Contains(template, "{id}") {
		a.scheme.IDHeader = nil
	}
	a.scheme.Signed = template
	a.scheme.URLPort, a.scheme.BodyHashQuery = "", nil
	return true
}
