//go:build unix

package systemtest_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
)

// Requests of strangers, all of which get the same bytes.
var strangers = map[string]func(*testing.T, *fixture, *delivery){
	"a changed byte": func(_ *testing.T, _ *fixture, d *delivery) { d.body[2] ^= 1 },
	"a stale time": func(t *testing.T, b *fixture, d *delivery) {
		d.sign(t, b.Keys["crm"], time.Now().Add(-301*time.Second))
	},
	"a time to come":    func(t *testing.T, b *fixture, d *delivery) { d.sign(t, b.Keys["crm"], time.Now().Add(310*time.Second)) },
	"no signature":      func(_ *testing.T, _ *fixture, d *delivery) { d.header = webhook.Header{} },
	"no time":           func(_ *testing.T, _ *fixture, d *delivery) { delete(d.header, "webhook-timestamp") },
	"another key":       func(t *testing.T, _ *fixture, d *delivery) { d.sign(t, strings.Repeat("5e", 32), time.Now()) },
	"an unknown source": func(_ *testing.T, _ *fixture, d *delivery) { d.source = "nobody" },
	"a refused key": func(t *testing.T, b *fixture, d *delivery) {
		d.source = "github"
		d.sign(t, b.Keys["github"], time.Now())
	},
	"a source without a key": func(t *testing.T, _ *fixture, d *delivery) {
		d.source = "desk"
		d.sign(t, strings.Repeat("5e", 32), time.Now())
	},
}

func TestStrangersGetOneAnswer(t *testing.T) {
	if os.Getenv("SECRETSMANAGER_URL") != "" {
		t.Skip("counts the calls of the local Secrets Manager")
	}
	good := "1f0c9be27d63a8543e17c0d92b6f8a451f0c9be27d63a8543e17c0d92b6f8a46"
	b := newFixture(t, stack.Config{Keys: map[string]string{"crm": good, "zendesk": good, "github": "changeme"}})
	var first string
	for name, spoil := range strangers {
		d := b.delivery(t, "crm", payloadOf(b.call))
		spoil(t, b, d)
		got := b.send(t, d)
		whole := fmt.Sprintln(got.status, plain(got.header), got.body)
		if first == "" {
			first = whole
		}
		if got.status != http.StatusUnauthorized || whole != first {
			t.Errorf("%s: got %swant %s", name, whole, first)
		}
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
	for arn, stages := range map[string]map[string]int{
		b.WebhookSecretARN:  {secretsmanager.Current: 1, secretsmanager.Previous: 1},
		b.VICIdialSecretARN: {secretsmanager.Current: 1, secretsmanager.Previous: 0},
	} {
		for stage, want := range stages {
			if got := b.Secrets.Calls(arn, stage); got != want {
				t.Errorf("%s of %s was fetched %d times, want %d as at init", stage, arn, got, want)
			}
		}
	}
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "hungup" {
		t.Errorf("after the strangers the sender gets %s", got.body)
	}
}

// plain removes what differs in every answer: the date and the gateway's request id.
func plain(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	h.Del("Apigw-Requestid")
	return h
}

func TestBase64Bodies(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/octet-stream", ""} {
		b := newFixture(t, stack.Config{})
		d := b.delivery(t, "crm", payloadOf(b.call))
		d.contentType = contentType
		if got := b.send(t, d); got.Outcome != "hungup" || b.VICIdial.Listed(b.call) {
			t.Errorf("content type %q: got %s", contentType, got.body)
		}
	}
}

func TestClosedKeepAliveConnection(t *testing.T) {
	b := newFixture(t, stack.Config{})
	calls := b.VICIdial.Calls()
	for i, call := range calls {
		payload := payloadFor(call.ID, call.Agent)
		if got := b.send(t, b.delivery(t, "crm", payload)); got.Outcome != "hungup" {
			t.Errorf("webhook %d: got %s", i+1, got.body)
		}
		b.VICIdial.CloseIdle()
	}
	if n := b.VICIdial.Count("HANGUP"); n != len(calls) {
		t.Errorf("%d hang-ups for %d calls", n, len(calls))
	}
	if requests := b.VICIdial.Requests(); requests[0].Conn != requests[1].Conn {
		t.Error("HANGUP and its CHECK did not share a connection")
	}
}

func TestRepeatedDeliveryFindsNoCall(t *testing.T) {
	b := newFixture(t, stack.Config{})
	for _, want := range []string{"hungup", "no_active_call"} {
		if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != want {
			t.Errorf("got %s, want %s", got.body, want)
		}
	}
}

func TestWrongConfigurationStillAnswers(t *testing.T) {
	b := newFixture(t, stack.Config{Env: map[string]string{"REQUEST_BUDGET": "4", "RECHECK": "maybe"}})
	for range 2 {
		if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "misconfigured" || got.status != http.StatusInternalServerError {
			t.Errorf("got %d %s", got.status, got.body)
		}
	}
	named := 0
	for _, line := range b.Logs() {
		if strings.Contains(line, "REQUEST_BUDGET") && strings.Contains(line, "RECHECK") {
			named++
		}
	}
	if named != 1 {
		t.Errorf("%d log lines name both faults:\n%s", named, strings.Join(b.Logs(), "\n"))
	}
}
