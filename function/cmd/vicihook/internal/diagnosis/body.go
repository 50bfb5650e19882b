package diagnosis

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

const exactBytes = "pass the body on byte for byte; curl does so with --data-binary, not with -d"

var bodyDamages = []damage{
	{"body-lost-newline", "the body was signed with a line end after it, and arrived without", exactBytes,
		func(body string) []string { return []string{body + "\n", body + "\r\n"} }},
	{"body-added-newline", "the body was signed without the line end that it arrived with", exactBytes,
		func(body string) []string { return []string{strings.TrimRight(body, "\r\n")} }},
	{"body-crlf", "the body's line ends were changed between LF and CRLF after it was signed", exactBytes, otherLineEnds},
	{"body-newlines", "the body was signed without the line ends that it arrived with", exactBytes,
		func(body string) []string { return []string{strings.NewReplacer("\r", "", "\n", "").Replace(body)} }},
	{"body-blanks", "the body was signed without the white space around it", exactBytes,
		func(body string) []string { return []string{strings.TrimSpace(body)} }},
	{"body-base64", "the body is still base64, and what it decodes to was signed",
		"decode the body once, where the event says isBase64Encoded, and verify those bytes", fromBase64},
	{"body-base64", "the body's base64 was signed, and it arrived decoded", "sign the bytes that are sent",
		func(body string) []string { return []string{base64.StdEncoding.EncodeToString([]byte(body))} }},
	{"body-bom", "the body was signed with a byte order mark and arrived without, or the other way round",
		"write the body without a byte order mark, and pass it on byte for byte",
		func(body string) []string { return []string{strings.TrimPrefix(body, "\ufeff"), "\ufeff" + body} }},
	{"body-charset", "the body was signed as Latin-1 and sent as UTF-8",
		"sign the bytes that are sent; write text as UTF-8 on both sides", toLatin1},
	{"body-form", "the form was encoded again, or its fields were put into another order, after it was signed",
		"sign the encoded form that is sent, and pass it on byte for byte", otherForms},
	{"body-unsigned", "only an empty body is signed",
		"let the sender sign the final body, the one that it sends; a stream that was read before is empty when it is read again",
		func(string) []string { return []string{""} }},
}

// bodyChanges lists the bodies that may have been signed in place of this one, for every case with a signature.
func bodyChanges(body []byte) generator {
	changes := changesOf(slices.Concat(bodyDamages, jsonDamages(body)), string(body), func(c *Case, signed string) bool {
		c.Request.Body = []byte(signed)
		return signed != string(body)
	})
	return func(c Case) []change {
		if !c.hasSignature() {
			return nil
		}
		return changes
	}
}

func otherLineEnds(body string) []string {
	unix := strings.ReplaceAll(body, "\r\n", "\n")
	windows := strings.ReplaceAll(unix, "\n", "\r\n")
	return []string{unix, windows, unix + "\n", windows + "\r\n"}
}

func fromBase64(body string) []string {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return nil
	}
	return []string{string(decoded)}
}

// toLatin1 writes each character as the byte of its number.
func toLatin1(body string) []string {
	narrow := make([]byte, 0, len(body))
	for _, r := range body {
		if r > 0xff {
			return nil
		}
		narrow = append(narrow, byte(r))
	}
	return []string{string(narrow)}
}

func otherForms(body string) []string {
	values, err := url.ParseQuery(body)
	if err != nil || !strings.Contains(body, "=") || strings.ContainsAny(body, "{ \n") {
		return nil
	}
	plain, _ := url.QueryUnescape(body) // ParseQuery undid the same escapes
	return []string{strings.ReplaceAll(body, "+", "%20"), strings.ReplaceAll(body, "%20", "+"), plain, values.Encode()}
}
