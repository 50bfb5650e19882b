package diagnosis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// signedStrings are what senders sign, the simplest first.
var signedStrings = []string{
	"{body}", "{ts}.{body}", "{ts}{body}", "{ts}:{body}", "{body}{ts}", "v0:{ts}:{body}", "{id}.{ts}.{body}", "{id}.{body}",
	"{url}{body}", "{method}{url}{body}", "{method}{url}{body}{ts}", "{method}{url_decoded}{body}{ts}",
}

// A prefix is a word before a signature, such as sha256=, v1, or HMAC.
var prefix = regexp.MustCompile(`^[A-Za-z0-9-]{2,12}[=, ]`)

// schemeChanges lists the ways in which a sender may depart from its scheme.
func schemeChanges(start Case) (changes []change) {
	s := start.Scheme
	_, signature := start.value(s.Header...)
	for _, member := range []struct {
		cause, what, json string
		own               string
		others            []string // what the sender may use in its place
		set               func(*Case, string)
	}{
		{"time-unit", "the time is sent in %q, and the scheme wants %q", `"ts_unit": %q`,
			s.TSUnit, []string{"s", "ms", "rfc3339"}, func(c *Case, unit string) { c.Scheme.TSUnit = unit }},
		{"signature-encoding", "the signature is written in %s, and the scheme wants %s", `"encoding": %q`,
			s.Encoding, []string{"hex", "base64"}, func(c *Case, encoding string) { c.Scheme.Encoding = encoding }},
		{"algorithm", "the request is signed with %s, and the scheme wants %s", `"alg": %q`,
			s.Alg, []string{"sha256", "sha1", "sha512"}, func(c *Case, alg string) { c.Scheme.Alg = alg }},
		{"signature-prefix", "the signature has the prefix %q, and the scheme wants %q", `"prefix": %q`,
			s.Prefix, []string{"", prefix.FindString(signature)}, func(c *Case, prefix string) { c.Scheme.Prefix = prefix }},
		{"signature-header", "the signature came in the header %s, and the scheme looks in %s", `"header": [%q]`,
			strings.Join(s.Header, ", "), start.otherHeaders(s.Header),
			func(c *Case, name string) { c.Scheme.Header = []string{name} }},
		{"id-header", "the delivery id came in the header %s, and the scheme looks in %s", `"id_header": [%q]`,
			strings.Join(s.IDHeader, ", "), start.otherHeaders(s.IDHeader),
			func(c *Case, name string) { c.Scheme.IDHeader = []string{name} }},
		{"time-header", "the time came in the header %s, and the scheme looks in %s", `"ts_header": [%q]`,
			strings.Join(s.TSHeader, ", "), start.otherHeaders(s.TSHeader),
			func(c *Case, name string) { c.Scheme.TSHeader = []string{name} }},
		{"signed-string", "the sender signs %q, and the scheme wants %q", `"signed": %q`, s.Signed, signedStrings, (*Case).signs},
	} {
		for _, other := range member.others {
			what, remedy := fmt.Sprintf(member.what, other, member.own), ownScheme(fmt.Sprintf(member.json, other))
			changes = append(changes, change{member.cause, what, remedy,
				func(c *Case) bool { member.set(c, other); return other != member.own }})
		}
	}
	for _, hashed := range []string{"{secret}{body}", "{body}{secret}"} {
		changes = append(changes, change{"not-hmac", "the sender makes a plain hash of key and body, and no HMAC",
			"let it make an HMAC: strangers can extend what is hashed after a key",
			func(c *Case) bool { c.Scheme.Kind = "hash"; c.signs(hashed); return true }})
	}
	return changes
}

func ownScheme(member string) string {
	return "let the sender follow its scheme, or set " + member + " in a scheme of the source's own"
}

// otherHeaders returns the request's headers that a scheme with a header of this kind may look in.
func (c Case) otherHeaders(own []string) []string {
	if len(own) == 0 {
		return nil
	}
	return slices.DeleteFunc(c.headerNames(), func(name string) bool { return name == healthCheck })
}

// signs sets another signed string, and clears what that does not use.
func (c *Case) signs(text string) {
	if !strings.Contains(text, "{ts}") {
		c.Scheme.TSHeader, c.Scheme.KVTS, c.Scheme.TSUnit, c.Scheme.Tolerance = nil, "", "", 0
	}
	if !strings.Contains(text, "{id}") {
		c.Scheme.IDHeader = nil
	}
	c.Scheme.Signed, c.Scheme.URLPort, c.Scheme.BodyHashQuery = text, "", nil
}
