package apigw

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// arrived gives the headers of r with those that the gateway sets, each name in the case that it was sent in.
func arrived(r *http.Request, o Options) http.Header {
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return endsHere(name) })
	forwarded := append(valuesOf(h, "X-Forwarded-For"), o.SourceIP)
	replace(h, "X-Forwarded-For", strings.Join(forwarded, ", "))
	replace(h, "X-Forwarded-Port", "443")
	replace(h, "X-Forwarded-Proto", "https")
	replace(h, "X-Amzn-Trace-Id", cmp.Or(strings.Join(valuesOf(h, "X-Amzn-Trace-Id"), ","), newTraceID(o.Time)))
	replace(h, "Host", cmp.Or(r.Host, r.URL.Host))
	return h
}

// endsHere says whether a header is meant for the connection and not for the function.
func endsHere(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

func newTraceID(at time.Time) string {
	b := make([]byte, 12)
	rand.Read(b)
	return fmt.Sprintf("Root=1-%08x-%s", at.Unix(), hex.EncodeToString(b))
}

// valuesOf gives the values of every spelling of name.
func valuesOf(h http.Header, name string) []string {
	var values []string
	for _, spelling := range slices.Sorted(maps.Keys(h)) {
		if strings.EqualFold(spelling, name) {
			values = append(values, h[spelling]...)
		}
	}
	return values
}

// replace puts one value in the place of every spelling of name.
func replace(h http.Header, name, value string) {
	maps.DeleteFunc(h, func(spelling string, _ []string) bool { return strings.EqualFold(spelling, name) })
	h[name] = []string{value}
}

// folded lower-cases names and joins duplicates by comma, and gives the cookies apart, as format 2.0 does.
func folded(h http.Header, bodyLength int) (headers map[string]string, cookies []string) {
	headers = make(map[string]string, len(h))
	for _, spelling := range slices.Sorted(maps.Keys(h)) {
		name, value := strings.ToLower(spelling), strings.Join(h[spelling], ",")
		if before, ok := headers[name]; ok {
			value = before + "," + value
		}
		headers[name] = value
	}
	for _, line := range valuesOf(h, "Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				cookies = append(cookies, cookie)
			}
		}
	}
	delete(headers, "cookie")
	headers["content-length"] = strconv.Itoa(bodyLength)
	return headers, cookies
}

// parameters decodes a query. A part that can't be decoded stays as it is.
func parameters(raw string) map[string][]string {
	values := map[string][]string{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = decoded(name), decoded(value)
		values[name] = append(values[name], value)
	}
	return values
}

func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// each maps every list of values to one value; nil stays for none.
func each(lists map[string][]string, one func([]string) string) map[string]string {
	if len(lists) == 0 {
		return nil
	}
	single := make(map[string]string, len(lists))
	for name, values := range lists {
		single[name] = one(values)
	}
	return single
}

func commaJoined(values []string) string { return strings.Join(values, ",") }
func last(values []string) string        { return values[len(values)-1] }

// isText says whether format 2.0 leaves a body of this content type as it is.
func isText(contentType string) bool {
	switch media := mediaType(contentType); media {
	case "application/json", "application/xml", "application/javascript":
		return true
	default:
		return strings.HasPrefix(media, "text/")
	}
}

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}
