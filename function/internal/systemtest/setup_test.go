//go:build unix

package systemtest_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
)

// setUpSources select the call that every body below has.
const setUpSources = `{
	"slack": {"scheme": "slack"}, "front": {"scheme": "front-app"}, "intercom": {"scheme": "intercom"},
	"helpscout": {"scheme": "helpscout"}, "github": {"scheme": "github"},
	"zendesk": {"scheme": "zendesk", "when": ".event == \"end_call\""},
	"monday": {"scheme": {"kind": "token", "header": ["X-Token"], "challenge": {"json": "challenge"}}, "accept_unsigned": true}
}`

// zendeskTestKey signs Zendesk's test of a webhook that is not saved yet. It is public.
const zendeskTestKey = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

// A setUp is a request that a sender makes to set up or test its webhook. Each names a live call.
type setUp struct {
	source, members string // members of the body, before those that name the call
	header          webhook.Header
	spoil           func(*testing.T, *fixture, *delivery)
	status          int
	contentType     string
	body            string // the whole answer, or
	outcome         string
}

var setUps = map[string]setUp{
	"Slack's url_verification is echoed": {
		source: "slack", members: `"type":"url_verification","challenge":"3eZbrw1aB",`,
		status: http.StatusOK, contentType: "application/json", body: `{"challenge":"3eZbrw1aB"}`,
	},
	"a stranger's url_verification is not": {
		source: "slack", members: `"type":"url_verification","challenge":"3eZbrw1aB",`, spoil: unsign,
		status: http.StatusUnauthorized, contentType: "application/json", outcome: "unauthorized",
	},
	"monday's challenge is echoed": {
		source: "monday", members: `"challenge":"m-1",`,
		status: http.StatusOK, contentType: "application/json", body: `{"challenge":"m-1"}`,
	},
	"Front's challenge is echoed as text": {
		source: "front", members: `"type":"sync","authorization":{"id":"cmp_abc"},`, header: webhook.Header{"x-front-challenge": {"f-1"}},
		status: http.StatusOK, contentType: "text/plain; charset=utf-8", body: "f-1",
	},
	"a stranger's challenge in Front's header is not": {
		source: "front", header: webhook.Header{"x-front-challenge": {"f-1"}}, spoil: unsign,
		status: http.StatusUnauthorized, contentType: "application/json", outcome: "unauthorized",
	},
	"Intercom's ping is ignored": {
		source: "intercom", members: `"type":"notification_event","topic":"ping",`,
		status: http.StatusOK, contentType: "application/json", outcome: "ignored",
	},
	"Help Scout's test is ignored": {
		source: "helpscout", header: webhook.Header{"x-helpscout-event": {"helpscout.test"}},
		status: http.StatusOK, contentType: "application/json", outcome: "ignored",
	},
	"GitHub's ping is ignored": {
		source: "github", members: `"zen":"x",`, header: webhook.Header{"x-github-event": {"ping"}},
		status: http.StatusOK, contentType: "application/json", outcome: "ignored",
	},
	"Zendesk's test of a saved webhook is ignored": {
		source: "zendesk", members: `"event":"test",`,
		status: http.StatusOK, contentType: "application/json", outcome: "ignored",
	},
	"Zendesk's test of an unsaved webhook, by its public key, is refused": {
		source: "zendesk", members: `"event":"end_call",`, spoil: func(t *testing.T, _ *fixture, d *delivery) { d.sign(t, zendeskTestKey, time.Now()) },
		status: http.StatusUnauthorized, contentType: "application/json", outcome: "unauthorized",
	},
}

func unsign(_ *testing.T, _ *fixture, d *delivery) {
	for name := range d.header {
		if name != "x-front-challenge" {
			delete(d.header, name)
		}
	}
}

func TestPingsAndChallengesEndNoCall(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, setUpSources)})
	for name, s := range setUps {
		t.Run(name, func(t *testing.T) { b.checkSetUp(t, s) })
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
	for _, name := range b.sources.Names() {
		b.addCallFor("")
		if got := b.send(t, b.delivery(t, name, b.naming(`"event":"end_call",`))); got.Outcome != "hungup" {
			t.Errorf("%s: what is no set-up got %s", name, got.body)
		}
	}
}

// naming returns a body that names the fixture's call.
func (b *fixture) naming(members string) string {
	return `{` + members + `"call_id":"` + b.call + `","agent_user":"1028"}`
}

func (b *fixture) checkSetUp(t *testing.T, s setUp) {
	d := b.delivery(t, s.source, b.naming(s.members))
	for name, values := range s.header {
		d.header[name] = values
	}
	if s.spoil != nil {
		s.spoil(t, b, d)
	}
	got := b.post(t, d)
	if got.status != s.status || got.header.Get("Content-Type") != s.contentType || !strings.Contains(b.lastLine(), `"outcome":"`+cmp.Or(s.outcome, "ignored")+`"`) {
		t.Errorf("got %d %q %q, want %d %q; the log:\n%s", got.status, got.header.Get("Content-Type"), got.body, s.status, s.contentType, b.lastLine())
	}
	if s.outcome == "" && got.body != s.body || s.outcome != "" && !strings.HasPrefix(got.body, `{"outcome":"`+s.outcome+`"`) {
		t.Errorf("answered %q, want %s%s", got.body, s.outcome, s.body)
	}
}
