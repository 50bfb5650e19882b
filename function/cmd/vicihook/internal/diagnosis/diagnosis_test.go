package diagnosis_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	neturl "net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vicihook/function/cmd/vicihook/internal/diagnosis"
	"vicihook/function/internal/webhook"
)

const (
	rawKey  = "k9Zr41xPq0mUe7Tn2sWvYb8L"
	swKey   = "whsec_bDl4UHEwbVVlN1RuMnNXdlliOEw0MXhacg=="
	hexKey  = "6c397850713026d5565377546e32735776596238"
	payload = `{"call_id":"Y1221052110000402027","agent_user":"1028","note":"Grüße <b>/x","n":1.50}`
)

var signedAt = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// A scenario is a delivery that was changed after it was signed, or signed in another way than the receiver expects.
type scenario struct {
	scheme string // that the receiver has; empty when it does not know
	key    string // that the receiver has
	cause  string // expected
	what   string // expected part of the explanation

	sender func(*sending)         // what the sender does differently
	damage func(*webhook.Request) // what happens to the request on its way
	knows  func(*diagnosis.Case)  // what else the receiver knows
}

// A sending is how the sender signs.
type sending struct {
	scheme webhook.Scheme
	key    string
	at     time.Time
	body   string
	url    string
	method string
}

func (s scenario) received(t testing.TB) diagnosis.Case {
	t.Helper()
	own, _ := webhook.Preset(s.scheme)
	sent := sending{scheme: own, key: s.key, at: signedAt, body: payload, url: "https://hooks.example.com/webhooks/crm?a=1%2F2&b=2", method: http.MethodPost}
	if s.sender != nil {
		s.sender(&sent)
	}
	r := webhook.Request{Method: sent.method, URL: sent.url, Body: []byte(sent.body), Header: webhook.Header{
		"content-type": {"application/json"}, "host": {"hooks.example.com"}, "user-agent": {"helpdesk/1"},
	}}
	verifier, err := webhook.NewVerifier(sent.scheme)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sent.scheme.ParseKey(sent.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Sign(&r, key, "msg_1", sent.at); err != nil {
		t.Fatal(err)
	}
	if s.damage != nil {
		s.damage(&r)
	}
	c := diagnosis.Case{Request: r, Key: s.key, Scheme: own, Label: s.scheme}
	if s.knows != nil {
		s.knows(&c)
	}
	return c
}

func preset(name string) webhook.Scheme {
	scheme, ok := webhook.Preset(name)
	if !ok {
		panic("no such preset: " + name)
	}
	return scheme
}

func body(edit func(string) string) func(*webhook.Request) {
	return func(r *webhook.Request) { r.Body = []byte(edit(string(r.Body))) }
}

func header(name string, edit func(string) string) func(*webhook.Request) {
	return func(r *webhook.Request) { r.Header[name] = []string{edit(r.Header[name][0])} }
}

func rename(from, to string) func(*webhook.Request) {
	return func(r *webhook.Request) {
		r.Header[to] = r.Header[from]
		delete(r.Header, from)
	}
}

func key(text string) func(*sending) { return func(s *sending) { s.key = text } }

func scheme(edit func(*webhook.Scheme)) func(*sending) {
	return func(s *sending) { edit(&s.scheme) }
}

func pretty(string) string {
	return "{\n  \"call_id\": \"Y1221052110000402027\",\n  \"agent_user\": \"1028\",\n  \"note\": \"Grüße <b>/x\",\n  \"n\": 1.50\n}"
}

func signBody(text string) func(*sending) { return func(s *sending) { s.body = text } }

func arriveAs(text string) func(*webhook.Request) { return body(func(string) string { return text }) }

func url(text string) func(*webhook.Request) { return func(r *webhook.Request) { r.URL = text } }

var scenarios = map[string]scenario{
	// The body.
	"JSON that middleware indented": {scheme: "standard-webhooks", key: swKey, cause: "json-rewritten", what: "compact JSON", damage: body(pretty)},
	"JSON that Python signed with its blanks": {scheme: "github", key: rawKey, cause: "json-rewritten", what: "Python",
		sender: signBody(`{"call_id": "Y1221052110000402027", "note": "Gr\u00fc\u00dfe"}`), damage: arriveAs(`{"call_id":"Y1221052110000402027","note":"Grüße"}`)},
	"JSON that PHP signed with escaped slashes": {scheme: "github", key: rawKey, cause: "json-rewritten", what: "PHP",
		sender: signBody(`{"u":"a\/b\u00e9"}`), damage: arriveAs(`{"u":"a/bé"}`)},
	"JSON whose members were sorted before signing": {scheme: "slack", key: rawKey, cause: "json-rewritten", what: "members sorted",
		sender: signBody(`{"a":1,"b":{"c":2,"d":3}}`), damage: arriveAs(`{"b":{"d":3,"c":2},"a":1}`)},
	"JSON that Go signed with escaped tags and a line end": {scheme: "github", key: rawKey, cause: "json-rewritten", what: "with a line end",
		sender: signBody("{\"a\":\"\\u003cb\\u003e\"}\n"), damage: arriveAs(`{"a": "<b>"}`)},
	"a line end that got lost":             {scheme: "zendesk", key: rawKey, cause: "body-lost-newline", sender: signBody(payload + "\n"), damage: body(strings.TrimSpace)},
	"a line end that an editor added":      {scheme: "zendesk", key: rawKey, cause: "body-added-newline", damage: body(func(b string) string { return b + "\n" })},
	"LF that became CRLF":                  {scheme: "github", key: rawKey, cause: "body-crlf", sender: signBody("a\nb\nc"), damage: arriveAs("a\r\nb\r\nc")},
	"CRLF that became LF":                  {scheme: "github", key: rawKey, cause: "body-crlf", sender: signBody("a\r\nb\r\nc"), damage: arriveAs("a\nb\nc")},
	"line ends taken out before signing":   {scheme: "github", key: rawKey, cause: "body-newlines", sender: signBody("a=1&b=2"), damage: arriveAs("a=1\n&b=2")},
	"a body still in base64":               {scheme: "slack", key: rawKey, cause: "body-base64", what: "still base64", damage: body(encode64)},
	"a body decoded that was signed coded": {scheme: "slack", key: rawKey, cause: "body-base64", what: "arrived decoded", sender: signBody(encode64(payload)), damage: arriveAs(payload)},
	"UTF-8 read as Latin-1":                {scheme: "github", key: rawKey, cause: "body-charset", damage: body(mojibake)},
	"a byte order mark that was added":     {scheme: "github", key: rawKey, cause: "body-bom", damage: body(func(b string) string { return "\ufeff" + b })},
	"a form with + turned into %20":        {scheme: "slack", key: rawKey, cause: "body-form", sender: signBody("text=a+b&x=1"), damage: arriveAs("text=a%20b&x=1")},
	"a body read empty before signing":     {scheme: "github", key: rawKey, cause: "body-unsigned", sender: signBody(""), damage: arriveAs(payload)},
	"a body that was cut": {scheme: "github", key: rawKey, cause: "body-length", damage: func(r *webhook.Request) {
		r.Header["content-length"] = []string{strconv.Itoa(len(r.Body))}
		r.Body = r.Body[:40]
	}},
	"a body whose bytes were lost": {scheme: "github", key: rawKey, cause: "body-charset", what: "U+FFFD", damage: body(func(b string) string { return strings.ReplaceAll(b, "ü", "\ufffd") })},

	// The key.
	"a key with blanks here":                    {scheme: "github", key: " " + rawKey + " ", cause: "key-blanks", sender: key(rawKey)},
	"a key in quotes here":                      {scheme: "github", key: `"` + rawKey + `"`, cause: "key-quotes", sender: key(rawKey)},
	"a key with a line end at the sender":       {scheme: "github", key: rawKey, cause: "key-sender-blanks", sender: key(rawKey + "\n\n")},
	"a key that the sender does not decode":     {scheme: "standard-webhooks", key: swKey, cause: "key-form", what: "without decoding", sender: scheme(rawSecret)},
	"a key that only the sender decodes":        {scheme: "stripe", key: swKey, cause: "key-form", what: "decoded from base64", sender: scheme(func(s *webhook.Scheme) { s.Secret, s.SecretPrefix = "base64", "whsec_" })},
	"a hex key that the sender does not decode": {scheme: "close", key: hexKey, cause: "key-form", what: "without decoding", sender: scheme(rawSecret)},
	"a prefix that only one side keeps":         {scheme: "stripe", key: swKey, cause: "key-form", what: "without whsec_", sender: key(strings.TrimPrefix(swKey, "whsec_"))},
	"Zendesk's published test key":              {scheme: "zendesk", key: rawKey, cause: "published-key", sender: key("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==")},
	"the whole secret instead of the key":       {scheme: "github", key: `{"crm":["` + rawKey + `"]}`, cause: "key-secret-json", what: "whole secret", sender: key(rawKey)},
	"a published key in use":                    {scheme: "zendesk", key: "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==", cause: "refused-key", what: "published"},
	"a key that is too short":                   {scheme: "github", key: "short", cause: "refused-key", what: "fewer than 16 bytes"},
	"another key":                               {scheme: "github", key: rawKey, cause: "other-key", sender: key("another key of the same sort")},

	// The time.
	"milliseconds for seconds":          {scheme: "standard-webhooks", key: swKey, cause: "time-unit", what: `sent in "ms"`, sender: scheme(func(s *webhook.Scheme) { s.TSUnit = "ms" })},
	"seconds for milliseconds":          {scheme: "front-app", key: rawKey, cause: "time-unit", what: `sent in "s"`, sender: scheme(func(s *webhook.Scheme) { s.TSUnit = "s" })},
	"seconds for RFC 3339":              {scheme: "zendesk", key: rawKey, cause: "time-unit", what: `wants "rfc3339"`, sender: scheme(func(s *webhook.Scheme) { s.TSUnit = "s" })},
	"a stale delivery":                  {scheme: "slack", key: rawKey, cause: "too-old", what: "10m0s", knows: func(c *diagnosis.Case) { c.Arrived = signedAt.Add(10 * time.Minute) }},
	"a clock that is ahead":             {scheme: "slack", key: rawKey, cause: "too-new", knows: func(c *diagnosis.Case) { c.Arrived = signedAt.Add(-time.Hour) }},
	"a time left out of what is signed": {scheme: "slack", key: rawKey, cause: "signed-string", what: `"{body}"`, sender: bodyOnly, damage: func(r *webhook.Request) { r.Header["x-slack-request-timestamp"] = []string{"1769860800"} }},
	"a point where a colon belongs":     {scheme: "front-app", key: rawKey, cause: "signed-string", what: `"{ts}.{body}"`, sender: scheme(func(s *webhook.Scheme) { s.Signed = "{ts}.{body}" })},
	"a time in another header":          {scheme: "hubspot-v3", key: rawKey, cause: "time-header", what: "x-hubspot-signature-timestamp", damage: rename("x-hubspot-request-timestamp", "x-hubspot-signature-timestamp")},
	"a time before 2000":                {scheme: "slack", key: rawKey, cause: "malformed-time", what: "can't be right", sender: func(s *sending) { s.at = time.Unix(1234, 0) }},
	"no time at all":                    {scheme: "slack", key: rawKey, cause: "no-time", damage: func(r *webhook.Request) { delete(r.Header, "x-slack-request-timestamp") }},

	// The signature.
	"hex for base64": {scheme: "zendesk", key: rawKey, cause: "signature-encoding", what: "in hex", sender: scheme(func(s *webhook.Scheme) { s.Encoding = "hex" })},
	"base64 for URLs": {scheme: "shopify", key: rawKey, cause: "signature-base64url", damage: header("x-shopify-hmac-sha256", func(v string) string {
		return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(v), "=")
	})},
	"base64 of hex":                      {scheme: "github", key: rawKey, cause: "signature-base64-of-hex", damage: header("x-hub-signature-256", func(v string) string { return "sha256=" + encode64(strings.TrimPrefix(v, "sha256=")) })},
	"SHA-1 for SHA-256":                  {scheme: "kustomer", key: rawKey, cause: "algorithm", what: "sha1", sender: scheme(func(s *webhook.Scheme) { s.Alg = "sha1" })},
	"a plain hash for an HMAC":           {scheme: "kustomer", key: rawKey, cause: "not-hmac", sender: scheme(func(s *webhook.Scheme) { s.Kind, s.Signed = "hash", "{secret}{body}" })},
	"a prefix that is missing":           {scheme: "github", key: rawKey, cause: "signature-prefix", what: `the prefix "", and the scheme wants "sha256="`, damage: header("x-hub-signature-256", func(v string) string { return strings.TrimPrefix(v, "sha256=") })},
	"a prefix that is not expected":      {scheme: "kustomer", key: rawKey, cause: "signature-prefix", what: `the prefix "sha256=", and the scheme wants ""`, damage: header("x-kustomer-webhook-signature", func(v string) string { return "sha256=" + v })},
	"a signature in another header":      {scheme: "zendesk", key: rawKey, cause: "signature-header", what: "x-signature", damage: rename("x-zendesk-webhook-signature", "x-signature")},
	"a signature sent twice":             {scheme: "kustomer", key: rawKey, cause: "repeated-header", damage: header("x-kustomer-webhook-signature", func(v string) string { return v + "," + v })},
	"a signature that was cut":           {scheme: "kustomer", key: rawKey, cause: "malformed-signature", what: "", damage: header("x-kustomer-webhook-signature", func(v string) string { return v[:60] })},
	"no signature at all":                {scheme: "github", key: rawKey, cause: "no-signature", damage: func(r *webhook.Request) { delete(r.Header, "x-hub-signature-256") }},
	"the request of another sender":      {scheme: "zendesk", key: rawKey, cause: "other-scheme", what: "as github signs, not as zendesk", sender: func(s *sending) { s.scheme = preset("github") }},
	"another sender, and a lost newline": {scheme: "zendesk", key: rawKey, cause: "other-scheme+body-lost-newline", sender: func(s *sending) { s.scheme, s.body = preset("github"), payload+"\n" }, damage: body(strings.TrimSpace)},
	"an unknown sender's lost newline":   {key: rawKey, cause: "body-lost-newline", sender: func(s *sending) { s.scheme, s.body = preset("slack"), payload+"\n" }, damage: body(strings.TrimSpace)},
	"a version header that is missing":   {scheme: "hubspot-v2", key: rawKey, cause: "required-header", damage: func(r *webhook.Request) { delete(r.Header, "x-hubspot-signature-version") }},

	"a blank for each + in base64":           {scheme: "zendesk", key: rawKey, cause: "signature-blank-for-plus", what: "decoded like a form", sender: plusInSignature, damage: header("x-zendesk-webhook-signature", func(v string) string { return strings.ReplaceAll(v, "+", " ") })},
	"a signature that was encoded for a URL": {scheme: "zendesk", key: rawKey, cause: "signature-percent-encoded", sender: plusInSignature, damage: header("x-zendesk-webhook-signature", neturl.QueryEscape)},
	"a prefix that was encoded for a URL":    {scheme: "github", key: rawKey, cause: "signature-percent-encoded", damage: header("x-hub-signature-256", neturl.QueryEscape)},
	"a health check of Intercom":             {scheme: "intercom", key: rawKey, cause: "health-check", what: "X-Body-Signature", sender: bodySignature},
	"a health check of an unknown sender":    {key: rawKey, cause: "health-check", what: "X-Hub-Signature", sender: bodySignature},

	// The URL.
	"http behind a load balancer":            {scheme: "hubspot-v3", key: rawKey, cause: "url-scheme", damage: url("http://hooks.example.com/webhooks/crm?a=1%2F2&b=2")},
	"a stage that the sender sees":           {scheme: "hubspot-v3", key: rawKey, cause: "url-stage", what: "/live", sender: func(s *sending) { s.url = "https://hooks.example.com/live/webhooks/crm" }, damage: url("https://hooks.example.com/webhooks/crm"), knows: func(c *diagnosis.Case) { c.Stage = "live" }},
	"a mapping that the sender does not see": {scheme: "twilio", key: rawKey, cause: "url-stage", what: "without the first part", sender: func(s *sending) { s.url, s.body = "https://hooks.example.com/webhooks/crm", "" }, damage: url("https://hooks.example.com/v7/webhooks/crm")},
	"the host behind the domain name":        {scheme: "hubspot-v3", key: rawKey, cause: "url-host", damage: url("https://a1b2.execute-api.eu-west-1.amazonaws.com/webhooks/crm?a=1%2F2&b=2")},
	"a query that got lost":                  {scheme: "hubspot-v3", key: rawKey, cause: "url-query", what: "without its query", sender: func(s *sending) { s.url = "https://hooks.example.com/webhooks/crm" }, damage: url("https://hooks.example.com/webhooks/crm?x=1")},
	"a query that was sorted":                {scheme: "hubspot-v3", key: rawKey, cause: "url-query", what: "another order", sender: func(s *sending) { s.url = "https://hooks.example.com/webhooks/crm?z=1&a=%2F&m=x%20y" }, damage: url("https://hooks.example.com/webhooks/crm?a=%2F&m=x%20y&z=1")},
	"a query that was sorted and encoded":    {scheme: "hubspot-v3", key: rawKey, cause: "url-query", what: "encoded again", sender: func(s *sending) { s.url = "https://hooks.example.com/webhooks/crm?z=1&m=x%20y" }, damage: url("https://hooks.example.com/webhooks/crm?m=x+y&z=1")},
	"a URL that was not decoded":             {scheme: "hubspot-v3", key: rawKey, cause: "signed-string", sender: scheme(func(s *webhook.Scheme) { s.Signed = "{method}{url}{body}{ts}" })},
	"no header of any scheme":                {key: rawKey, cause: "no-signature", what: "any known scheme", sender: func(s *sending) { s.scheme = preset("slack") }, damage: func(r *webhook.Request) { delete(r.Header, "x-slack-signature") }},
	"a URL that is not known":                {scheme: "hubspot-v3", key: rawKey, cause: "no-url", damage: url("")},

	// Two at once.
	"an undecoded key and indented JSON": {scheme: "standard-webhooks", key: swKey, cause: "key-form+json-rewritten", sender: scheme(rawSecret), damage: body(pretty)},
}

func rawSecret(s *webhook.Scheme) { s.Secret, s.SecretPrefix = "raw", "" }

func bodyOnly(s *sending) {
	s.scheme.Signed, s.scheme.TSHeader, s.scheme.TSUnit, s.scheme.Tolerance = "{body}", nil, "", 0
}

// plusInSignature chooses a time at which the signature has a +.
func plusInSignature(s *sending) { s.at = s.at.Add(2 * time.Second) }

func bodySignature(s *sending) {
	s.scheme.Kind, s.scheme.Alg, s.scheme.Header, s.scheme.Prefix = "hmac", "sha256", []string{"X-Body-Signature"}, ""
	s.scheme.Form, s.scheme.Encoding, s.scheme.Signed, s.scheme.Secret = "plain", "hex", "{body}", "raw"
}

func encode64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func mojibake(text string) string {
	var wide []rune
	for _, b := range []byte(text) {
		wide = append(wide, rune(b))
	}
	return string(wide)
}

func TestExplainNamesTheCause(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.received(t)
			f, err := diagnosis.Explain(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if f.Verifies || f.Cause != s.cause || !strings.Contains(f.What, s.what) {
				t.Errorf("got  %q: %s\nwant %q: …%s…", f.Cause, f.What, s.cause, s.what)
			}
			if f.What == "" || f.Remedy == "" {
				t.Errorf("%s: no what or no remedy: %+v", f.Cause, f)
			}
			checkLeaks(t, c, f)
		})
	}
}

// checkLeaks fails if the finding shows a key, a signature or the body.
func checkLeaks(t *testing.T, c diagnosis.Case, f diagnosis.Finding) {
	t.Helper()
	shown := fmt.Sprintf("%+v", f)
	secrets := []string{strings.TrimSpace(c.Key), rawKey, swKey, hexKey, "Y1221052110000402027"}
	for name, values := range c.Request.Header {
		if strings.Contains(name, "signature") || strings.Contains(name, "hmac") {
			secrets = append(secrets, values...)
		}
	}
	if slices.ContainsFunc(secrets, func(s string) bool { return s != "" && strings.Contains(shown, s) }) {
		t.Errorf("the finding shows a key, a signature or the body: %s", shown)
	}
}

func TestExplainVerifiesEveryPreset(t *testing.T) {
	t.Parallel()
	for _, name := range webhook.PresetNames() {
		known := scenario{scheme: name, key: hexKey, sender: signTime}
		unknown := scenario{key: hexKey, sender: func(s *sending) { s.scheme = preset(name); signTime(s) }}
		for _, s := range []scenario{known, unknown} {
			f, err := diagnosis.Explain(t.Context(), s.received(t))
			if err != nil || !f.Verifies || f.Cause != "" || !strings.Contains(f.Scheme, name) {
				t.Errorf("%s: got %+v, %v", name, f, err)
			}
		}
	}
}

// signTime sends a body that every scheme can sign: one reads the time from it.
func signTime(s *sending) { s.body = `{"webhookTimestamp":1790000000000}` }

func TestExplainNamesAllMatchingPresets(t *testing.T) {
	t.Parallel()
	c := scenario{key: rawKey, sender: func(s *sending) { s.scheme = preset("zammad") }}.received(t)
	f, err := diagnosis.Explain(t.Context(), c)
	if err != nil || f.Scheme != "github-sha1 (the same here: intercom, zammad)" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestExplainIgnoresTheAgeWithoutAnArrival(t *testing.T) {
	t.Parallel()
	f, err := diagnosis.Explain(t.Context(), scenario{scheme: "slack", key: rawKey}.received(t))
	if err != nil || !f.Verifies || !f.Signed.Equal(signedAt) {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestExplainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := scenario{scheme: "github", key: rawKey, sender: key("another key of the same sort")}.received(t)
	if _, err := diagnosis.Explain(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Every request gets a verdict with a remedy.
func FuzzExplain(f *testing.F) {
	for _, name := range []string{
		"JSON that middleware indented", "a stage that the sender sees", "milliseconds for seconds", "a signature that was cut", "another key",
	} {
		c := scenarios[name].received(f)
		signature := strings.ToLower(c.Scheme.Header[0])
		f.Add(c.Label, c.Key, signature, c.Request.Header[signature][0], c.Request.Body, c.Request.URL, c.Stage)
	}
	f.Fuzz(func(t *testing.T, scheme, key, header, value string, body []byte, url, stage string) {
		own, _ := webhook.Preset(scheme)
		body = body[:min(len(body), 1<<10)] // a large body would only be hashed again for each change
		r := webhook.Request{Method: "POST", URL: url, Header: webhook.Header{header: {value}}, Body: body}
		finding, err := diagnosis.Explain(t.Context(), diagnosis.Case{Request: r, Key: key, Scheme: own, Label: scheme, Stage: stage})
		if err != nil {
			t.Fatal(err)
		}
		if !finding.Verifies && (finding.Cause == "" || finding.What == "" || finding.Remedy == "") {
			t.Errorf("got %+v", finding)
		}
	})
}

// A body in another style has the same value.
func FuzzRewrittenJSON(f *testing.F) {
	f.Add([]byte(payload))
	f.Add([]byte(`[{"b":[],"a":{}, "b":"\ud83d\ude00\u2028</"},-1.50e+3,true,null,"\u0000\ud800"]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, again := range diagnosis.Rewritten(body) {
			if got, want := meaning(t, []byte(again)), meaning(t, body); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q became %q", body, again)
			}
		}
	})
}

func meaning(t *testing.T, text []byte) (value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return value
}

func TestRewrittenJSONIsBounded(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	if n := len(diagnosis.Rewritten([]byte(deep))); n != 0 {
		t.Errorf("100 levels were rewritten %d times", n)
	}
	wide := strings.Repeat("[", 60) + strings.Repeat("1,", 6<<10) + "1" + strings.Repeat("]", 60)
	for _, again := range diagnosis.Rewritten([]byte(wide)) {
		if len(again) > 1<<20+1 {
			t.Errorf("a body of %d bytes grew to %d", len(wide), len(again))
		}
	}
}

func BenchmarkExplainOtherKey(b *testing.B) {
	deep := strings.Repeat(`{"a":[`, 31)
	for name, text := range map[string]string{
		"a common body": payload,
		"256 KiB":       `{"a":"` + strings.Repeat("x", 256<<10-8) + `"}`,
		"256 KiB deep":  deep + strings.Repeat("1,", 128<<10-200) + "1" + strings.Repeat("]}", 31),
	} {
		b.Run(name, func(b *testing.B) {
			c := scenario{scheme: "standard-webhooks", key: swKey, sender: func(s *sending) { s.body = text }}.received(b)
			c.Key = "whsec_AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH"
			for b.Loop() {
				if f, err := diagnosis.Explain(b.Context(), c); err != nil || f.Cause != "other-key" {
					b.Fatalf("%+v, %v", f, err)
				}
			}
		})
	}
}
