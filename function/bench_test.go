package main_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	main "vicihook/function"
	"vicihook/function/event"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/secretsmanager"
)

// BenchmarkWebhook measures a warm webhook from the event's bytes to the answer's, with VICIdial's two requests over one
// kept connection. It leaves out Lambda's runtime client, and its VICIdial allocates nothing.
func BenchmarkWebhook(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%d", size), func(b *testing.B) {
			invoke := main.Wire(b.Context(), benchmarkEnv(b), ".").Invoke
			event := benchmarkEvent(b, size)
			b.ReportAllocs()
			for b.Loop() {
				answer, err := invoke(b.Context(), event)
				if err != nil || !bytes.Contains(answer, []byte(`\"outcome\":\"hungup\"`)) {
					b.Fatalf("%s, %v", answer, err)
				}
			}
		})
	}
}

const benchmarkKey = "b2xkIGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n" // 32 bytes in base64

// benchmarkEnv returns the environment of a function with a Secrets Manager and a VICIdial. It drops the log, since
// benchmarks report to standard output too.
func benchmarkEnv(b *testing.B) func(string) string {
	b.Helper()
	printed, null := os.Stdout, must(os.OpenFile(os.DevNull, os.O_WRONLY, 0))(b)
	os.Stdout = null
	b.Cleanup(func() { os.Stdout = printed; null.Close() })
	secrets := must(secretsmanager.NewServer(secretsmanager.Config{}))(b)
	b.Cleanup(func() { secrets.Close() })
	for name, value := range map[string]string{
		"AWS_REGION": secretsmanager.Region, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL,
	} {
		b.Setenv(name, value)
	}
	env := map[string]string{
		"WEBHOOK_SECRET_ARN":  must(secrets.Create("webhook", fmt.Sprintf(`{"crm": %q}`, benchmarkKey)))(b),
		"VICIDIAL_SECRET_ARN": must(secrets.Create("vicidial", fmt.Sprintf(`{"url": %q, "user": "6666", "pass": "S3cret"}`, minimalVICIdial(b))))(b),
	}
	return func(name string) string { return env[name] }
}

func must[T any](value T, err error) func(*testing.B) T {
	return func(b *testing.B) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return value
	}
}

// minimalVICIdial answers HANGUP and CHECK from memory, without reading more than the stage.
func minimalVICIdial(b *testing.B) (url string) {
	b.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(b)
	b.Cleanup(func() { listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go answerMinimally(conn)
		}
	}()
	return "http://" + listener.Addr().String()
}

func answerMinimally(conn net.Conn) {
	defer conn.Close()
	hangup, check := httpReply("SUCCESS: ra_call_control hungup - 1028|"+benchmarkCall+"|HANGUP\n"), httpReply("ERROR: no active call found - "+benchmarkCall+"\n")
	request := make([]byte, 8<<10)
	for {
		n, err := conn.Read(request) // a request this short arrives in one piece
		if err != nil {
			return
		}
		answer := check
		if bytes.Contains(request[:n], []byte("stage=HANGUP")) {
			answer = hangup
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

const benchmarkCall = "Y1221052110000402027"

func httpReply(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// benchmarkEvent returns the HTTP API event of a signed webhook of about size bytes.
func benchmarkEvent(b *testing.B, size int) []byte {
	b.Helper()
	crm, _ := must(source.Load("sources.json"))(b).Lookup("crm")
	key := must(crm.Scheme.ParseKey(benchmarkKey))(b)
	body := fmt.Appendf(nil, `{"call_id":%q,"agent_user":"1028","disposition":"SALE","ticket":"T-1","by":"ann","note":%q}`,
		benchmarkCall, strings.Repeat("x", size))
	signed := webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: body}
	if err := crm.Verifier.Sign(&signed, key, "msg_1", time.Now()); err != nil {
		b.Fatal(err)
	}
	r := must(http.NewRequest(http.MethodPost, "https://hooks.example.com/webhooks/crm", nil))(b)
	r.Header.Set("Content-Type", "application/json")
	for name, values := range signed.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	// With a time that is ignored the deadline does not pass during the benchmark.
	return must(event.HTTPAPI.Encode(r, body, event.Options{Time: time.Now().Add(-time.Hour)}))(b)
}
