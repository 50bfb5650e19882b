package webhook

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrPastedKey is returned for a key that was pasted with what is not part of it.
var ErrPastedKey = errors.New("webhook: key is pasted with what is not part of it")

// CheckKey decodes a key. It rejects one that was pasted with something around it (ErrPastedKey), one that is not in the
// scheme's form (ErrEmptyKey, ErrMalformedKey) and a weak one (ErrPlaceholderKey, ErrPublishedKey, ErrShortKey).
// Its errors do not quote the key.
func (s Scheme) CheckKey(text string) (Key, error) {
	if strings.TrimSpace(text) == "" {
		return Key{}, ErrEmptyKey
	}
	if fault := s.pasteFault(strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")); fault != "" {
		return Key{}, fmt.Errorf("%w: it %s", ErrPastedKey, fault)
	}
	key, err := s.ParseKey(text)
	if err != nil {
		return Key{}, err
	}
	return key, key.CheckStrength()
}

var keyQuotes = []string{`""`, "''", "``", "“”", "„“", "‘’", "«»"}

// pasteFault describes what a key contains that is not part of it, or returns "".
func (s Scheme) pasteFault(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	switch {
	case strings.ContainsAny(text, "\ufeff\u200b"):
		return "contains a byte order mark or a zero-width blank"
	case unicode.IsSpace(first):
		return "begins with " + nameOfSpace(first)
	case unicode.IsSpace(last):
		return "ends with " + nameOfSpace(last)
	case strings.ContainsAny(text, "\r\n"):
		return "has two lines"
	case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && strings.Contains(text, `"`):
		return `is a list written as a text: store it as a JSON list, ["…", "…"], in the secret's plain text`
	case strings.HasPrefix(text, "v1,"):
		return "begins with v1,: store only what comes after it"
	case s.Kind != kindBasic && hasLabel(text):
		return "begins with a label: store only what comes after it"
	}
	for _, pair := range keyQuotes {
		opening, _ := utf8.DecodeRuneInString(pair)
		closing, _ := utf8.DecodeLastRuneInString(pair)
		if first == opening && last == closing && utf8.RuneCountInString(text) > 1 {
			return "is in quotes"
		}
	}
	return ""
}

// hasLabel reports whether a text begins with words, a colon or = and a blank, such as "Signing secret: ".
func hasLabel(text string) bool {
	i := strings.IndexAny(text, ":=")
	return i > 0 && i+1 < len(text) && unicode.IsSpace(rune(text[i+1])) &&
		!strings.ContainsFunc(text[:i], func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune(" _-", r) })
}

func nameOfSpace(r rune) string {
	switch r {
	case ' ':
		return "a blank"
	case '\t':
		return "a tab"
	case '\n', '\r':
		return "a line end"
	default:
		return fmt.Sprintf("white space (U+%04X)", r)
	}
}
