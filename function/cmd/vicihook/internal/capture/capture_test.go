package capture_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vicihook/function/cmd/vicihook/internal/capture"
	"vicihook/function/event"
)

const sent = `{"call_id":"Y1221052110000402027","note":"it's \"so\" \\ ü"}`

type want struct {
	form                capture.Form
	method, url, source string
	header              map[string]string
	body                string
}

var readable = map[string]struct {
	text string
	want want
}{
	"raw HTTP with CRLF": {
		"POST /webhooks/crm?x=1 HTTP/1.1\r\nHost: hooks.example.com\r\nX-Signature:  abc \r\n\r\n" + sent + "\n",
		want{capture.RawHTTP, "POST", "https://hooks.example.com/webhooks/crm?x=1", "crm", map[string]string{"x-signature": "abc"}, sent + "\n"},
	},
	"raw HTTP pasted with LF, its body with CRLF": {
		"PUT /webhooks/crm HTTP/2\nhost: a.example\n\na\r\n\r\nb",
		want{capture.RawHTTP, "PUT", "https://a.example/webhooks/crm", "crm", map[string]string{"host": "a.example"}, "a\r\n\r\nb"},
	},
	"header lines alone": {
		"X-Signature: abc\nContent-Type: application/json\n",
		want{capture.RawHTTP, "POST", "", "", map[string]string{"x-signature": "abc", "content-type": "application/json"}, ""},
	},
	"an absolute request target": {
		"POST https://b.example/webhooks/desk HTTP/1.1\nHost: a.example\n\n",
		want{capture.RawHTTP, "POST", "https://b.example/webhooks/desk", "desk", nil, ""},
	},
	"curl as Chrome copies it": {
		"curl 'https://hooks.example.com/webhooks/crm' \\\n  -H 'x-signature: sha256=ab' \\\n  -H 'content-type: application/json' \\\n  --data-raw $'{\"a\":\"it\\'s \\u00fc\\n\\x41\\101 100%d%%\"}' \\\n  --compressed",
		want{capture.Curl, "POST", "https://hooks.example.com/webhooks/crm", "crm", map[string]string{"x-signature": "sha256=ab"}, "{\"a\":\"it's ü\nAA 100%d%%\"}"},
	},
	"curl with joined data and short options": {
		`curl -s -o /dev/null -XPUT -H"X-A: 1" -d a=1 --data "b=\"2\"" --url=http://127.0.0.1:4310/webhooks/desk`,
		want{capture.Curl, "PUT", "http://127.0.0.1:4310/webhooks/desk", "desk", map[string]string{"x-a": "1", "content-type": "application/x-www-form-urlencoded"}, `a=1&b="2"`},
	},
	"curl with several switches in one word": {
		`curl -fsSL -kXPUT https://a.example/webhooks/crm -sd a=1`,
		want{capture.Curl, "PUT", "https://a.example/webhooks/crm", "crm", nil, "a=1"},
	},
	"curl with JSON and a password": {
		`curl --json '{}' -u me:pass https://a.example/webhooks/basic`,
		want{capture.Curl, "POST", "https://a.example/webhooks/basic", "basic", map[string]string{"content-type": "application/json", "authorization": "Basic bWU6cGFzcw=="}, "{}"},
	},
	"curl as it is saved on Windows, with a variable": {
		"curl 'https://a.example/webhooks/crm' \\\r\n  -H \"X-A: $KEY\" -d '{\"a\":\"$5\"}'\r\n",
		want{capture.Curl, "POST", "https://a.example/webhooks/crm", "crm", map[string]string{"x-a": "$KEY"}, `{"a":"$5"}`},
	},
	"curl without data": {
		`curl https://a.example/webhooks/crm?x=1`,
		want{capture.Curl, "GET", "https://a.example/webhooks/crm?x=1", "crm", nil, ""},
	},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range readable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := capture.Read([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got.Form != test.want.form || got.Method != test.want.method || got.URL != test.want.url || got.Source != test.want.source {
				t.Errorf("got %s %s %s %s, want %+v", got.Form, got.Method, got.URL, got.Source, test.want)
			}
			for header, value := range test.want.header {
				if !reflect.DeepEqual(got.Header[header], []string{value}) {
					t.Errorf("header %s: got %q, want %q", header, got.Header[header], value)
				}
			}
			if string(got.Body) != test.want.body {
				t.Errorf("body: got %q, want %q", got.Body, test.want.body)
			}
		})
	}
}

var unreadable = map[string]struct{ text, why string }{
	"nothing":                          {" \n", "empty"},
	"text that is no request":          {"hello world\n", "line 1"},
	"a bare payload":                   {sent, "--body"},
	"broken JSON":                      {`{"rawPath":`, "like JSON"},
	"an event of the wrong types":      {`{"rawPath":1}`, "rawPath"},
	"a base64 flag that does not hold": {`{"version":"2.0","rawPath":"/webhooks/crm","isBase64Encoded":true,"body":"{not base64}"}`, "isBase64Encoded"},
	"a body that is too large":         {`{"version":"2.0","rawPath":"/webhooks/crm","body":"` + strings.Repeat("a", 257<<10) + `"}`, "256 KiB"},
	"a header without a colon":         {"POST /webhooks/crm HTTP/1.1\nHost: a\nSECRETSECRET\n", "line 2"},
	"a request line alone":             {"POST /webhooks/crm HTTP/1.1\n", "no header"},
	"curl without a URL":               {"curl -H 'a: b'", "URL"},
	"curl that reads a file":           {"curl https://a -d @body.json", "--body"},
	"curl with an unknown option":      {"curl https://a -F a=b", "-F"},
	"curl with an option cut off":      {"curl https://a -H", "no value"},
	"curl with an open quote":          {"curl 'https://a", "not closed"},
	"curl with a URL outside quotes":   {"curl https://a?x=1&SECRET=2", "line 1, column 19"},
	"curl with another command in it":  {"curl https://a -d \"$(cat SECRET)\"", "a shell computes"},
	"curl with a sum in it":            {"curl https://a -d $((9**9))", "a shell computes"},
	"curl with a list of a billion":    {"curl https://a -d {1..999999999}", "a shell computes"},
	"curl with a loop in a variable":   {"curl https://a -d \"${SECRET//a/b}\"", "a shell computes"},
	"curl with bytes that are no text": {"curl https://a -d 'SECRET\xff'", "--body"},
	"curl with line ends of Windows":   {"curl https://a -d 'a\r\nb'", "--body"},
	"curl with a header that is none":  {"curl https://a -H SECRETSECRET", "Name: value"},
}

func TestReadRejects(t *testing.T) {
	t.Parallel()
	for name, test := range unreadable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := capture.Read([]byte(test.text))
			if !errors.Is(err, capture.ErrUnreadable) || !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %v, want ErrUnreadable that says %q", err, test.why)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error quotes the capture: %v", err)
			}
		})
	}
}

func TestReadEventOfEveryFront(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_790_000_000_123)
	for _, front := range event.Fronts() {
		for _, contentType := range []string{"application/json", "application/x-www-form-urlencoded"} {
			r := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/webhooks/crm", nil)
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("X-Signature", "sha256=ab")
			payload, err := front.Encode(r, []byte(sent), event.Options{Time: at})
			if err != nil {
				t.Fatal(err)
			}
			got, err := capture.Read(payload)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != sent || got.Header["x-signature"][0] != "sha256=ab" || got.Source != "crm" ||
				got.URL != "https://hooks.example.com/webhooks/crm" || !got.Received.Equal(at) {
				t.Errorf("%s, %s: got %+v", front, contentType, got)
			}
			if wantStage := map[event.Front]string{event.REST: event.RESTStage}[front]; got.Stage != wantStage {
				t.Errorf("%s: stage: got %q, want %q", front, got.Stage, wantStage)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, test := range readable {
		f.Add([]byte(test.text))
	}
	for _, test := range unreadable {
		f.Add([]byte(test.text[:min(len(test.text), 1000)]))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := capture.Read(text)
		if (err == nil) == (got.Form == "") || err != nil && !errors.Is(err, capture.ErrUnreadable) {
			t.Errorf("got %+v and %v", got, err)
		}
	})
}

// Whatever text a shell would hand to curl comes out as it was; all else is refused.
func FuzzCurlBody(f *testing.F) {
	f.Add(sent)
	f.Add("it's\n $HOME `x` \\ \u2028\ufeff~{a,b}*")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, body string) {
		got, err := capture.Read([]byte("curl https://a.example --data-raw '" + strings.ReplaceAll(body, "'", `'\''`) + "'"))
		if err != nil && (strings.ContainsAny(body, "\r\x00") || !utf8.ValidString(body)) {
			return
		}
		if err != nil || string(got.Body) != strings.ReplaceAll(body, "\\\r\n", "\\\n") {
			t.Errorf("got %q and %v, want %q", got.Body, err, body)
		}
	})
}
