package vicitest

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const maxPost = 8 << 20 // PHP's post_max_size; a longer body leaves $_POST empty

// params are the parameters of one request as PHP shows them: one in the URL replaces one in the body, and the last of
// equal names wins. Only a body of a form counts.
type params struct {
	values map[string]string
	inURL  url.Values
	posted []string // names in the body, in their order
}

func readParams(r *http.Request) params {
	p := params{values: map[string]string{}, inURL: r.URL.Query()}
	for pair := range strings.SplitSeq(formBody(r), "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if !slices.Contains(p.posted, name) {
			p.posted = append(p.posted, name)
		}
		p.values[name] = value
	}
	for name, values := range p.inURL {
		p.values[name] = values[len(values)-1]
	}
	return p
}

func formBody(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxPost+1))
	if err != nil || readErr != nil || len(body) > maxPost || r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return ""
	}
	return string(body)
}

func unescape(s string) string {
	if clean, err := url.QueryUnescape(s); err == nil {
		return clean
	}
	return s
}

// valueName is the parameter that stands for value: a loop in VICIdial leaves the last posted field there when none is
// given.
func (p params) valueName() string {
	if _, given := p.values["value"]; given || len(p.posted) == 0 {
		return "value"
	}
	return p.posted[len(p.posted)-1]
}

// input is one request after cleaning: what the scripts work with.
type input struct {
	user, pass, agentUser, function, value, source, stage, status string
	header, showSubStatus                                         string
}

// Characters that a parameter loses before anything looks at it.
var (
	notOfName   = regexp.MustCompile(`[^-_0-9A-Za-z]`)
	notOfPass   = regexp.MustCompile(`[^-_0-9A-Za-z.+/=]`)
	notOfValue  = regexp.MustCompile(`[^-_0-9A-Za-z|]`)
	notOfSource = regexp.MustCompile(`[^0-9A-Za-z]`)
	quotes      = regexp.MustCompile(`['"\\;]`)
)

// clean strips the parameters as agc/api.php does, or non_agent_api.php, which takes fewer characters in a password.
func (p params) clean(nonAgent bool) input {
	without := func(name string, set *regexp.Regexp) string { return set.ReplaceAllString(p.values[name], "") }
	in := input{
		user: without("user", notOfName), pass: without("pass", notOfPass), agentUser: without("agent_user", notOfName),
		function: without("function", notOfName), value: without(p.valueName(), notOfValue), source: without("source", notOfSource),
		stage: without("stage", quotes), status: without("status", notOfName),
		header: without("header", notOfName), showSubStatus: without("show_sub_status", notOfName),
	}
	if nonAgent {
		in.pass = without("pass", notOfName)
	}
	return in
}
