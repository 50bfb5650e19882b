//go:build unix

package systemtest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vicihook/function/event"
	"vicihook/infra/local/stack"
)

// routes are changes of an event of the template's route to routes of a REST or HTTP API that name no source.
var routes = map[string]struct {
	front  event.Front
	change map[string]any
}{
	"REST, {proxy+} at the root":     {event.REST, map[string]any{"resource": "/{proxy+}", "pathParameters": map[string]any{"proxy": "webhooks/crm"}}},
	"REST, {proxy+} under /webhooks": {event.REST, map[string]any{"resource": "/webhooks/{proxy+}", "pathParameters": map[string]any{"proxy": "crm"}}},
	"REST, a fixed resource":         {event.REST, map[string]any{"resource": "/webhooks/crm", "pathParameters": nil}},
	"HTTP API, 1.0 on $default":      {event.REST, map[string]any{"version": "1.0", "resource": "$default", "pathParameters": nil}},
	"HTTP API, 1.0 in a named stage": {event.REST, map[string]any{"version": "1.0", "resource": "$default", "path": "/dev/webhooks/crm", "pathParameters": nil}},
	"HTTP API, 2.0 on $default":      {event.HTTPAPI, map[string]any{"routeKey": "$default", "pathParameters": nil}},
	"HTTP API, 2.0 with {proxy+}":    {event.HTTPAPI, map[string]any{"routeKey": "ANY /webhooks/{proxy+}", "pathParameters": map[string]any{"proxy": "crm"}}},
}

func TestReportsEventsOnEveryRoute(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{})
	command := buildCommand(t)
	for name, c := range routes {
		t.Run(name, func(t *testing.T) {
			body := payloadOf(b.VICIdial.NextCallID('Y'))
			payload := changed(t, eventOf(t, b.delivery(t, "crm", body), c.front), c.change)
			b.invoke(t, c.front, payload, body, "hungup")
			if printed := verified(t, command, b.Keys["crm"], payload); !strings.Contains(printed, " valid") {
				t.Errorf("vicihook verify says %q", printed)
			}
		})
	}
}

// An event that is not a delivery gets a stranger's answer. Only the log line has the reason.
func TestReportsEventsThatAreNotADelivery(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{})
	command := buildCommand(t)
	signed := b.delivery(t, "crm", payloadOf(b.call))
	forged := b.delivery(t, "crm", payloadOf(b.call))
	forged.body[2] ^= 1
	want := b.answerTo(t, eventOf(t, forged, event.REST))
	for name, c := range map[string]struct {
		payload []byte
		says    string
	}{
		"a load balancer's": {changed(t, eventOf(t, signed, event.REST), map[string]any{
			"requestContext": map[string]any{"elb": map[string]any{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/1"}},
		}), "Application Load Balancer"},
		"the console's test":      {[]byte(`{"key1":"value1","key2":"value2","key3":"value3"}`), "test event of Lambda's console"},
		"another queue's":         {[]byte(`{"Records":[{"messageId":"1","eventSource":"aws:sns","body":"{}"}]}`), "aws:sns"},
		"a payload by itself":     {signed.body, "a payload without an event"},
		"one with another body":   {changed(t, eventOf(t, signed, event.REST), map[string]any{"body": 1}), "body of the event is not of the type"},
		"one whose flag is wrong": {changed(t, eventOf(t, signed, event.REST), map[string]any{"isBase64Encoded": true}), "not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.answerTo(t, c.payload); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if line := b.lastLine(); !strings.Contains(line, c.says) || strings.Contains(line, b.call) {
				t.Errorf("the line does not say %q: %s", c.says, line)
			}
			if printed := verified(t, command, b.Keys["crm"], c.payload); !strings.Contains(printed, c.says) {
				t.Errorf("vicihook verify says %q, not %q", printed, c.says)
			}
		})
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
}

// eventOf returns the delivery as an event of a front.
func eventOf(t *testing.T, d *delivery, front event.Front) []byte {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", d.contentType)
	for name, values := range d.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	payload, err := front.Encode(r, d.body, event.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// changed returns an event with members set.
func changed(t *testing.T, payload []byte, change map[string]any) []byte {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	maps.Copy(members, change)
	payload, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// answerTo returns the whole answer to an event.
func (b *fixture) answerTo(t *testing.T, payload []byte) string {
	t.Helper()
	result, err := b.Invoke(t.Context(), payload)
	if err != nil || result.FunctionError {
		t.Fatalf("%s, %v", result.Payload, err)
	}
	return string(result.Payload)
}

// verified returns the command's output for an event.
func verified(t *testing.T, command, key string, payload []byte) string {
	t.Helper()
	verify := exec.CommandContext(t.Context(), command, "verify", "--source", "crm", "--sources", filepath.Join(bootstrap, "sources.json"))
	verify.Env = append(os.Environ(), "VICIHOOK_KEY="+key)
	verify.Stdin = bytes.NewReader(payload)
	out, err := verify.CombinedOutput()
	if err != nil && verify.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out)
}
