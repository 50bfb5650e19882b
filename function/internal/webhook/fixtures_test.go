package webhook_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
)

var now = time.Unix(1790000000, 0)

const publicURL = "https://hooks.example.com/prod/webhooks/crm?a=%3A&b=%41"

func preset(t testing.TB, name string) webhook.Scheme {
	t.Helper()
	scheme, ok := webhook.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	return scheme
}

func schemesEqual(a, b webhook.Scheme) bool { return reflect.DeepEqual(a, b) }

// strongSecret is the key of every scheme in these tests.
const strongSecret = "0f9a7c3e5b1d8264-n0t-publ1shed-!"

func strongKey(t testing.TB, scheme webhook.Scheme) webhook.Key {
	t.Helper()
	if scheme.Kind == "basic" {
		return parseKey(t, scheme, "crm:"+strongSecret)
	}
	return parseKey(t, scheme, scheme.SecretPrefix+encodeSecret(scheme, strongSecret))
}

func parseKey(t testing.TB, scheme webhook.Scheme, text string) webhook.Key {
	t.Helper()
	key, err := scheme.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// exampleRequest returns a request that every scheme can sign, with a body of about size bytes.
func exampleRequest(size int) webhook.Request {
	body := []byte(`{"event":"end_call","webhookTimestamp":1790000000000,"text":"`)
	body = append(append(body, bytes.Repeat([]byte("x"), max(size-len(body)-2, 0))...), `"}`...)
	return webhook.Request{
		Method: "POST", URL: publicURL, Body: body,
		Header: webhook.Header{"content-type": {"application/json"}},
	}
}

func compile(t testing.TB, scheme webhook.Scheme) *webhook.Verifier {
	t.Helper()
	verifier, err := webhook.NewVerifier(scheme)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// custom are schemes that no preset has.
var custom = map[string]string{
	"a token":                           `{"kind": "token", "header": ["X-Token"]}`,
	"a bearer token":                    `{"kind": "token", "header": ["Authorization"], "prefix": "Bearer ", "dedupe": "X-Id"}`,
	"basic authentication":              `{"kind": "basic"}`,
	"an hmac with its defaults":         `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "{body}"}`,
	"literals on both sides":            `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "v1:{body}:end"}`,
	"an id and a time in the header":    `{"kind": "hmac", "alg": "sha512", "header": ["X-Sig"], "encoding": "base64", "signed": "{id}|{ts}|{body}", "id_header": ["X-Id"], "ts_header": ["X-Time"], "ts_unit": "rfc3339", "tolerance": 30}`,
	"pairs without a time":              `{"kind": "hmac", "alg": "sha1", "header": ["X-Sig"], "form": "kv", "sep": " ", "kv_sig": "s", "prefix": "sha1:", "encoding": "hex", "signed": "{body}"}`,
	"pairs with a time elsewhere":       `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "form": "kv", "sep": ",", "kv_sig": "s", "encoding": "hex", "signed": "{ts}{body}", "ts_header": ["X-Time"], "ts_unit": "ms", "tolerance": 3600}`,
	"a hash with the secret at the end": `{"kind": "hash", "alg": "sha512", "header": ["X-Sig"], "encoding": "hex", "signed": "{method} {url}\n{body}{secret}", "require": {"X-Version": "2"}}`,
	"a time in the body":                `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "{body}", "ts_json": "webhookTimestamp", "ts_unit": "ms", "tolerance": 1}`,
	"a URL with and without port":       `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "{url} {url_decoded} {body}", "url_port": "both"}`,
	"a base64 key":                      `{"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "{body}", "secret": "base64", "secret_prefix": "key_"}`,
}

func parseScheme(t testing.TB, text string) (scheme webhook.Scheme) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &scheme); err != nil {
		t.Fatal(err)
	}
	return scheme
}

// allSchemes returns the presets and the custom schemes by name.
func allSchemes(t testing.TB) map[string]webhook.Scheme {
	t.Helper()
	all := map[string]webhook.Scheme{}
	for _, name := range webhook.PresetNames() {
		all[name] = preset(t, name)
	}
	for name, text := range custom {
		all[name] = parseScheme(t, text)
	}
	if len(all) < 41+len(custom) {
		t.Fatalf("only %d schemes", len(all))
	}
	return all
}
