package gateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/infra/local/apigw"
)

// through returns the request that the handler gets for an event, and the gateway's answer.
func through(t *testing.T, public string, payload []byte) (got hangup.Request, answer []byte) {
	t.Helper()
	g := gateway.Gateway{PublicURL: public, Handle: func(_ context.Context, r hangup.Request) hangup.Answer {
		got = r
		return hangup.Answer{Status: http.StatusServiceUnavailable, Header: map[string]string{"retry-after": "30"}, Body: []byte(`{"outcome":"unavailable"}`)}
	}}
	answer, err := g.Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return got, answer
}

// delivery returns a sender's request.
func delivery(t *testing.T, front event.Front, target, contentType string, body []byte) []byte {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	r.Header.Set("Webhook-Id", "msg_1")
	r.Header.Add("X-Twice", "a")
	r.Header.Add("X-Twice", "b")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	payload, err := front.Encode(r, body, event.Options{RequestID: "req-1", Time: time.UnixMilli(1_790_000_000_123)})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestEveryFrontDeliversTheSameRequest(t *testing.T) {
	bodies := map[string]struct {
		contentType string
		body        []byte
	}{
		"plain JSON":             {"application/json", []byte(`{"call_id":"é"}` + "\n")},
		"a form, base64 on HTTP": {"application/x-www-form-urlencoded", []byte("a=1&b=2")},
		"no content type":        {"", []byte("{}")},
		"binary":                 {"application/octet-stream", []byte("\x00\xff")},
	}
	for _, front := range event.Fronts() {
		for name, c := range bodies {
			if front == event.REST && name == "binary" {
				continue // a REST API without binary media types spoils them before any function sees them
			}
			t.Run(fmt.Sprintf("%s through %s", name, front), func(t *testing.T) {
				got, _ := through(t, "https://hooks.example.com/", delivery(t, front, "/webhooks/crm", c.contentType, c.body))
				if got.Source != "crm" || got.ID != "req-1" || got.ContentType != c.contentType || got.Webhook.Method != http.MethodPost {
					t.Errorf("got %+v", got)
				}
				if !bytes.Equal(got.Webhook.Body, c.body) {
					t.Errorf("body %q, want %q", got.Webhook.Body, c.body)
				}
				if !got.Received.Equal(time.UnixMilli(1_790_000_000_123)) {
					t.Errorf("received %v", got.Received)
				}
				if got.Webhook.URL != "https://hooks.example.com/webhooks/crm" {
					t.Errorf("URL %q", got.Webhook.URL)
				}
				if id := got.Webhook.Header["webhook-id"]; len(id) != 1 || id[0] != "msg_1" {
					t.Errorf("webhook-id %q", id)
				}
			})
		}
	}
}

func TestRepeatedHeader(t *testing.T) {
	for front, want := range map[event.Front]string{event.HTTPAPI: "a,b", event.FunctionURL: "a,b", event.REST: "a|b"} {
		got, _ := through(t, "", delivery(t, front, "/webhooks/crm", "", nil))
		if twice := strings.Join(got.Webhook.Header["x-twice"], "|"); twice != want {
			t.Errorf("%s: %q, want %q", front, twice, want)
		}
	}
}

func TestTwoSpellingsOfAHeader(t *testing.T) {
	got, _ := through(t, "", []byte(`{"httpMethod":"POST","headers":{"X-Sig":"a","x-sig":"b"}}`))
	if values := got.Webhook.Header["x-sig"]; len(values) != 2 {
		t.Errorf("got %q", values)
	}
}

func TestSenderAddress(t *testing.T) {
	for address, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::ffff:198.51.100.7": "198.51.100.7",
		"fe80::1%eth0": "fe80::/64", "": "", "a name": "",
	} {
		for _, shape := range []string{
			`{"requestContext":{"http":{"method":"POST","sourceIp":%q}}}`,
			`{"httpMethod":"POST","requestContext":{"identity":{"sourceIp":%q}}}`,
		} {
			if got, _ := through(t, "", fmt.Appendf(nil, shape, address)); got.Sender != want {
				t.Errorf("%q in %s: got %q, want %q", address, shape, got.Sender, want)
			}
		}
	}
}

func TestURL(t *testing.T) {
	urls := map[string]struct {
		front          event.Front
		public, target string
		want           string
	}{
		"with its raw query":          {event.HTTPAPI, "https://h.example.com", "/webhooks/crm?b=%2F&a=1", "https://h.example.com/webhooks/crm?b=%2F&a=1"},
		"behind a mapping":            {event.HTTPAPI, "https://h.example.com/map/", "/webhooks/crm", "https://h.example.com/map/webhooks/crm"},
		"without a public base":       {event.HTTPAPI, "", "/webhooks/crm", ""},
		"of REST without a query":     {event.REST, "https://h.example.com", "/webhooks/crm", "https://h.example.com/webhooks/crm"},
		"of REST with a query":        {event.REST, "https://h.example.com", "/webhooks/crm?a=1", ""},
		"of a Function URL":           {event.FunctionURL, "https://h.example.com", "/webhooks/crm?a=1", "https://h.example.com/webhooks/crm?a=1"},
		"of a path without the route": {event.FunctionURL, "https://h.example.com", "/other", ""},
	}
	for name, c := range urls {
		t.Run(name, func(t *testing.T) {
			got, _ := through(t, c.public, delivery(t, c.front, c.target, "", nil))
			if got.Webhook.URL != c.want {
				t.Errorf("got %q, want %q", got.Webhook.URL, c.want)
			}
		})
	}
}

func TestBodyLimitAndEncoding(t *testing.T) {
	encoded := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	bodies := map[string]struct {
		body                  string
		base64                bool
		tooLarge, undecodable bool
	}{
		"at the limit":                      {strings.Repeat("a", hangup.MaxBody), false, false, false},
		"a byte above the limit":            {strings.Repeat("a", hangup.MaxBody+1), false, true, false},
		"at the limit, base64":              {encoded(hangup.MaxBody), true, false, false},
		"a byte above the limit, base64":    {encoded(hangup.MaxBody + 1), true, true, false},
		"ten bytes above the limit, base64": {encoded(hangup.MaxBody + 10), true, true, false},
		"isBase64Encoded without base64":    {"{}", true, false, true},
		"base64 with trailing bits":         {"eh==", true, false, true},
	}
	for name, c := range bodies {
		t.Run(name, func(t *testing.T) {
			payload, _ := json.Marshal(map[string]any{"httpMethod": "POST", "body": c.body, "isBase64Encoded": c.base64})
			got, _ := through(t, "", payload)
			if got.TooLarge != c.tooLarge || (got.Undecodable != nil) != c.undecodable {
				t.Errorf("too large %v, undecodable %v", got.TooLarge, got.Undecodable)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	_, answer := through(t, "", delivery(t, event.HTTPAPI, "/webhooks/crm", "", nil))
	for _, front := range event.Fronts() {
		response, err := apigw.Answer(front, answer)
		if err != nil {
			t.Fatal(err)
		}
		if response.Status != 503 || response.Header.Get("Retry-After") != "30" || string(response.Body) != `{"outcome":"unavailable"}` {
			t.Errorf("%s: %+v", front, response)
		}
	}
}

func FuzzInvoke(f *testing.F) {
	for _, front := range event.Fronts() {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/crm?a=1", strings.NewReader("{}"))
		payload, err := front.Encode(r, []byte("{}"), event.Options{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		g := gateway.Gateway{PublicURL: "https://h.example.com", Handle: func(_ context.Context, r hangup.Request) hangup.Answer {
			if len(r.Webhook.Body) > hangup.MaxBody && !r.TooLarge {
				t.Errorf("a body of %d bytes passes", len(r.Webhook.Body))
			}
			for name := range r.Webhook.Header {
				if name != strings.ToLower(name) {
					t.Errorf("header %q", name)
				}
			}
			return hangup.Answer{Status: 200}
		}}
		if answer, err := g.Invoke(context.Background(), payload); err != nil || !json.Valid(answer) {
			t.Errorf("answer %q: %v", answer, err)
		}
	})
}
