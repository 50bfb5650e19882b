package webhook

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxFields bounds what a stranger can have sorted.
const maxFields = 1000

// sortedForm returns the names and values of a form's fields, joined, sorted by name and then by value, equal fields
// once. It is empty for no body, and for a body that is covered by its hash in the signed URL.
func (v *Verifier) sortedForm(r Request) ([]byte, error) {
	if hashed, err := v.checkBodyHash(r); hashed || err != nil {
		return nil, err
	}
	if len(r.Body) == 0 {
		return nil, nil
	}
	pairs, err := parseForm(string(r.Body))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1])
	})
	var sorted []byte
	for _, pair := range slices.Compact(pairs) {
		sorted = append(append(sorted, pair[0]...), pair[1]...)
	}
	return sorted, nil
}

// isForm reports whether a body is a form. Only its bytes decide, since the Content-Type is not signed.
func isForm(body []byte) bool {
	text := bytes.TrimSpace(body)
	if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")) {
		return false
	}
	_, err := parseForm(string(body))
	return err == nil
}

// parseForm is strict, because many spellings of a form have the same signature: escapes must be in capitals.
func parseForm(body string) ([][2]string, error) {
	if strings.Count(body, "&") >= maxFields {
		return nil, fmt.Errorf("%w: more than %d fields", ErrMalformedForm, maxFields)
	}
	var pairs [][2]string
	for text := range strings.SplitSeq(body, "&") {
		name, value, found := strings.Cut(text, "=")
		name, nameOK := unescape(name)
		value, valueOK := unescape(value)
		if !found || !nameOK || !valueOK {
			return nil, ErrMalformedForm
		}
		pairs = append(pairs, [2]string{name, value})
	}
	return pairs, nil
}

func unescape(text string) (string, bool) {
	for i := range len(text) {
		if text[i] == '%' && strings.ContainsAny(text[i+1:min(i+3, len(text))], "abcdef") {
			return "", false
		}
	}
	plain, err := url.QueryUnescape(text)
	return plain, err == nil
}

// checkBodyHash compares the body with the hash in the URL's query, where the scheme has one and the URL carries it.
func (v *Verifier) checkBodyHash(r Request) (hashed bool, err error) {
	want, found := v.bodyHash(r.URL)
	if !found {
		return false, nil
	}
	sum := sha256.Sum256(r.Body)
	if named, ok := decodeExactly("hex", want, len(sum)); !ok || !bytes.Equal(named, sum[:]) {
		return true, ErrBodyHash
	}
	return true, nil
}

// bodyHash returns the query parameter that carries the body's hash. Only the last one counts: a form's signature
// covers the URL and then the fields, so that a form's fields can be moved into the query, among them a text that
// names the hash of another body. The form's own last fields would follow that text.
func (v *Verifier) bodyHash(address string) (text string, found bool) {
	if len(v.scheme.BodyHashQuery) == 0 {
		return "", false
	}
	_, query, _ := strings.Cut(address, "?")
	query, _, _ = strings.Cut(query, "#")
	name := v.scheme.BodyHashQuery[0] + "="
	last := query[strings.LastIndex(query, "&")+1:]
	hash, found := strings.CutPrefix(last, name)
	return hash, found && strings.Count("&"+query, "&"+name) == 1
}
