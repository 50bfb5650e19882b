package capture

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vicihook/function/internal/webhook"
)

// What curl's options mean for the request. Those of neither list are refused: one with a value would be misread.
var (
	curlSwitches = []string{
		"-s", "--silent", "-S", "--show-error", "-k", "--insecure", "-L", "--location", "-i", "--include", "-v", "--verbose",
		"-f", "--fail", "--compressed", "--http1.1", "--http2", "-N", "--no-buffer", "-#", "--globoff", "-g",
	}
	curlIgnored = []string{
		"-o", "--output", "-m", "--max-time", "--connect-timeout", "-w", "--write-out", "-x", "--proxy", "--resolve",
		"--cacert", "-E", "--cert", "--key", "--retry",
	}
)

// A curlLine is a curl command while it is read.
type curlLine struct {
	method, url, contentType string
	header                   webhook.Header
	data                     []string
	hasData                  bool
}

// readCurl reads a command line as a POSIX shell would split it.
func readCurl(text string) (Request, error) {
	words, err := shellWords(text)
	if err != nil {
		return Request{}, err
	}
	line := curlLine{header: webhook.Header{}}
	for words = words[1:]; len(words) > 0; {
		used, err := line.option(words)
		if err != nil {
			return Request{}, err
		}
		words = words[used:]
	}
	return line.request()
}

// option reads the first option or URL and says how many words it took.
func (c *curlLine) option(words []string) (used int, err error) {
	name, value, used := splitOption(words)
	switch {
	case !strings.HasPrefix(name, "-"):
		c.url = name
		return 1, nil
	case slices.Contains(curlSwitches, name):
		return 1, nil
	case used == 0:
		return 0, unreadable(fmt.Sprintf("curl's option %s has no value", name))
	case slices.Contains(curlIgnored, name):
		return used, nil
	}
	return used, c.set(name, value)
}

// splitOption knows "-H value", "-Hvalue", "--header value" and "--header=value".
func splitOption(words []string) (name, value string, used int) {
	name = words[0]
	if long, joined, ok := strings.Cut(name, "="); ok && strings.HasPrefix(name, "--") {
		return long, joined, 1
	}
	if len(name) > 2 && name[0] == '-' && name[1] != '-' && strings.IndexByte("XHdAube", name[1]) >= 0 {
		return name[:2], name[2:], 1
	}
	if len(words) > 1 {
		return name, words[1], 2
	}
	return name, "", 0
}

func (c *curlLine) set(name, value string) error {
	switch name {
	case "-X", "--request":
		c.method = value
	case "--url":
		c.url = value
	case "-H", "--header":
		if !addHeader(c.header, value) {
			return unreadable("curl's option -H holds no header: want 'Name: value'")
		}
	case "-A", "--user-agent", "-b", "--cookie", "-e", "--referer":
		return nil // no scheme signs them
	case "-u", "--user":
		c.header["authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(value))}
	case "-d", "--data", "--data-ascii", "--data-binary", "--json":
		if strings.HasPrefix(value, "@") {
			return unreadable(fmt.Sprintf("curl's option %s reads a file: give that file with --body", name))
		}
		return c.addData(name, value)
	case "--data-raw":
		return c.addData(name, value)
	default:
		return unreadable(fmt.Sprintf("curl's option %s is not understood here: give raw HTTP text, or --body", name))
	}
	return nil
}

func (c *curlLine) addData(name, value string) error {
	c.hasData = true
	c.data = append(c.data, value)
	c.contentType = "application/x-www-form-urlencoded"
	if name == "--json" {
		c.contentType = "application/json"
	}
	return nil
}

func (c *curlLine) request() (Request, error) {
	if c.url == "" {
		return Request{}, unreadable("the curl command names no URL")
	}
	u, err := url.Parse(c.url)
	if err != nil {
		return Request{}, unreadable("the URL of the curl command can't be read")
	}
	if c.method == "" {
		c.method = http.MethodGet
		if c.hasData {
			c.method = http.MethodPost
		}
	}
	if c.header["content-type"] == nil && c.hasData {
		c.header["content-type"] = []string{c.contentType}
	}
	return Request{
		Form:    Curl,
		Source:  sourceOf(u.Path),
		Request: webhook.Request{Method: c.method, URL: c.url, Header: c.header, Body: []byte(strings.Join(c.data, "&"))},
	}, nil
}
