package webhook

import "strings"

// decodeURL undoes exactly the escapes that HubSpot undoes before it signs a URL, upper case only, in one pass.
func decodeURL(url string) string {
	if !strings.Contains(url, "%") {
		return url
	}
	var b strings.Builder
	for i := 0; i < len(url); i++ {
		if i+3 <= len(url) && url[i] == '%' {
			if c := hubspotEscape(url[i+1 : i+3]); c != 0 {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(url[i])
	}
	return b.String()
}

func hubspotEscape(digits string) byte {
	const escapes, characters = "3A 2F 3F 40 21 24 27 28 29 2A 2C 3B", ":/?@!$'()*,;"
	if i := strings.Index(escapes, digits); i >= 0 && i%3 == 0 {
		return characters[i/3]
	}
	return 0
}

// withOtherPort returns url with its port taken away, or with the default port put in.
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
