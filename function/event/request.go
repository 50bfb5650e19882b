package event

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

// receivedHeader returns the header of r without what is for the connection alone, and with what a front adds.
func receivedHeader(r *http.Request, o Options) http.Header {
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isHopByHop(name) })
	replace(h, "X-Forwarded-For", strings.Join(append(valuesOf(h, "X-Forwarded-For"), o.SourceIP), ", "))
	replace(h, "X-Forwarded-Port", "443")
	replace(h, "X-Forwarded-Proto", "https")
	replace(h, "X-Amzn-Trace-Id", cmp.Or(commaJoined(valuesOf(h, "X-Amzn-Trace-Id")), newTraceID(o.Time)))
	replace(h, "Host", cmp.Or(r.Host, r.URL.Host))
	return h
}

// isHopByHop reports whether a header is meant for the connection and not for the function.
func isHopByHop(name string) bool {
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

// valuesOf returns the values of every spelling of name.
func valuesOf(h http.Header, name string) []string {
	var values []string
	for _, spelling := range slices.Sorted(maps.Keys(h)) {
		if strings.EqualFold(spelling, name) {
			values = append(values, h[spelling]...)
		}
	}
	return values
}

// replace sets one value in place of every spelling of name.
func replace(h http.Header, name, value string) {
	maps.DeleteFunc(h, func(spelling string, _ []string) bool { return strings.EqualFold(spelling, name) })
	h[name] = []string{value}
}

// lowerCased returns the headers as format 2.0 has them: one value each, duplicates joined, cookies apart.
func lowerCased(h http.Header, bodyLength int) map[string]string {
	headers := make(map[string]string, len(h))
	for spelling := range h {
		headers[strings.ToLower(spelling)] = commaJoined(valuesOf(h, spelling))
	}
	delete(headers, "cookie")
	headers["content-length"] = strconv.Itoa(bodyLength)
	return headers
}

func cookies(h http.Header) []string {
	var all []string
	for _, line := range valuesOf(h, "Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				all = append(all, cookie)
			}
		}
	}
	return all
}

// queryParameters decodes a query; nil stands for none. A part that can't be decoded stays as it is.
func queryParameters(raw string) map[string][]string {
	var values map[string][]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		if values == nil {
			values = map[string][]string{}
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescaped(name), unescaped(value)
		values[name] = append(values[name], value)
	}
	return values
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// oneValueEach reduces every list to one value; nil stays nil.
func oneValueEach(lists map[string][]string, reduce func([]string) string) map[string]string {
	if lists == nil {
		return nil
	}
	single := make(map[string]string, len(lists))
	for name, values := range lists {
		single[name] = reduce(values)
	}
	return single
}

func commaJoined(values []string) string { return strings.Join(values, ",") }

func last(values []string) string { return values[len(values)-1] }

// isText reports whether format 2.0 leaves a body of this content type as it is.
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
