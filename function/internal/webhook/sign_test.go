package webhook_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
)

func TestSignVerifies(t *testing.T) {
	t.Parallel()
	for name, scheme := range allSchemes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifier, key := compile(t, scheme), strongKey(t, scheme)
			r := exampleRequest(200)
			if err := verifier.Sign(&r, key, "msg_1", now); err != nil {
				t.Fatal(err)
			}
			if got, err := verifier.Verify(r, []webhook.Key{key}, now); err != nil || got != 0 {
				t.Errorf("got key %d, %v", got, err)
			}
			if values, there := r.Header[""]; there {
				t.Errorf("a header without a name: %q", values)
			}
			if want := scheme.Kind == "hmac" || scheme.Kind == "hash"; verifier.Signed() != want {
				t.Errorf("Signed() = %t", verifier.Signed())
			}
			other := parseKey(t, webhook.Scheme{Kind: scheme.Kind}, "someone:else's key of some length")
			if _, err := verifier.Verify(r, []webhook.Key{other}, now); !errors.Is(err, webhook.ErrMismatch) {
				t.Errorf("another key: got %v", err)
			}
		})
	}
}

func TestSignExpires(t *testing.T) {
	t.Parallel()
	timed := 0
	for name, scheme := range allSchemes(t) {
		if scheme.Tolerance == 0 {
			continue
		}
		timed++
		verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
		r := exampleRequest(200)
		if err := verifier.Sign(&r, keys[0], "msg_1", now); err != nil {
			t.Fatal(err)
		}
		tolerance := time.Duration(scheme.Tolerance) * time.Second
		for offset, want := range map[time.Duration]error{
			tolerance: nil, -tolerance: nil,
			tolerance + time.Second: webhook.ErrTooOld, -tolerance - time.Second: webhook.ErrTooNew,
			1e5 * time.Hour: webhook.ErrTooOld, -1e5 * time.Hour: webhook.ErrTooNew,
		} {
			if _, err := verifier.Verify(r, keys, now.Add(offset)); !errors.Is(err, want) {
				t.Errorf("%s: %v later: got %v, want %v", name, offset, err, want)
			}
		}
	}
	if timed < 15 {
		t.Errorf("only %d schemes have a time", timed)
	}
}

func TestSignHeaders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scheme  string
		headers map[string]string // values that end in … are cut there
	}{
		"a list with a version, an id and seconds": {"standard-webhooks", map[string]string{
			"webhook-signature": "v1,…", "webhook-id": "msg_1", "webhook-timestamp": "1790000000"}},
		"RFC 3339 and the invocation beside it": {"zendesk", map[string]string{
			"x-zendesk-webhook-signature-timestamp": "2026-09-21T14:13:20Z", "x-zendesk-webhook-invocation-id": "msg_1"}},
		"milliseconds":                     {"front-app", map[string]string{"x-front-request-timestamp": "1790000000000"}},
		"pairs without a time":             {"pairs without a time", map[string]string{"x-sig": "s=sha1:…"}},
		"pairs":                            {"stripe", map[string]string{"stripe-signature": "t=1790000000,v1=…"}},
		"the version that the scheme asks": {"hubspot-v1", map[string]string{"x-hubspot-signature-version": "v1"}},
		"a prefix with a blank":            {"msteams-outgoing", map[string]string{"authorization": "HMAC …"}},
		"the first of two header names":    {"shopify", map[string]string{"x-shopify-hmac-sha256": "…"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme := allSchemes(t)[test.scheme]
			r := exampleRequest(200)
			if err := compile(t, scheme).Sign(&r, strongKey(t, scheme), "msg_1", now); err != nil {
				t.Fatal(err)
			}
			for header, want := range test.headers {
				start, cut := strings.CutSuffix(want, "…")
				if got := r.Header[header]; len(got) != 1 || !strings.HasPrefix(got[0], start) || (!cut && got[0] != want) {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestSignBodyHash(t *testing.T) {
	t.Parallel()
	scheme := preset(t, "twilio")
	verifier, key := compile(t, scheme), strongKey(t, scheme)
	for url, separator := range map[string]string{"https://example.com/hook": "?", publicURL: "&"} {
		r := webhook.Request{URL: url, Body: []byte("{}")}
		if err := verifier.Sign(&r, key, "", now); err != nil {
			t.Fatal(err)
		}
		if want := url + separator + "bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; r.URL != want {
			t.Errorf("got %s, want %s", r.URL, want)
		}
	}
	form := webhook.Request{URL: publicURL, Body: []byte("b=2&a=1"), Header: webhook.Header{"content-type": {"application/x-www-form-urlencoded"}}}
	if err := verifier.Sign(&form, key, "", now); err != nil || form.URL != publicURL {
		t.Errorf("a form: got %s, %v", form.URL, err)
	}
}

func TestSignErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scheme string
		change func(r *webhook.Request, key *webhook.Key, id *string)
		want   error
	}{
		"no key":                    {"github", func(_ *webhook.Request, key *webhook.Key, _ *string) { *key = webhook.Key{} }, webhook.ErrEmptyKey},
		"no id where one is signed": {"svix", func(_ *webhook.Request, _ *webhook.Key, id *string) { *id = "" }, webhook.ErrNoID},
		"an id with the separator":  {"svix", func(_ *webhook.Request, _ *webhook.Key, id *string) { *id = "a.b" }, webhook.ErrMalformedID},
		"no URL where it is signed": {"hubspot-v3", func(r *webhook.Request, _ *webhook.Key, _ *string) { r.URL = "" }, webhook.ErrNoURL},
		"no time in the body":       {"linear", func(r *webhook.Request, _ *webhook.Key, _ *string) { r.Body = []byte("{}") }, webhook.ErrNoTime},
		"the hash of another body":  {"twilio", func(r *webhook.Request, _ *webhook.Key, _ *string) { r.URL += "&bodySHA256=00" }, webhook.ErrBodyHash},
		"a body that is no form": {"twilio", func(r *webhook.Request, _ *webhook.Key, _ *string) {
			r.URL += "&bodySHA256=00&c=1"
			r.Body = []byte("[]")
		}, webhook.ErrMalformedForm},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme := preset(t, test.scheme)
			r, key, id := exampleRequest(200), strongKey(t, scheme), "msg_1"
			test.change(&r, &key, &id)
			if err := compile(t, scheme).Sign(&r, key, id, now); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(r.Header) != 1 {
				t.Errorf("headers were set all the same: %v", r.Header)
			}
		})
	}
}
