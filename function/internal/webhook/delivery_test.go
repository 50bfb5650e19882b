package webhook_test

import (
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

func TestDeliveryID(t *testing.T) {
	t.Parallel()
	const github = "x-github-delivery"
	tests := map[string]struct {
		scheme, header string
		values         []string
		want           string
	}{
		"the header that names deliveries": {"github", github, []string{"72d3162e-cc78-11e3"}, "72d3162e-cc78-11e3"},
		"the id that is signed":            {"standard-webhooks", "webhook-id", []string{"msg_1"}, "msg_1"},
		"the id under its second name":     {"svix", "webhook-id", []string{"msg_1"}, "msg_1"},
		"a scheme without any":             {"intercom", "x-id", []string{"1"}, ""},
		"an absent one":                    {"github", "x-id", []string{"1"}, ""},
		"a repeated one":                   {"github", github, []string{"1", "2"}, ""},
		"one as long as may be":            {"github", github, []string{strings.Repeat("1", 256)}, strings.Repeat("1", 256)},
		"one of the first and last signs":  {"github", github, []string{"! ~"}, "! ~"},
		"one too long for a log":           {"github", github, []string{strings.Repeat("1", 257)}, ""},
		"one with a line break":            {"github", github, []string{"1\n2"}, ""},
		"one with a control character":     {"github", github, []string{"\x1b[31m1"}, ""},
		"one beyond ASCII":                 {"github", github, []string{"é"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhook.Request{Header: webhook.Header{test.header: test.values}}
			if got := compile(t, preset(t, test.scheme)).DeliveryID(r); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	const slack, front, header, json, text = "slack", "front-app", "x-front-challenge", "application/json", "text/plain; charset=utf-8"
	tests := map[string]struct {
		scheme, body string
		challenge    []string
		contentType  string
		answer       string // empty: no challenge
	}{
		"Slack's is echoed as JSON":            {slack, `{"token":"x","challenge":"3eZbrw1a","type":"url_verification"}`, nil, json, `{"challenge":"3eZbrw1a"}`},
		"escapes are kept":                     {slack, `{"challenge":"a\u0022<b"}`, nil, json, `{"challenge":"a\u0022\u003cb"}`},
		"an event is not a challenge":          {slack, `{"type":"event_callback","event":{"challenge":"a"}}`, nil, "", ""},
		"a challenge that is no string":        {slack, `{"challenge":{"a":1}}`, nil, "", ""},
		"a challenge without a value":          {slack, `{"challenge": }`, nil, "", ""},
		"a challenge that appears twice":       {slack, `{"challenge":"a","challenge":"b"}`, nil, "", ""},
		"text after the object makes it none":  {slack, `{"challenge":"a"} x`, nil, "", ""},
		"a form is not a challenge":            {slack, `challenge=a`, nil, "", ""},
		"one as long as may be is echoed":      {slack, `{"challenge":"` + strings.Repeat("a", 1022) + `"}`, nil, json, `{"challenge":"` + strings.Repeat("a", 1022) + `"}`},
		"one in the longest body is echoed":    {slack, `{"challenge":"a"}` + strings.Repeat(" ", 4079), nil, json, `{"challenge":"a"}`},
		"a header as long as may be is echoed": {front, `{}`, []string{strings.Repeat("a", 1024)}, text, strings.Repeat("a", 1024)},
		"a challenge that is too long":         {slack, `{"challenge":"` + strings.Repeat("a", 1023) + `"}`, nil, "", ""},
		"a challenge in a long body":           {slack, `{"challenge":"a"}` + strings.Repeat(" ", 4080), nil, "", ""},
		"Slack does not ask by a header":       {slack, `{}`, []string{"a"}, "", ""},
		"Front's is echoed as text":            {front, `{}`, []string{"c7d1"}, text, "c7d1"},
		"an empty header":                      {front, `{}`, []string{""}, "", ""},
		"a repeated header":                    {front, `{}`, []string{"a", "b"}, "", ""},
		"a long header":                        {front, `{}`, []string{strings.Repeat("a", 1025)}, "", ""},
		"Front does not ask by the body":       {front, `{"challenge":"a"}`, nil, "", ""},
		"GitHub asks nothing":                  {"github", `{"challenge":"a"}`, []string{"a"}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhook.Request{Body: []byte(test.body), Header: webhook.Header{header: test.challenge}}
			echo, ok := compile(t, preset(t, test.scheme)).Challenge(r)
			if ok != (test.answer != "") {
				t.Fatalf("got %t, %s", ok, echo.Body)
			}
			if ok && (echo.ContentType != test.contentType || string(echo.Body) != test.answer) {
				t.Errorf("got %s %s", echo.ContentType, echo.Body)
			}
		})
	}
}
