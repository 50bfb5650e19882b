package vicitest

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const maxPost = 8 << 20 // PHP's post_max_size; a longer body leaves $_POST empty

// params is one request as PHP's $_GET and $_POST show it.
type params struct {
	get, post fields
	malformed bool // an array where the script wants a string: PHP 8 ends with an empty 500
}

// fields keeps the order in which keys first came, as a PHP array does; the last value of a key wins.
type fields struct {
	names  []string
	values map[string]string
	arrays bool
}

// readParams reads a request. Only the two form encodings of a POST fill $_POST.
func readParams(r *http.Request) params {
	p := params{get: parseForm(r.URL.RawQuery)}
	if r.Method == http.MethodPost {
		p.post = readPost(r)
	}
	p.malformed = p.get.arrays || p.post.arrays
	return p
}

func readPost(r *http.Request) fields {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, readErr := io.ReadAll(io.LimitReader(r.Body, maxPost+1))
	switch {
	case err != nil || readErr != nil || len(body) > maxPost:
		return fields{}
	case kind == "application/x-www-form-urlencoded":
		return parseForm(string(body))
	case kind == "multipart/form-data":
		return parseMultipart(string(body), options["boundary"])
	default:
		return fields{}
	}
}

func parseForm(text string) fields {
	var f fields
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		f.set(unescape(name), unescape(value))
	}
	return f
}

func (f *fields) set(name, value string) {
	name, _, array := strings.Cut(strings.TrimLeft(name, " "), "[")
	name = strings.NewReplacer(".", "_", " ", "_").Replace(name)
	if name == "" {
		return
	}
	if f.values == nil {
		f.values = make(map[string]string)
	}
	if _, known := f.values[name]; !known {
		f.names = append(f.names, name)
	}
	f.values[name] = value
	f.arrays = f.arrays || array && parameters[name]
}

// parameters are those that the simulated script reads.
var parameters = map[string]bool{
	"user": true, "pass": true, "agent_user": true, "function": true, "value": true, "source": true, "stage": true,
	"status": true, "phone_number": true, "ingroup_choices": true, "format": true, "DB": true, "close_window_link": true,
}

// unescape decodes what it can; PHP leaves a broken escape as it stands.
func unescape(s string) string {
	if clean, err := url.QueryUnescape(s); err == nil {
		return clean
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if c, err := url.QueryUnescape(s[i : i+3]); err == nil {
				out.WriteString(c)
				i += 2
				continue
			}
		}
		out.WriteString(strings.ReplaceAll(s[i:i+1], "+", " "))
	}
	return out.String()
}

// input is one request after cleaning: what the script works with.
type input struct {
	user, pass, agentUser, function, value, source, stage, status string
	phone, ingroup, format, debug, closeLink                      string
}

// raw gives a parameter as sent: GET wins over POST, parameter by parameter.
func (p params) raw(name string) string {
	if v, ok := p.get.values[name]; ok {
		return v
	}
	return p.post.values[name]
}

func (p params) has(name string) bool {
	_, inGet := p.get.values[name]
	_, inPost := p.post.values[name]
	return inGet || inPost
}

// last is the posted field that a loop in VICIdial leaves in $value when no value is given.
func (p params) last() string {
	if len(p.post.names) == 0 || p.has("value") {
		return ""
	}
	return p.post.names[len(p.post.names)-1]
}

func (p params) clean(r rules, nonLatin bool) input {
	set := r.clean
	if nonLatin {
		set = r.cleanUTF8
	}
	get := func(name, as string) string {
		text := p.raw(name)
		if clean := set[as]; clean != nil {
			return clean(text)
		}
		return text
	}
	value := "value"
	if last := p.last(); r.logsURLs && last != "" {
		value = last
	}
	return input{
		user: get("user", "user"), pass: get("pass", "pass"), agentUser: get("agent_user", "agent_user"),
		function: get("function", "function"), value: get(value, "value"), source: get("source", "source"),
		stage: get("stage", "stage"), status: get("status", "status"), phone: get("phone_number", "phone_number"),
		ingroup: get("ingroup_choices", "ingroup_choices"), format: get("format", "format"),
		debug: get("DB", "DB"), closeLink: get("close_window_link", "close_window_link"),
	}
}
