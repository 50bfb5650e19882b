package diagnosis

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// headerChanges undo what happened to the header that carries the signature.
func headerChanges(start attempt) dimension {
	return slices.Concat(cleanedSignatures(start), repeatedHeaders(start), movedSignatures(start), methods(start))
}

// cleanedSignatures spell the signature as the scheme does.
func cleanedSignatures(start attempt) (changes dimension) {
	name, value := start.value(start.scheme.Header)
	add := func(cause, what, mend, clean string) {
		if clean != value && value != "" {
			changes = append(changes, change{cause, what, mend, func(a *attempt) bool { return a.set(name, clean) }})
		}
	}
	bare := strings.TrimPrefix(value, start.scheme.Prefix)
	if _, after, ok := strings.Cut(value, start.scheme.KVSig+"="); ok && start.scheme.Form == "kv" {
		bare = after
	}
	rest := strings.TrimSuffix(value, bare)
	add("signature-blanks", "the signature has blanks or quotes around it", "send the header without them", rest+strings.Trim(bare, " \t\"'"))
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(bare, "="))
	padded := standard + strings.Repeat("=", (4-len(standard)%4)%4)
	add("signature-base64url", "the signature is base64 for URLs, or without padding", "use standard base64 with padding", rest+padded)
	if decoded, err := base64.StdEncoding.DecodeString(padded); err == nil {
		add("signature-base64-of-hex", "the signature is the base64 of its hex text", "encode the digest's bytes once: as hex or as base64", rest+string(decoded))
	}
	return changes
}

// repeatedHeaders take one value of a header that came more than once, joined by commas or not.
func repeatedHeaders(start attempt) (changes dimension) {
	for _, name := range slices.Concat(start.scheme.Header, start.scheme.TSHeader, start.scheme.IDHeader) {
		name = strings.ToLower(name)
		var values []string
		for _, value := range start.request.Header[name] {
			values = append(values, strings.Split(value, ",")...)
		}
		if len(values) < 2 {
			continue
		}
		for _, value := range values {
			changes = append(changes, change{
				cause: "repeated-header",
				what:  fmt.Sprintf("the header %s was sent more than once", name),
				mend:  "send it once; something between the sender and here adds another",
				undo:  func(a *attempt) bool { return a.set(name, strings.TrimSpace(value)) },
			})
		}
	}
	return changes
}

// movedSignatures look for the signature and the id under other headers' names.
func movedSignatures(start attempt) (changes dimension) {
	for _, name := range (Case{Request: start.request}).headerNames() {
		if slices.ContainsFunc(start.scheme.Header, func(own string) bool { return strings.EqualFold(own, name) }) {
			continue
		}
		changes = append(changes, change{
			cause: "signature-header",
			what:  fmt.Sprintf("the signature came in the header %s, and the scheme looks in %s", name, strings.Join(start.scheme.Header, ", ")),
			mend:  fmt.Sprintf(`let the sender use the header %s, or set "header": [%q] in a scheme of the source's own`, start.scheme.Header[0], name),
			undo:  func(a *attempt) bool { a.scheme.Header = []string{name}; return true },
		}, change{
			cause: "id-header",
			what:  fmt.Sprintf("the delivery id that was signed came in the header %s", name),
			mend:  "let the sender use the header that the scheme names",
			undo: func(a *attempt) bool {
				has := len(a.scheme.IDHeader) > 0
				a.scheme.IDHeader = []string{name}
				return has
			},
		})
	}
	return changes
}

// methods are for the schemes that sign the method.
func methods(start attempt) (changes dimension) {
	if !strings.Contains(start.scheme.Signed, "{method}") {
		return nil
	}
	for _, method := range []string{"POST", "GET", "PUT", "PATCH", "post", "get"} {
		if method != start.request.Method {
			changes = append(changes, change{
				cause: "method",
				what:  fmt.Sprintf("the request was signed with the method %s, and came as %s", method, start.request.Method),
				mend:  "sign the method of the request in capital letters; a redirect on the way may have changed it",
				undo:  func(a *attempt) bool { a.request.Method = method; return true },
			})
		}
	}
	return changes
}
