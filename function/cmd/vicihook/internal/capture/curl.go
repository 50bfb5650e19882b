package capture

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"vicihook/function/internal/webhook"
)

// curl's options that do not change what is signed. Other options are refused, since their values would be misread.
var (
	curlSwitches = strings.Fields(`-s --silent -S --show-error -k --insecure -L --location -i --include -v --verbose -f --fail
		--compressed --http1.1 --http2 -N --no-buffer -# --globoff -g`)
	curlIgnored = strings.Fields(`-o --output -m --max-time --connect-timeout -w --write-out -x --proxy --resolve --cacert
		-E --cert --key --retry -A --user-agent -b --cookie -e --referer`)
)

// joinable are the short options whose value may follow without a blank.
const joinable = "XHdAube"

// readCurl reads a command line, split as a shell does.
func readCurl(text string) (Request, error) {
	words, err := shellWords(text)
	if err != nil {
		return Request{}, err
	}
	c := curlCommand{header: webhook.Header{}}
	for words = words[1:]; len(words) > 0; {
		if words, err = c.option(words); err != nil {
			return Request{}, err
		}
	}
	return c.request()
}

// shellWords splits a command line and removes its quotes, $'…' too. It runs nothing, and $NAME stays as it is.
func shellWords(text string) ([]string, error) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\\\r\n", "\\\n")
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\x00") {
		return nil, unreadable("the command line contains a carriage return or bytes that are not text: give the body with --body")
	}
	var words []string
	for word, err := range syntax.NewParser().WordsSeq(strings.NewReader(text)) {
		if wrong, ok := errors.AsType[syntax.ParseError](err); ok {
			return nil, unreadable(fmt.Sprintf("the command line can't be split at line %d, column %d: a quote is not closed, or a character such as & or ; is outside quotes",
				wrong.Pos.Line(), wrong.Pos.Col()))
		}
		if err != nil || computes(word) {
			return nil, unreadable("the command line contains something that a shell computes, such as $(…) or {1..9}: replace it by what was sent")
		}
		fields, err := expand.Fields(&keepVariables, word)
		if err != nil {
			return nil, unreadable("the command line has a word that can't be read")
		}
		words = append(words, fields...)
	}
	return words, nil
}

var keepVariables = expand.Config{Env: expand.FuncEnviron(func(name string) string { return "$" + name })}

// computes reports whether a shell would do more with the word than remove quotes and insert variables.
func computes(word *syntax.Word) (found bool) {
	if syntax.SplitBraces(word) {
		return true
	}
	syntax.Walk(word, func(node syntax.Node) bool {
		switch part := node.(type) {
		case nil, *syntax.Word, *syntax.Lit, *syntax.SglQuoted, *syntax.DblQuoted:
		case *syntax.ParamExp:
			found = found || !part.Short
		default:
			found = true
		}
		return !found
	})
	return found
}

// A curlCommand is the part of a curl command that was read so far.
type curlCommand struct {
	method, url, contentType string
	header                   webhook.Header
	data                     []string
}

// option reads the first option or URL and returns the words after it.
func (c *curlCommand) option(words []string) (rest []string, err error) {
	word := words[0]
	for len(word) > 2 && word[1] != '-' && slices.Contains(curlSwitches, word[:2]) { // -sSX is -s -S -X
		word = "-" + word[2:]
	}
	name, value, joined := splitOption(word)
	rest = words[1:]
	switch {
	case !strings.HasPrefix(name, "-"):
		c.url = name
		return rest, nil
	case slices.Contains(curlSwitches, name):
		return rest, nil
	case !joined && len(rest) == 0:
		return nil, unreadable(fmt.Sprintf("curl's option %s has no value", name))
	case !joined:
		value, rest = rest[0], rest[1:]
	}
	return rest, c.set(name, value)
}

// splitOption splits "-Hvalue" and "--header=value".
func splitOption(word string) (name, value string, joined bool) {
	switch {
	case strings.HasPrefix(word, "--"):
		return strings.Cut(word, "=")
	case len(word) > 2 && word[0] == '-' && strings.IndexByte(joinable, word[1]) >= 0:
		return word[:2], word[2:], true
	}
	return word, "", false
}

func (c *curlCommand) set(name, value string) error {
	switch name {
	case "-X", "--request":
		c.method = value
	case "--url":
		c.url = value
	case "-H", "--header":
		if !addHeader(c.header, value) {
			return unreadable("curl's option -H has no header: want 'Name: value'")
		}
	case "-u", "--user":
		c.header["authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(value))}
	case "-d", "--data", "--data-ascii", "--data-binary", "--data-raw", "--json":
		if strings.HasPrefix(value, "@") && name != "--data-raw" {
			return unreadable(fmt.Sprintf("curl's option %s reads a file: give that file with --body", name))
		}
		c.data = append(c.data, value)
		c.contentType = "application/x-www-form-urlencoded"
		if name == "--json" {
			c.contentType = "application/json"
		}
	default:
		if !slices.Contains(curlIgnored, name) {
			return unreadable(fmt.Sprintf("curl's option %s is not understood here: give raw HTTP text, or --body", name))
		}
	}
	return nil
}

func (c *curlCommand) request() (Request, error) {
	if c.url == "" {
		return Request{}, unreadable("the curl command names no URL")
	}
	u, err := url.Parse(c.url)
	if err != nil {
		return Request{}, unreadable("the URL of the curl command can't be read")
	}
	if c.method == "" {
		c.method = http.MethodGet
		if c.data != nil {
			c.method = http.MethodPost
		}
	}
	if c.header["content-type"] == nil && c.data != nil {
		c.header["content-type"] = []string{c.contentType}
	}
	return Request{
		Form:    Curl,
		Source:  sourceOf(u.Path),
		Request: webhook.Request{Method: c.method, URL: c.url, Header: c.header, Body: []byte(strings.Join(c.data, "&"))},
	}, nil
}
