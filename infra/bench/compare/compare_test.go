// Package compare_test measures our verifier beside the public ones that somebody would take instead, and beside bare
// crypto/hmac, on the same bytes:
//
//	cd infra/bench/compare && go test -bench . -count 10 | tee compare.txt && benchstat -col /by compare.txt
package compare_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v84/webhook"

	"vicihook/function/internal/webhook"
)

// secret is 32 bytes in base64, which every scheme takes.
const secret = "b2xkIGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n"

// A rival verifies one delivery again and again.
type rival func(*testing.B, webhook.Request) (verify func() error)

var rivals = map[string]rival{
	"standard-webhooks": func(b *testing.B, r webhook.Request) func() error {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			b.Fatal(err)
		}
		header := canonical(r.Header)
		return func() error { return verifier.Verify(r.Body, header) }
	},
	"github": func(_ *testing.B, r webhook.Request) func() error {
		request := &http.Request{Method: http.MethodPost, Header: canonical(r.Header)}
		request.Header.Set("Content-Type", "application/json")
		return func() error {
			request.Body = io.NopCloser(bytes.NewReader(r.Body))
			_, err := github.ValidatePayload(request, []byte(secret))
			return err
		}
	},
	"stripe": func(_ *testing.B, r webhook.Request) func() error {
		header := r.Header["stripe-signature"][0]
		return func() error { return stripe.ValidatePayload(r.Body, header, secret) }
	},
}

func canonical(h webhook.Header) http.Header {
	names := http.Header{}
	for name, values := range h {
		names[http.CanonicalHeaderKey(name)] = values
	}
	return names
}

func BenchmarkVerify(b *testing.B) {
	for scheme, rival := range rivals {
		for _, size := range []int{1 << 10, 64 << 10} {
			ours, r := signed(b, scheme, size)
			for name, verify := range map[string]func() error{"vicihook": ours, "library": rival(b, r), "hmac": bare(r.Body)} {
				b.Run(fmt.Sprintf("scheme=%s/size=%d/by=%s", scheme, size, name), func(b *testing.B) { repeat(b, size, verify) })
			}
		}
	}
}

// repeat refuses to measure a verifier that refuses.
func repeat(b *testing.B, size int, verify func() error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := verify(); err != nil {
			b.Fatal(err)
		}
	}
}

// signed is a delivery by a scheme, and our verifier of it.
func signed(b *testing.B, name string, size int) (verify func() error, r webhook.Request) {
	b.Helper()
	scheme, known := webhook.Preset(name)
	if !known {
		b.Fatalf("no preset %s", name)
	}
	verifier, err := webhook.NewVerifier(scheme)
	if err != nil {
		b.Fatal(err)
	}
	key, err := scheme.ParseKey(secret)
	if err != nil {
		b.Fatal(err)
	}
	r = webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(strings.Repeat("x", size))}
	if err := verifier.Sign(&r, key, "msg_1", time.Now()); err != nil {
		b.Fatal(err)
	}
	return func() error {
		_, err := verifier.Verify(r, []webhook.Key{key}, time.Now())
		return err
	}, r
}

// bare is the HMAC of the body alone: no verifier does less.
func bare(body []byte) func() error {
	return func() error {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		hmac.Equal(mac.Sum(nil), body)
		return nil
	}
}

// A rival that does not look would win.
func TestEveryRivalRefusesAChangedBody(t *testing.T) {
	for scheme, rival := range rivals {
		var b testing.B
		_, r := signed(&b, scheme, 1<<10)
		if err := rival(&b, r)(); err != nil {
			t.Errorf("%s: the library refuses what we signed: %v", scheme, err)
		}
		r.Body[0] ^= 1
		if err := rival(&b, r)(); err == nil {
			t.Errorf("%s: the library takes a changed body", scheme)
		}
	}
}
