package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"vicihook/function/event"
)

var at = time.UnixMilli(1584112334567)

// fixed are options that fix everything but the trace id.
var fixed = event.Options{RequestID: "LV7fzho-PHcEJPw=", Time: at, SourceIP: "198.51.100.7"}

// sample returns testdata/webhook.http, with the case of its header names.
func sample(t *testing.T) (*http.Request, []byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/webhook.http")
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "\n\n")
	body = strings.TrimSuffix(body, "\n")
	lines := strings.Split(head, "\n")
	method, target := strings.Fields(lines[0])[0], strings.Fields(lines[0])[1]
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header[name] = append(r.Header[name], value)
		}
	}
	r.Header["X-Amzn-Trace-Id"] = []string{"Root=1-5e6ba24e-000000000000000000000000"}
	return r, []byte(body)
}

func TestEventOfEachFront(t *testing.T) {
	t.Parallel()
	for _, front := range event.Fronts() {
		t.Run(string(front), func(t *testing.T) {
			t.Parallel()
			r, body := sample(t)
			got, err := front.Encode(r, body, fixed)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("testdata/" + string(front) + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if g, w := indented(t, got), indented(t, want); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

func indented(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, _ := json.MarshalIndent(v, "", "  ")
	return string(out)
}

func TestAWSTypesDecodeTheEvents(t *testing.T) {
	t.Parallel()
	v2, v1, furl := new(events.APIGatewayV2HTTPRequest), new(events.APIGatewayProxyRequest), new(events.LambdaFunctionURLRequest)
	for front, into := range map[event.Front]any{event.HTTPAPI: v2, event.REST: v1, event.FunctionURL: furl} {
		r, body := sample(t)
		raw, err := front.Encode(r, body, fixed)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Errorf("%s: %v", front, err)
		}
	}
	if v2.RequestContext.TimeEpoch != at.UnixMilli() || v1.RequestContext.RequestTimeEpoch != at.UnixMilli() || furl.RequestContext.TimeEpoch != at.UnixMilli() {
		t.Error("the request's time is lost")
	}
	if got, want := v1.MultiValueHeaders["x-multi"], []string{"1", "2,3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("REST x-multi: got %q, want %q", got, want)
	}
}

func TestBodyEncodingByContentType(t *testing.T) {
	t.Parallel()
	for contentType, plain := range map[string]bool{
		"application/json":                  true,
		"Application/JSON; charset=utf-8":   true,
		"application/xml":                   true,
		"application/javascript":            true,
		"text/csv":                          true,
		"":                                  false,
		"application/x-www-form-urlencoded": false,
		"application/problem+json":          false,
		"application/octet-stream":          false,
		"multipart/form-data; boundary=x":   false,
	} {
		body := []byte(`a=1&b=<2>`)
		r := httptest.NewRequest("POST", "/webhooks/crm", nil)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		for _, front := range []event.Front{event.HTTPAPI, event.FunctionURL} {
			text, encoded := bodyOf(t, front, r, body, event.Options{})
			if encoded == plain {
				t.Errorf("%s, %q: isBase64Encoded is %v", front, contentType, encoded)
			}
			if !bytes.Equal(text, body) {
				t.Errorf("%s, %q: the body became %q", front, contentType, text)
			}
		}
		if _, encoded := bodyOf(t, event.REST, r, body, event.Options{}); encoded {
			t.Errorf("rest, %q: encoded without being told to", contentType)
		}
	}
}

func TestBinaryMediaTypesOfARESTAPI(t *testing.T) {
	t.Parallel()
	for media, want := range map[string]bool{"*/*": true, "application/json": true, "application/*": true, "text/*": false} {
		r := httptest.NewRequest("POST", "/webhooks/crm", nil)
		r.Header["content-TYPE"] = []string{"application/json"}
		text, got := bodyOf(t, event.REST, r, []byte("{}\n"), event.Options{BinaryMediaTypes: []string{media}})
		if got != want || string(text) != "{}\n" {
			t.Errorf("%s: encoded %v, body %q", media, got, text)
		}
	}
}

// bodyOf returns the decoded body of an event.
func bodyOf(t testing.TB, front event.Front, r *http.Request, body []byte, o event.Options) (decoded []byte, encoded bool) {
	t.Helper()
	raw, err := front.Encode(r, body, o)
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	if !e.IsBase64Encoded {
		return []byte(e.Body), false
	}
	decoded, err = base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return decoded, true
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for target, routed := range map[string]bool{
		"POST /webhooks/crm":       true,
		"POST /webhooks/a%20b":     true,
		"GET /webhooks/crm":        false,
		"POST /webhooks":           false,
		"POST /webhooks/":          false,
		"POST /webhooks/crm/":      false,
		"POST /webhooks/crm/more":  false,
		"POST /Webhooks/crm":       false,
		"POST /":                   false,
		"POST /Prod/webhooks/crm/": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		for _, front := range []event.Front{event.HTTPAPI, event.REST} {
			if _, err := front.Encode(r, nil, fixed); errors.Is(err, event.ErrNoRoute) == routed {
				t.Errorf("%s %s: %v", front, target, err)
			}
		}
		if _, err := event.FunctionURL.Encode(r, nil, fixed); err != nil {
			t.Errorf("url %s: %v", target, err)
		}
	}
}

func TestStageOfARESTPath(t *testing.T) {
	t.Parallel()
	raw, err := event.REST.Encode(httptest.NewRequest("POST", "/Prod/webhooks/crm", nil), nil, fixed)
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayProxyRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	if e.Path != "/webhooks/crm" || e.RequestContext.Path != "/Prod/webhooks/crm" {
		t.Errorf("path %q, requestContext.path %q", e.Path, e.RequestContext.Path)
	}
	if !bytes.Contains(raw, []byte(`"body":null`)) || !bytes.Contains(raw, []byte(`"queryStringParameters":null`)) {
		t.Errorf("what is empty must be null: %s", raw)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("POST", "/webhooks/crm?a=1&a=%zz", "X-Sig", "v1,a", "application/json", []byte(`{"a":1}`))
	f.Add("POST", "/webhooks/%2F?=&&;", "x-SIG", "", "", []byte{0xff, 0x00})
	f.Add("GET", "/", "cookie", "a=1;; b", "text/plain", []byte(nil))
	f.Fuzz(func(t *testing.T, method, target, name, value, contentType string, body []byte) {
		r, err := http.NewRequest(method, target, nil)
		if err != nil {
			t.Skip()
		}
		r.Header[name] = []string{value}
		r.Header["Content-Type"] = append(r.Header["Content-Type"], contentType)
		for _, front := range event.Fronts() {
			if _, err := front.Encode(r, body, fixed); err != nil {
				continue
			}
			if got, encoded := bodyOf(t, front, r, body, fixed); encoded && !bytes.Equal(got, body) {
				t.Errorf("%s: body %q became %q", front, body, got)
			}
		}
	})
}

func ExampleFront_Encode() {
	body := []byte(`call_id=Y1221052110000402027`)
	r, _ := http.NewRequest("POST", "https://hooks.example.com/webhooks/crm", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	raw, err := event.HTTPAPI.Encode(r, body, event.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var e events.APIGatewayV2HTTPRequest
	_ = json.Unmarshal(raw, &e)
	decoded, _ := base64.StdEncoding.DecodeString(e.Body)
	fmt.Println(e.RouteKey, e.PathParameters["source"], e.IsBase64Encoded)
	fmt.Println(string(decoded))
	// Output:
	// POST /webhooks/{source} crm true
	// call_id=Y1221052110000402027
}
