package event

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// hopByHop are the headers for the connection alone, which do not reach the function.
var hopByHop = []string{"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

// receivedHeader returns the header that the front passes on, with names as sent and with names in lower case.
func receivedHeader(r *http.Request, o Options) (asSent, lower map[string][]string) {
	asSent, lower = map[string][]string{}, map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if folded := strings.ToLower(name); !slices.Contains(hopByHop, folded) {
			asSent[name] = r.Header[name]
			lower[folded] = append(lower[folded], r.Header[name]...)
		}
	}
	set := func(name, value string) {
		maps.DeleteFunc(asSent, func(spelling string, _ []string) bool { return strings.EqualFold(spelling, name) })
		asSent[name], lower[strings.ToLower(name)] = []string{value}, []string{value}
	}
	id := make([]byte, 12)
	rand.Read(id)
	set("X-Amzn-Trace-Id", cmp.Or(commaJoined(lower["x-amzn-trace-id"]), fmt.Sprintf("Root=1-%08x-%x", o.Time.Unix(), id)))
	set("X-Forwarded-For", strings.Join(append(lower["x-forwarded-for"], o.SourceIP), ", "))
	set("X-Forwarded-Port", "443")
	set("X-Forwarded-Proto", "https")
	set("Host", cmp.Or(r.Host, r.URL.Host))
	return asSent, lower
}

// queryParameters returns the decoded query; nil for an empty one.
func queryParameters(r *http.Request) map[string][]string {
	if r.URL.RawQuery == "" {
		return nil
	}
	return r.URL.Query()
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

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}
