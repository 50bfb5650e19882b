package source_test

import (
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

var setUps = map[string]struct {
	scheme any
	header webhook.Header
	body   string
	want   webhook.Echo
	ok     bool
}{
	"Slack's url_verification is echoed": {
		"slack", nil, `{"type": "url_verification", "challenge": "3eZbrw1aB", ` + anyCall + `}`,
		webhook.Echo{ContentType: "application/json", Body: []byte(`{"challenge":"3eZbrw1aB"}`)}, true,
	},
	"a challenge is echoed as JSON, whatever it holds": {
		"slack", nil, `{"challenge": "\"</script>"}`,
		webhook.Echo{ContentType: "application/json", Body: []byte(`{"challenge":"\"\u003c/script\u003e"}`)}, true,
	},
	"monday's challenge is echoed by a scheme of one's own": {
		map[string]any{"kind": "token", "header": []string{"X-T"}, "challenge": map[string]string{"json": "challenge"}}, nil, `{"challenge": "abc"}`,
		webhook.Echo{ContentType: "application/json", Body: []byte(`{"challenge":"abc"}`)}, true,
	},
	"Front's challenge is echoed as text": {
		"front-app", webhook.Header{"x-front-challenge": {"abc"}}, `{` + anyCall + `}`,
		webhook.Echo{ContentType: "text/plain; charset=utf-8", Body: []byte("abc")}, true,
	},
	"Front's challenge sent twice":                       {"front-app", webhook.Header{"x-front-challenge": {"a", "b"}}, `{}`, webhook.Echo{}, false},
	"a challenge above 1 KiB is not echoed":              {"slack", nil, `{"challenge": "` + strings.Repeat("x", 1025) + `"}`, webhook.Echo{}, false},
	"a challenge that is a number":                       {"slack", nil, `{"challenge": 1}`, webhook.Echo{}, false},
	"a challenge deep in the payload":                    {"slack", nil, `{"a": {"challenge": "x"}}`, webhook.Echo{}, false},
	"a challenge in invalid JSON":                        {"slack", nil, `{"challenge": "x"`, webhook.Echo{}, false},
	"a challenge to a scheme without one":                {"github", nil, `{"challenge": "x"}`, webhook.Echo{}, false},
	"Front's challenge to another scheme":                {"slack", webhook.Header{"x-front-challenge": {"abc"}}, `{}`, webhook.Echo{}, false},
	"Help Scout's test is answered without a body":       {"helpscout", webhook.Header{"x-helpscout-event": {"helpscout.test"}}, `{` + anyCall + `}`, webhook.Echo{}, true},
	"another event of Help Scout":                        {"helpscout", webhook.Header{"x-helpscout-event": {"convo.status"}}, `{}`, webhook.Echo{}, false},
	"GitHub's ping is answered without a body":           {"github", webhook.Header{"x-github-event": {"ping"}}, `{"zen": "x", ` + anyCall + `}`, webhook.Echo{}, true},
	"Intercom's ping needs no answer, so Select sees it": {"intercom", nil, `{"type": "notification_event", "topic": "ping", ` + anyCall + `}`, webhook.Echo{}, false},
	"an ordinary delivery":                               {"slack", nil, `{` + anyCall + `}`, webhook.Echo{}, false},
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	for name, c := range setUps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, token := c.scheme.(map[string]any)
			members := map[string]any{"scheme": c.scheme}
			if token {
				members["accept_unsigned"] = true
			}
			got, ok := crm(t, members).Challenge(webhook.Request{Method: "POST", Header: c.header, Body: []byte(c.body)})
			if ok != c.ok || ok && got.ContentType != c.want.ContentType || ok && string(got.Body) != string(c.want.Body) {
				t.Errorf("got %s %q, %v", got.ContentType, got.Body, ok)
			}
		})
	}
}

func TestChallengePingsOfOtherPresets(t *testing.T) {
	t.Parallel()
	own := map[string]any{"kind": "hmac", "alg": "sha256", "header": []string{"X-Hub-Signature-256"}, "prefix": "sha256=", "encoding": "hex", "signed": "{body}"}
	for name, c := range map[string]struct {
		scheme any
		header webhook.Header
		body   string
	}{
		"GitHub's ping to another preset":      {"zendesk", webhook.Header{"x-github-event": {"ping"}}, `{` + anyCall + `}`},
		"GitHub's ping to a scheme of its own": {own, webhook.Header{"x-github-event": {"ping"}}, `{` + anyCall + `}`},
		"Help Scout's test to another preset":  {"github", webhook.Header{"x-helpscout-event": {"helpscout.test"}}, `{` + anyCall + `}`},
		"Intercom's ping to another preset":    {"github", nil, `{"type": "notification_event", "topic": "ping", ` + anyCall + `}`},
	} {
		t.Run(name+" is a delivery", func(t *testing.T) {
			t.Parallel()
			s := crm(t, map[string]any{"scheme": c.scheme})
			if _, ok := s.Challenge(webhook.Request{Header: c.header, Body: []byte(c.body)}); ok {
				t.Error("was answered as a ping")
			}
			if items, err := s.Select(t.Context(), []byte(c.body)); err != nil || len(items) != 1 || items[0].Err != nil {
				t.Errorf("got %+v, %v", items, err)
			}
		})
	}
}

func TestSelectIgnoresChallenges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ scheme, body string }{
		"Slack's url_verification":  {"slack", `{"type": "url_verification", "challenge": "x", ` + anyCall + `}`},
		"one with its name escaped": {"slack", `{"\u0063hallenge": "x", ` + anyCall + `}`},
		"one too long to be echoed": {"slack", `{"challenge": "` + strings.Repeat("x", 2000) + `", ` + anyCall + `}`},
		"Intercom's ping":           {"intercom", `{"type": "notification_event", "topic": "ping", ` + anyCall + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if items, err := crm(t, map[string]any{"scheme": c.scheme}).Select(t.Context(), []byte(c.body)); err != nil || len(items) > 0 {
				t.Errorf("got %+v, %v", items, err)
			}
		})
	}
}
