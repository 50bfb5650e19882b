package diagnosis

import (
	"net/url"
	"slices"
	"strings"
)

const (
	publicURL = "set PUBLIC_URL to the base of the very URL that is entered at the sender"
	rawQuery  = "pass the query on as it came: rawQueryString of an HTTP API or Function URL"
)

var urlDamages = []damage{
	{"url-scheme", "the URL was signed with https, and is taken for http here", publicURL,
		edit(func(u *url.URL) { u.Scheme = "https" })},
	{"url-scheme", "the URL was signed with http, and is taken for https here", publicURL,
		edit(func(u *url.URL) { u.Scheme = "http" })},
	{"url-port", "the URL was signed without its port", publicURL, edit(func(u *url.URL) { u.Host = u.Hostname() })},
	{"url-port", "the URL was signed with port 443", publicURL, edit(func(u *url.URL) { u.Host = u.Hostname() + ":443" })},
	{"url-stage", "the URL was signed without the first part of the path, which is a stage or mapping",
		publicURL + ", without that part", edit(func(u *url.URL) {
			_, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			u.Path, u.RawPath = "/"+rest, ""
		})},
	{"url-slash", "the URL was signed with a slash at the end of the path", "enter the URL at the sender without it",
		edit(func(u *url.URL) { u.Path, u.RawPath = u.Path+"/", "" })},
	{"url-slash", "the URL was signed without the slash at the end of the path", "enter the URL at the sender without it",
		edit(func(u *url.URL) { u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), "" })},
	{"url-query", "the URL was signed without its query", "sign the URL as it is called, query included",
		edit(func(u *url.URL) { u.RawQuery = "" })},
	{"url-query", "the URL was signed with its query decoded", rawQuery,
		edit(func(u *url.URL) { u.RawQuery, _ = url.QueryUnescape(u.RawQuery) })},
	{"url-query", "the URL's query was put into another order or encoded again after it was signed", rawQuery, otherQueries},
}

// edit returns a function that changes one part of a URL.
func edit(change func(*url.URL)) func(string) []string {
	return func(text string) []string {
		u, err := url.Parse(text)
		if err != nil {
			return nil
		}
		change(u)
		return []string{u.String()}
	}
}

// urlChanges lists the URLs that may have been signed in place of the one seen here.
func urlChanges(start Case) []change {
	seen := start.Request.URL
	if !strings.Contains(start.Scheme.Signed, "{url") || seen == "" {
		return nil
	}
	damages := slices.Clone(urlDamages)
	for _, name := range []string{"host", "x-forwarded-host"} {
		if _, host := start.value(name); host != "" {
			damages = append(damages, damage{"url-host", "the URL was signed with the host of the header " + name, publicURL,
				edit(func(u *url.URL) { u.Host = host })})
		}
	}
	if stage := start.Stage; stage != "" {
		damages = append(damages, damage{"url-stage", "the URL was signed with the stage or mapping /" + stage + " before the path",
			publicURL + ", /" + stage + " included", edit(func(u *url.URL) { u.Path, u.RawPath = "/"+stage+u.Path, "" })})
	}
	return changesOf(damages, seen, func(c *Case, signed string) bool { c.Request.URL = signed; return signed != seen })
}

// mostOrdered bounds the parameters of a query whose orders are tried: 120 of them.
const mostOrdered = 5

// otherQueries returns the URL with its parameters sorted and in every order, with blanks as + and as %20.
func otherQueries(seen string) (signed []string) {
	u, err := url.Parse(seen)
	if err != nil {
		return nil
	}
	queries := []string{u.Query().Encode()}
	if parameters := strings.Split(u.RawQuery, "&"); len(parameters) <= mostOrdered {
		queries = append(queries, orders(parameters)...)
	}
	for _, query := range queries {
		for _, u.RawQuery = range []string{query, strings.ReplaceAll(query, "+", "%20"), strings.ReplaceAll(query, "%20", "+")} {
			signed = append(signed, u.String())
		}
	}
	return signed
}

// orders returns the parameters joined in every order.
func orders(parameters []string) (joined []string) {
	if len(parameters) == 1 {
		return parameters
	}
	for i, first := range parameters {
		for _, rest := range orders(slices.Concat(parameters[:i], parameters[i+1:])) {
			joined = append(joined, first+"&"+rest)
		}
	}
	return joined
}
