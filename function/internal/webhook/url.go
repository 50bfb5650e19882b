package webhook

import "strings"

// hubspotEscapes decodes exactly the escapes that HubSpot decodes before it signs a URL: those in capitals, in one pass.
var hubspotEscapes = strings.NewReplacer("%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";")

// withOtherPort returns url without its port, or with the default port if it has none.
func withOtherPort(url string) string {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return url
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Trim(host[i:], ":0123456789") == "" {
		return scheme + "://" + host[:i] + tail
	}
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return scheme + "://" + host + port + tail
}
