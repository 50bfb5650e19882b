package diagnosis

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"
)

const maxInflated = 1 << 20

// addBody adds a change that puts the body back as it was signed.
type addBody func(cause, what, remedy string, signed []byte)

// bodyChanges are the ways in which a body changes between signing and verifying.
func bodyChanges(body []byte) (all changes) {
	add := func(cause, what, remedy string, signed []byte) {
		if !bytes.Equal(signed, body) {
			all.add(cause, what, remedy, func(a *attempt) bool { a.request.Body = signed; return true })
		}
	}
	lineEnds(body, add)
	encodings(body, add)
	jsonChanges(body, add)
	formChanges(body, add)
	add("body-unsigned", "only an empty body is signed",
		"let the sender sign the final body, the one that it sends; a stream that was read before is empty when it is read again", []byte{})
	return all
}

func lineEnds(body []byte, add addBody) {
	const exact = "pass the body on byte for byte; curl does so with --data-binary, not with -d"
	add("body-lost-newline", "the body was signed with a line end after it, and arrived without", exact, append(bytes.Clone(body), '\n'))
	add("body-lost-newline", "the body was signed with a line end after it, and arrived without", exact, append(bytes.Clone(body), "\r\n"...))
	add("body-added-newline", "the body was signed without the line end that it arrived with", exact, bytes.TrimRight(body, "\r\n"))
	unix := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	windows := bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n"))
	add("body-crlf", "the body was signed with LF line ends, and arrived with CRLF", exact, unix)
	add("body-crlf", "the body was signed with CRLF line ends, and arrived with LF", exact, windows)
	add("body-crlf", "the body was signed with LF line ends and one at its end, and arrived with CRLF", exact, append(bytes.Clone(unix), '\n'))
	add("body-crlf", "the body was signed with CRLF line ends and one at its end, and arrived otherwise", exact, append(bytes.Clone(windows), "\r\n"...))
	add("body-newlines", "the body was signed without the line ends that it arrived with", exact, withoutLineEnds(body))
	add("body-blanks", "the body was signed without the blanks around it", exact, bytes.TrimSpace(body))
}

func encodings(body []byte, add addBody) {
	const base = "decode the body once, where the event says isBase64Encoded, and verify those bytes"
	text := strings.Join(strings.Fields(string(body)), "")
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil && len(decoded) > 0 {
		add("body-base64", "the body is still base64, and what it decodes to was signed", base, decoded)
	}
	add("body-base64", "the body's base64 was signed, and it arrived decoded", "sign the bytes that are sent", []byte(base64.StdEncoding.EncodeToString(body)))
	var inner string
	if json.Unmarshal(body, &inner) == nil {
		add("body-json-string", "the body was put into a JSON string after it was signed", "send the bytes that were signed: they were encoded as JSON once more", []byte(inner))
	}
	if reader, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		if plain, err := io.ReadAll(io.LimitReader(reader, maxInflated)); err == nil {
			add("body-gzip", "the body arrived compressed, and was signed before", "sign the bytes that are sent, or send them uncompressed", plain)
		}
	}
	const mark = "\ufeff"
	add("body-bom", "the body was signed without the byte order mark that it arrived with", "send UTF-8 without a byte order mark", bytes.TrimPrefix(body, []byte(mark)))
	add("body-bom", "the body was signed with a byte order mark that is gone", "pass the body on byte for byte, or write it without the mark", append([]byte(mark), body...))
	const charset = "keep the body as bytes; where it must be text, as UTF-8"
	if narrow, ok := latin1(body); ok {
		add("body-charset", "bytes beyond ASCII were read as Latin-1 and written as UTF-8 after the body was signed", charset, narrow)
	}
	add("body-charset", "the body was signed as UTF-8, and arrived as Latin-1", charset, fromLatin1(body))
}

// latin1 writes each character as the byte of its number.
func latin1(body []byte) ([]byte, bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	narrow := make([]byte, 0, len(body))
	for _, r := range string(body) {
		if r > 0xff {
			return nil, false
		}
		narrow = append(narrow, byte(r))
	}
	return narrow, true
}

// fromLatin1 writes each byte as the character of its number.
func fromLatin1(body []byte) []byte {
	wide := make([]byte, 0, len(body))
	for _, b := range body {
		wide = utf8.AppendRune(wide, rune(b))
	}
	return wide
}

func formChanges(body []byte, add addBody) {
	text := string(body)
	if !strings.Contains(text, "=") || strings.ContainsAny(text, "{ \n") {
		return
	}
	const what, remedy = "the form was encoded again after it was signed", "sign the encoded form that is sent, and pass it on byte for byte"
	add("body-form", what, remedy, []byte(strings.ReplaceAll(text, "+", "%20")))
	add("body-form", what, remedy, []byte(strings.ReplaceAll(text, "%20", "+")))
	if values, err := url.ParseQuery(text); err == nil {
		add("body-form", "the form's fields were put into another order after it was signed", remedy, []byte(values.Encode()))
	}
	if plain, err := url.QueryUnescape(text); err == nil {
		add("body-form", "the form was signed before it was encoded", remedy, []byte(plain))
	}
}

func withoutLineEnds(body []byte) []byte {
	return []byte(strings.NewReplacer("\r", "", "\n", "").Replace(string(body)))
}
