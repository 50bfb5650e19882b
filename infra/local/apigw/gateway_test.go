package apigw_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/event"
	"vicihook/infra/local/apigw"
)

func TestResponses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		front   event.Front
		payload string
		want    string // status, content type, body
	}{
		"a whole answer":                                {event.HTTPAPI, `{"statusCode":503,"headers":{"content-type":"application/json","Retry-After":"30"},"body":"{}"}`, "503 application/json {}"},
		"text when no content type is given":            {event.HTTPAPI, `{"statusCode":200,"body":"hi"}`, "200 text/plain; charset=utf-8 hi"},
		"JSON when a REST API gets no content type":     {event.REST, `{"statusCode":200,"body":"hi"}`, "200 application/json hi"},
		"a base64 body":                                 {event.FunctionURL, `{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, "200 text/plain; charset=utf-8 hi"},
		"a broken base64 body":                          {event.HTTPAPI, `{"statusCode":200,"body":"?","isBase64Encoded":true}`, "500"},
		"format 2.0 takes JSON without status as a 200": {event.HTTPAPI, `{"outcome":"hungup"}`, `200 application/json {"outcome":"hungup"}`},
		"format 2.0 takes an array as a 200":            {event.HTTPAPI, `[1]`, `200 application/json [1]`},
		"a REST API needs a status":                     {event.REST, `{"outcome":"hungup"}`, "502"},
		"a status that is text":                         {event.HTTPAPI, `{"statusCode":"ok"}`, "500"},
		"a status that HTTP does not have":              {event.HTTPAPI, `{"statusCode":0}`, "500"},
		"a body that is not text":                       {event.HTTPAPI, `{"statusCode":200,"body":{}}`, "500"},
		"no JSON":                                       {event.FunctionURL, `oops`, "502"},
		"nothing":                                       {event.HTTPAPI, ``, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := apigw.Answer(c.front, []byte(c.payload))
			got := fmt.Sprintf("%d %s %s", r.Status, r.Header.Get("Content-Type"), r.Body)
			if err != nil {
				if !errors.Is(err, apigw.ErrFunction) {
					t.Errorf("error %v, want ErrFunction", err)
				}
				got = fmt.Sprint(apigw.Failure(c.front, err).Status)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMultiValueHeadersAndCookies(t *testing.T) {
	t.Parallel()
	r, err := apigw.Answer(event.REST, []byte(`{"statusCode":200,"multiValueHeaders":{"x-a":["1","2"]},"body":""}`))
	if err != nil || fmt.Sprint(r.Header["X-A"]) != "[1 2]" {
		t.Errorf("REST: %v, %v", r.Header, err)
	}
	r, err = apigw.Answer(event.HTTPAPI, []byte(`{"statusCode":200,"cookies":["a=1","b=2"],"body":""}`))
	if err != nil || fmt.Sprint(r.Header["Set-Cookie"]) != "[a=1 b=2]" {
		t.Errorf("HTTP API: %v, %v", r.Header, err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		front event.Front
		err   error
		want  string
	}{
		"HTTP API, no route":            {event.HTTPAPI, event.ErrNoRoute, `404 {"message":"Not Found"}`},
		"HTTP API, too large":           {event.HTTPAPI, apigw.ErrTooLarge, `413 {"message":"Request Entity Too Large"}`},
		"HTTP API, throttled":           {event.HTTPAPI, apigw.ErrThrottled, `503 {"message":"Service Unavailable"}`},
		"HTTP API, too slow":            {event.HTTPAPI, apigw.ErrTimedOut, `503 {"message":"Service Unavailable"}`},
		"HTTP API, the function failed": {event.HTTPAPI, fmt.Errorf("wrapped: %w", boom), `500 {"message":"Internal Server Error"}`},
		"REST API, no route":            {event.REST, event.ErrNoRoute, `403 {"message":"Forbidden"}`},
		"REST API, too slow":            {event.REST, apigw.ErrTimedOut, `504 {"message":"Gateway Timeout"}`},
		"REST API, the function failed": {event.REST, boom, `502 {"message":"Bad Gateway"}`},
		"Function URL, throttled":       {event.FunctionURL, apigw.ErrThrottled, `429 {"message":"Too Many Requests"}`},
		"Function URL, function failed": {event.FunctionURL, boom, `502 {"message":"Bad Gateway"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := apigw.Failure(c.front, c.err)
			if got := fmt.Sprintf("%d %s", r.Status, r.Body); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// serve starts a gateway whose function answers with its event.
func serve(t *testing.T, front event.Front) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := apigw.NewServer(apigw.New(apigw.Config{
		Front: front,
		Invoke: func(_ context.Context, event []byte) ([]byte, error) {
			return json.Marshal(map[string]any{"statusCode": 200, "body": string(event)})
		},
	}))
	go func() { _ = server.Serve(l) }() // ends with ErrServerClosed
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr()
}

// exchange writes raw requests to one connection, each after the previous answer.
func exchange(t *testing.T, addr net.Addr, requests ...string) (statuses []int, bodies []string) {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, raw := range requests {
		go func() { _, _ = io.WriteString(c, raw) }()
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		statuses, bodies = append(statuses, r.StatusCode), append(bodies, string(body))
	}
	return statuses, bodies
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	first := "POST /Prod/webhooks/crm HTTP/1.1\r\nhost: a\r\nX-sIG: one\r\nx-sig:two\r\nContent-Length: 2\r\n\r\n{}"
	second := "POST /Prod/webhooks/crm HTTP/1.1\r\nHost: a\r\nx-Other: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
	_, bodies := exchange(t, serve(t, event.REST), first, second, first)
	for i, want := range []string{`"X-Sig":["one","two"]`, `"X-Other":["3"]`, `"X-Sig":["one","two"]`} {
		if !strings.Contains(bodies[i], want) {
			t.Errorf("request %d: no %s in %s", i, want, bodies[i])
		}
	}
	if !strings.Contains(bodies[1], `"body":"[]"`) || strings.Contains(bodies[1], "chunked") {
		t.Errorf("a chunked body arrives whole and plain: %s", bodies[1])
	}
}

func TestTwoSpellingsOfAHeaderName(t *testing.T) {
	t.Parallel()
	request := "POST /webhooks/crm HTTP/1.1\r\nHost: a\r\nX-sIG: one\r\nx-sig:two\r\nContent-Length: 0\r\n\r\n"
	_, bodies := exchange(t, serve(t, event.HTTPAPI), request)
	if !strings.Contains(bodies[0], `"x-sig":"one,two"`) {
		t.Errorf("got %s", bodies[0])
	}
	if !strings.Contains(bodies[0], `"isBase64Encoded":false`) || strings.Contains(bodies[0], `"body"`) {
		t.Errorf("no body is no base64: %s", bodies[0])
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	head := func(size int) string {
		start := "POST /webhooks/crm HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Pad: "
		return start + strings.Repeat("x", size-len(start)-4) + "\r\n\r\n"
	}
	body := func(size int) string {
		return fmt.Sprintf("POST /webhooks/crm HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size) + strings.Repeat("x", size)
	}
	for name, c := range map[string]struct {
		request string
		want    int
	}{
		"a head of 10,240 bytes passes":          {head(apigw.MaxHead), 200},
		"a head of one byte more is refused":     {head(apigw.MaxHead + 1), 431},
		"a head of twice the limit is refused":   {head(2 * apigw.MaxHead), 431},
		"a body of 1 MiB passes":                 {body(1 << 20), 200},
		"an event above 6 MB is refused":         {body(apigw.MaxEvent), 413},
		"a body above 10 MB is refused":          {body(apigw.MaxPayload + 1), 413},
		"another route is not found":             {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404},
		"lines that end without CR pass as well": {"POST /webhooks/crm HTTP/1.1\nHost: a\nContent-Length: 0\n\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := exchange(t, serve(t, event.HTTPAPI), c.request); got[0] != c.want {
				t.Errorf("got %d, want %d", got[0], c.want)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for front, want := range map[event.Front]struct {
		after  time.Duration
		status int
	}{
		event.HTTPAPI:     {30 * time.Second, 503},
		event.REST:        {29 * time.Second, 504},
		event.FunctionURL: {15 * time.Minute, 502},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := apigw.New(apigw.Config{Front: front, Invoke: func(ctx context.Context, _ []byte) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			gone, hangUp := context.WithCancel(t.Context())
			hangUp() // a sender that is gone changes nothing
			r := httptest.NewRequestWithContext(gone, "POST", "/webhooks/crm", bytes.NewReader([]byte("{}")))
			w, start := httptest.NewRecorder(), time.Now()
			g.ServeHTTP(w, r)
			if took := time.Since(start); took != want.after || w.Code != want.status {
				t.Errorf("%s: %d after %v, want %d after %v", front, w.Code, took, want.status, want.after)
			}
		})
	}
}
