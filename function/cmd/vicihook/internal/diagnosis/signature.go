package diagnosis

import (
	"encoding/base64"
	"maps"
	"net/url"
	"strings"
)

var signatureDamages = []damage{
	{"signature-blanks", "the signature has blanks or quotes around it", "send the header without them",
		func(text string) []string { return []string{strings.Trim(text, " \t\"'")} }},
	{"signature-blank-for-plus", "the signature has a blank where it was signed with +: it was decoded like a form on its way",
		"pass the header on as it came; where it travels in a URL or a form, encode + as %2B",
		func(text string) []string { return []string{strings.ReplaceAll(text, " ", "+")} }},
	{"signature-percent-encoded", "the signature is percent-encoded, as for a URL", "send the header without URL encoding",
		func(text string) []string {
			plain, _ := url.PathUnescape(text)
			return []string{plain}
		}},
	{"signature-base64url", "the signature is base64 for URLs, or without padding", "use standard base64 with padding",
		func(text string) []string { return []string{standardBase64(text)} }},
	{"signature-base64-of-hex", "the signature is the base64 of its hex text",
		"encode the digest's bytes once: as hex or as base64",
		func(text string) []string {
			decoded, _ := base64.StdEncoding.DecodeString(standardBase64(text))
			return []string{string(decoded)}
		}},
}

func standardBase64(text string) string {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return text + strings.Repeat("=", (4-len(text)%4)%4)
}

// signatureChanges lists other spellings of the signature, without its prefix or the name of its pair.
func signatureChanges(start Case) []change {
	name, value := start.value(start.Scheme.Header...)
	signature := strings.TrimPrefix(value, start.Scheme.Prefix)
	if _, after, ok := strings.Cut(value, start.Scheme.KVSig+"="); ok && start.Scheme.Form == "kv" {
		signature = after
	}
	return changesOf(signatureDamages, signature, func(c *Case, clean string) bool {
		c.Request.Header = maps.Clone(c.Request.Header)
		c.Request.Header[name] = []string{strings.TrimSuffix(value, signature) + clean}
		return clean != signature
	})
}
