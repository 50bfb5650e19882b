package capture

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"vicihook/function/internal/webhook"
)

var requestLine = regexp.MustCompile(`^([A-Z]+) (\S+)(?: HTTP/[0-9.]+)?$`)

// readRaw reads HTTP/1 text. Lines may end in LF alone, as they do in pasted text; the body is read as it is.
func readRaw(text []byte) (Request, error) {
	head, body := cutHead(string(text))
	lines := strings.Split(strings.ReplaceAll(head, "\r\n", "\n"), "\n")
	r := Request{Form: RawHTTP, Request: webhook.Request{Method: http.MethodPost, Header: webhook.Header{}}}
	target := ""
	if match := requestLine.FindStringSubmatch(lines[0]); match != nil {
		r.Method, target = match[1], match[2]
		lines = lines[1:]
	}
	for i, line := range lines {
		if line != "" && !addHeader(r.Header, line) {
			return Request{}, unreadable(fmt.Sprintf("line %d of the head is not a header: want raw HTTP, a curl command or an API Gateway event", i+1))
		}
	}
	if len(r.Header) == 0 {
		return Request{}, unreadable("it has no header")
	}
	if err := r.locate(target); err != nil {
		return Request{}, err
	}
	r.Body = []byte(body)
	return r, nil
}

// cutHead splits at the first empty line.
func cutHead(text string) (head, body string) {
	crlf, lf := strings.Index(text, "\r\n\r\n"), strings.Index(text, "\n\n")
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return text[:crlf], text[crlf+4:]
	case lf >= 0:
		return text[:lf], text[lf+2:]
	}
	return text, ""
}

// locate sets URL and source from the request target and the Host header.
func (r *Request) locate(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return unreadable("its request line has no URL")
	}
	r.Source = sourceOf(u.Path)
	switch host := one(r.Header, "host"); {
	case u.Host != "":
		r.URL = target
	case host != "" && target != "":
		r.URL = "https://" + host + target
	}
	return nil
}
