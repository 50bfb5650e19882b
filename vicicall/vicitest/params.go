package vicitest

import (
	"net/http"
	"regexp"
)

// A form is the parameters of one request as PHP shows them: one in the URL replaces one in the body, and the last of
// equal names wins. Only the body of a form is read.
type form map[string]string

func readForm(r *http.Request) form {
	_ = r.ParseForm() // PHP, too, takes what it could read
	f := form{}
	for name, values := range r.Form {
		f[name] = values[len(values)-1]
	}
	return f
}

// input is one request after cleaning: what the scripts work with.
type input struct {
	user, pass, agentUser, function, value, source, stage, status string
	subStatus                                                     bool // show_sub_status=YES
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
func (f form) clean(nonAgent bool) input {
	without := func(name string, set *regexp.Regexp) string { return set.ReplaceAllString(f[name], "") }
	in := input{
		user: without("user", notOfName), pass: without("pass", notOfPass), agentUser: without("agent_user", notOfName),
		function: without("function", notOfName), value: without("value", notOfValue), source: without("source", notOfSource),
		stage: without("stage", quotes), status: without("status", notOfName), subStatus: f["show_sub_status"] == "YES",
	}
	if nonAgent {
		in.pass = without("pass", notOfName)
	}
	return in
}
