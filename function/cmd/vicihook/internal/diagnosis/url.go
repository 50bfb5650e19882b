package diagnosis

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
)

// stages are the names that an API Gateway's stage mostly has.
var stages = []string{"prod", "Prod", "dev", "Dev", "stage", "Stage", "staging", "test", "v1", "api", "default"}

// addURL adds a change that puts the URL back as it was signed.
type addURL func(cause, what, remedy, signed string)

// urlChanges are the ways in which the URL that the sender signed differs from the one seen here.
func urlChanges(start attempt, stage string) (all changes) {
	seen := start.request.URL
	if !strings.Contains(start.scheme.Signed, "{url") || seen == "" {
		return nil
	}
	u, err := url.Parse(seen)
	if err != nil {
		return nil
	}
	add := func(cause, what, remedy, signed string) {
		if signed != seen {
			all.add(cause, what, remedy, func(a *attempt) bool { a.request.URL = signed; return true })
		}
	}
	origins(start, u, add)
	paths(u, stage, add)
	queries(seen, u, add)
	return all
}

const publicURL = "set PUBLIC_URL to the base of the very URL that is entered at the sender"

func origins(start attempt, u *url.URL, add addURL) {
	with := func(edit func(*url.URL)) string {
		other := *u
		edit(&other)
		return other.String()
	}
	other := map[string]string{"http": "https", "https": "http"}[u.Scheme]
	add("url-scheme", fmt.Sprintf("the URL was signed with %s, and is taken for %s here", other, u.Scheme), publicURL,
		with(func(u *url.URL) { u.Scheme = other }))
	for _, name := range []string{"host", "x-forwarded-host", "x-original-host"} {
		if _, host := start.value([]string{name}); host != "" {
			add("url-host", fmt.Sprintf("the URL was signed with the host of the header %s", name), publicURL, with(func(u *url.URL) { u.Host = host }))
		}
	}
	add("url-port", "the URL was signed without its port", publicURL, with(func(u *url.URL) { u.Host = u.Hostname() }))
	for _, port := range []string{"443", "80", "8080", "8443"} {
		add("url-port", "the URL was signed with port "+port, publicURL, with(func(u *url.URL) { u.Host = u.Hostname() + ":" + port }))
	}
	add("url-host", "the URL was signed without scheme and host", "sign the whole URL", u.RequestURI())
	add("url-case", "the URL's host was signed in lower case", publicURL, with(func(u *url.URL) { u.Host = strings.ToLower(u.Host) }))
}

// paths put in or take away what a gateway does: the stage, the key of an API mapping, a slash.
func paths(u *url.URL, stage string, add addURL) {
	origin := u.Scheme + "://" + u.Host
	path, query := u.EscapedPath(), ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	for _, name := range append([]string{stage}, stages...) {
		if name != "" {
			add("url-stage", fmt.Sprintf("the URL was signed with the stage or mapping /%s before the path", name), publicURL+", /"+name+" included", origin+"/"+name+path+query)
		}
	}
	if _, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		add("url-stage", "the URL was signed without the first part of the path, which is a stage or mapping", publicURL+", without that part", origin+"/"+rest+query)
	}
	add("url-slash", "the URL was signed with a slash at the end of the path", "enter the URL at the sender without it", origin+path+"/"+query)
	add("url-slash", "the URL was signed without the slash at the end of the path", "enter the URL at the sender without it", origin+strings.TrimSuffix(path, "/")+query)
}

func queries(seen string, u *url.URL, add addURL) {
	const raw = "pass the query on as it came: rawQueryString of an HTTP API or Function URL"
	bare, _, _ := strings.Cut(seen, "?")
	add("url-query", "the URL was signed without its query", "sign the URL as it is called, query included", bare)
	if u.RawQuery == "" {
		return
	}
	if plain, err := url.QueryUnescape(u.RawQuery); err == nil {
		add("url-query", "the URL was signed with its query decoded", raw, bare+"?"+plain)
	}
	add("url-query", "the URL's query was put into another order or encoded again after it was signed", raw, bare+"?"+u.Query().Encode())
	for query := range permutations(strings.Split(u.RawQuery, "&")) {
		query := strings.Join(query, "&")
		add("url-query", "the URL's query was put into another order after it was signed, as a sorted one is", raw, bare+"?"+query)
		for _, encode := range []*strings.Replacer{strings.NewReplacer("+", "%20"), strings.NewReplacer("%20", "+")} {
			add("url-query", "the URL's query was encoded again after it was signed", raw, bare+"?"+encode.Replace(query))
		}
	}
}

// mostOrdered bounds the parameters of a query whose orders are tried: 120 of them.
const mostOrdered = 5

// permutations yields the items in every order, their own first; only in their own when there are too many.
func permutations(items []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if len(items) > mostOrdered {
			yield(items)
			return
		}
		permute(nil, items, yield)
	}
}

func permute(chosen, rest []string, yield func([]string) bool) bool {
	if len(rest) == 0 {
		return yield(chosen)
	}
	for i, next := range rest {
		if !permute(append(slices.Clone(chosen), next), slices.Delete(slices.Clone(rest), i, i+1), yield) {
			return false
		}
	}
	return true
}
