package webhook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

func TestSignedURL(t *testing.T) {
	t.Parallel()
	const millis = second + "000"
	tests := map[string]struct {
		url, signed string
		want        error
	}{
		"what it is":                                  {"https://h.example/w", "https://h.example/w", nil},
		"every escape that HubSpot undoes":            {"https://h/?%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "https://h/?:/?@!$'()*,;", nil},
		"other escapes stay":                          {"https://h/?%20%41%25%26%3D%2B%0A%00", "https://h/?%20%41%25%26%3D%2B%0A%00", nil},
		"escapes in small letters stay":               {"https://h/?%3a%2f", "https://h/?%3a%2f", nil},
		"an escaped escape is undone once":            {"https://h/?%253A", "https://h/?%253A", nil},
		"an escape cut short stays":                   {"https://h/?a=%2", "https://h/?a=%2", nil},
		"a percent sign before a blank stays":         {"https://h/?a=%A ", "https://h/?a=%A ", nil},
		"the undone URL for one that is signed as is": {"https://h/?%3A", "https://h/?%3A", webhook.ErrMismatch},
		"another query":                               {"https://h/?a=2", "https://h/?a=1", webhook.ErrMismatch},
		"another host":                                {"https://evil/?a=1", "https://h/?a=1", webhook.ErrMismatch},
		"none":                                        {"", "", webhook.ErrNoURL},
	}
	scheme := preset(t, "hubspot-v3")
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhook.Request{Method: "POST", URL: test.url, Body: []byte(body), Header: webhook.Header{
				"x-hubspot-signature-v3":      {base64256("POST" + test.signed + body + millis)},
				"x-hubspot-request-timestamp": {millis},
			}}
			if key, err := verifier.Verify(r, keys, now); !errors.Is(err, test.want) || (err == nil) != (key == 0) || err != nil && key != -1 {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestURLWithAndWithoutPort(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url, signed string
		want        error
	}{
		"as it is":                        {"https://h.example/w?a=1", "https://h.example/w?a=1", nil},
		"the default port put in":         {"https://h.example/w?a=1", "https://h.example:443/w?a=1", nil},
		"the default port of http put in": {"http://h.example/w", "http://h.example:80/w", nil},
		"a port taken away":               {"https://h.example:8443/w", "https://h.example/w", nil},
		"a port kept":                     {"https://h.example:8443/w", "https://h.example:8443/w", nil},
		"no path":                         {"https://h.example", "https://h.example:443", nil},
		"a query without a path":          {"https://h.example?a=1:2", "https://h.example:443?a=1:2", nil},
		"an address of IPv6":              {"https://[::1]/w", "https://[::1]:443/w", nil},
		"a port behind IPv6":              {"https://[::1]:8443/w", "https://[::1]/w", nil},
		"no URL at all":                   {"h.example", "h.example", nil},
		"another port":                    {"https://h.example:8443/w", "https://h.example:443/w", webhook.ErrMismatch},
	}
	scheme := preset(t, "twilio")
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webhook.Request{URL: test.url, Header: webhook.Header{"x-twilio-signature": {base64sha1(test.signed)}}}
			if _, err := verifier.Verify(r, keys, now); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if !verifier.SignsURL() || compile(t, preset(t, "github")).SignsURL() {
		t.Error("SignsURL is wrong")
	}
}

func TestSignedForm(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	const hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
	tests := map[string]struct {
		contentType, query, body, signed string
		want                             error
	}{
		"fields are sorted by name":                      {form, "", "b=2&a=1&B=3", "B3a1b2", nil},
		"a charset beside the type is accepted":          {form + "; charset=utf-8", "", "a=1", "a1", nil},
		"values of one name are sorted, equal ones once": {form, "", "a=2&a=1&a=2", "a1a2", nil},
		"escapes and pluses are undone":                  {form, "", "a+b=%2B1%C3%A9", "a b+1é", nil},
		"an empty value is accepted":                     {form, "", "a=", "a", nil},
		"a name that begins another sorts first":         {form, "", "ab=1&a=c", "acab1", nil},
		"no body is no field":                            {"", "", "", "", nil},
		"JSON with its hash in the URL is accepted":      {"application/json", "?bodySHA256=" + hash, "{}", "", nil},
		"a form with its hash in the URL is no form":     {form, "?bodySHA256=" + hash, "{}", "", nil},
		"a hash in capitals is accepted":                 {"application/json", "?bodySHA256=" + strings.ToUpper(hash), "{}", "", nil},
		"another body than the hash's is refused":        {"application/json", "?bodySHA256=" + hash, "{ }", "", webhook.ErrBodyHash},
		"no body under a hash is refused":                {"application/json", "?bodySHA256=" + hash, "", "", webhook.ErrBodyHash},
		"a hash that appears twice is ignored":           {"application/json", "?bodySHA256=" + hash + "&bodySHA256=" + hash, "{}", "", webhook.ErrMalformedForm},
		"a hash before other fields is ignored":          {"application/json", "?v=1AccountSidACBodyx&bodySHA256=" + hash + "&FromXTo1", "{}", "", webhook.ErrMalformedForm},
		"an empty hash is refused":                       {"application/json", "?bodySHA256=", "{}", "", webhook.ErrBodyHash},
		"a hash under another name is ignored":           {"application/json", "?bodysha256=" + hash, "{}", "", webhook.ErrMalformedForm},
		"JSON without a hash is refused":                 {"application/json", "", "{}", "", webhook.ErrMalformedForm},
		"JSON sent as a form is refused":                 {form, "", `{"a":1}`, `{"a":1}`, webhook.ErrMalformedForm},
		"fields without a type are accepted":             {"", "", "a=1", "a1", nil},
		"fields that are called JSON are accepted":       {"application/json", "", "a=1", "a1", nil},
		"a field without = is refused":                   {form, "", "a=1&b", "a1b", webhook.ErrMalformedForm},
		"an escape in small letters is refused":          {form, "", "a=%2b", "a+", webhook.ErrMalformedForm},
		"a broken escape is refused":                     {form, "", "a=%2", "a%2", webhook.ErrMalformedForm},
		"1000 fields are accepted":                       {form, "", strings.Repeat("a=1&", 999) + "a=1", "a1", nil},
		"1001 fields are refused":                        {form, "", strings.Repeat("a=1&", 1000) + "a=1", "a1", webhook.ErrMalformedForm},
		"another field mismatches":                       {form, "", "a=1&b=3", "a1b2", webhook.ErrMismatch},
	}
	scheme := preset(t, "twilio")
	verifier, keys := compile(t, scheme), []webhook.Key{strongKey(t, scheme)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const url = "https://h.example/w"
			r := webhook.Request{Method: "POST", URL: url + test.query, Body: []byte(test.body), Header: webhook.Header{
				"x-twilio-signature": {base64sha1(url + test.query + test.signed)},
			}}
			if test.contentType != "" {
				r.Header["content-type"] = []string{test.contentType}
			}
			if _, err := verifier.Verify(r, keys, now); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestURLBodyBoundary(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hubspot-v2", "hubspot-v3"} {
		scheme := preset(t, name)
		verifier, key := compile(t, scheme), strongKey(t, scheme)
		r := webhook.Request{Method: "POST", URL: "https://h.example/w?v=1", Body: []byte(`{"text":"&event=end_call&call_id=Y1"}`)}
		if err := verifier.Sign(&r, key, "", now); err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(r, []webhook.Key{key}, now); err != nil {
			t.Errorf("%s as sent: %v", name, err)
		}
		r.URL, r.Body = r.URL+string(r.Body[:9]), r.Body[9:]
		if _, err := verifier.Verify(r, []webhook.Key{key}, now); !errors.Is(err, webhook.ErrAmbiguousURL) {
			t.Errorf("%s moved: got %v", name, err)
		}
	}
}

// FuzzContentType checks that the unsigned Content-Type decides nothing.
func FuzzContentType(f *testing.F) {
	f.Add([]byte(`{"a":1}`), "application/x-www-form-urlencoded")
	f.Add([]byte(`a=1&b=2`), "application/json")
	verifiers := map[string]*webhook.Verifier{}
	for _, name := range webhook.PresetNames() {
		verifiers[name] = compile(f, preset(f, name))
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		for name, verifier := range verifiers {
			key := strongKey(t, preset(t, name))
			plain := webhook.Request{Method: "POST", URL: "https://h.example/w", Body: body}
			typed := plain
			typed.Header = webhook.Header{"content-type": {contentType}}
			err, typedErr := verifier.Sign(&plain, key, "msg_1", now), verifier.Sign(&typed, key, "msg_1", now)
			if fmt.Sprint(err) != fmt.Sprint(typedErr) || err == nil && plain.URL != typed.URL {
				t.Fatalf("%s: %v, %v", name, err, typedErr)
			}
			for header, values := range plain.Header {
				typed.Header[header] = values
			}
			got, err := verifier.Verify(plain, []webhook.Key{key}, now)
			typedGot, typedErr := verifier.Verify(typed, []webhook.Key{key}, now)
			if got != typedGot || fmt.Sprint(err) != fmt.Sprint(typedErr) {
				t.Fatalf("%s: %d %v, as %q: %d %v", name, got, err, contentType, typedGot, typedErr)
			}
		}
	})
}
