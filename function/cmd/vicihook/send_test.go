package main

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
)

const hungUp = `{"outcome":"hungup","call_id":"` + callID + `","message":"the call is no longer listed","reply":"SUCCESS: ra_call_control hungup"}`

func verified(scheme webhook.Scheme, text string, r webhook.Request) error {
	verifier, err := webhook.NewVerifier(scheme)
	if err != nil {
		return err
	}
	key, err := scheme.ParseKey(text)
	if err != nil {
		return err
	}
	_, err = verifier.Verify(r, []webhook.Key{key}, time.Now())
	return err
}

var sends = map[string]struct {
	answer http.HandlerFunc
	args   []string
	status int
	stdout string
	stderr string
}{
	"an outcome with a 2xx status passes":      {outcome(200, hungUp), nil, statusOK, "outcome   hungup\n", ""},
	"any other outcome fails":                  {outcome(503, `{"outcome":"still_listed","message":"listed"}`), nil, statusFailed, "answer    503 Service Unavailable", "outcome still_listed (HTTP status 503)"},
	"the expected outcome passes":              {outcome(503, `{"outcome":"still_listed"}`), args("--expect still_listed"), statusOK, "still_listed", ""},
	"another than the expected outcome fails":  {outcome(200, hungUp), args("--expect no_active_call"), statusFailed, "hungup", "expected the outcome no_active_call, got hungup"},
	"an answer of something else fails":        {outcome(200, "<html>"), nil, statusFailed, "answer    200 OK", "without an outcome"},
	"a redirect is not followed":               {http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, nil, statusFailed, "302 Found", "without an outcome"},
	"an answer can't steer the terminal":       {outcome(200, `{"outcome":"hungup","message":"\u001b[2Jgone"}`), nil, statusOK, "message   ?[2Jgone", ""},
	"an answer that is too large fails":        {outcome(200, strings.Repeat(" ", maxAnswer+1)), nil, statusFailed, "request", "larger than"},
	"a stale delivery is sent as it is":        {outcome(200, hungUp), args("--at 2020-01-01T00:00:00Z --expect unauthorized"), statusOK, "unauthorized", ""},
	"a delivery of an hour ago is stale, too":  {outcome(200, hungUp), args("--at 1h --expect unauthorized"), statusOK, "unauthorized", ""},
	"with --json the answer is printed, alone": {outcome(200, hungUp), args("--json"), statusOK, hungUp, ""},
}

func TestSend(t *testing.T) {
	t.Parallel()
	for name, test := range sends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, "standard-webhooks", crmKey, test.answer)
			c := sendTo(f.URL, test.args...)
			c.env = map[string]string{"VICIHOOK_SOURCE": "crm"}
			r := vicihook(t, c)
			if r.status != test.status || !strings.Contains(r.stdout, test.stdout) || !strings.Contains(r.stderr, test.stderr) || (test.stderr == "") != (r.stderr == "") {
				t.Errorf("got %d\n%s%s\nwant %d, %q, %q", r.status, r.stdout, r.stderr, test.status, test.stdout, test.stderr)
			}
			if slices.Contains(test.args, "--json") && r.stdout != hungUp+"\n" {
				t.Errorf("got %q", r.stdout)
			}
			if len(f.deliveries) != 1 {
				t.Fatalf("%d deliveries reached the front", len(f.deliveries))
			}
			for _, signature := range f.deliveries[0].Header["webhook-signature"] {
				if strings.Contains(r.stdout+r.stderr, signature) {
					t.Error("the output shows the signature")
				}
			}
		})
	}
}

func TestSendPrintsRequestAndAnswer(t *testing.T) {
	t.Parallel()
	f := newFront(t, "standard-webhooks", crmKey, outcome(200, hungUp))
	r := vicihook(t, sendTo(f.URL, "--disposition", "SALE", "--ref", "4711", "--actor", "jo"))
	got := regexp.MustCompile(`in [0-9.]+[µm]?s`).ReplaceAllString(strings.ReplaceAll(r.stdout, f.URL, "URL"), "in T")
	want := `request   POST URL/webhooks/crm
payload   {"agent_user":"1028","by":"jo","call_id":"Y1221052110000402027","disposition":"SALE","ticket":"4711"}
signed    standard-webhooks
answer    200 OK in T
body      ` + hungUp + `
outcome   hungup
message   the call is no longer listed
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSendReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	f := newFront(t, "zendesk", "k9Zr41xPq0mUe7Tn2sWvYb8L", outcome(200, hungUp))
	help := file(t, "sources.json", `{"help": {"scheme": "zendesk", "agent_user": ".ticket.agent", "ref": ".ticket.id"}}`)
	r := vicihook(t, call{args: args("send --ref 7"), env: map[string]string{
		"VICIHOOK_URL": f.URL, "VICIHOOK_SOURCE": "help", "SOURCES_FILE": help, "VICIHOOK_KEY": "k9Zr41xPq0mUe7Tn2sWvYb8L",
		"VICIHOOK_CALL_ID": callID, "VICIHOOK_AGENT_USER": "1028",
	}})
	if r.status != statusOK || !strings.Contains(r.stdout, "/webhooks/help") {
		t.Fatalf("got %+v", r)
	}
	if got, want := string(f.deliveries[0].Body), `{"call_id":"`+callID+`","ticket":{"agent":"1028","id":"7"}}`; got != want {
		t.Errorf("the payload is not where the source looks: got %s, want %s", got, want)
	}
}

func TestSendBody(t *testing.T) {
	t.Parallel()
	const body = "{ \"call_id\":\t\"Y1\" }\r\n\n"
	f := newFront(t, "github", "k9Zr41xPq0mUe7Tn2sWvYb8L", outcome(200, `{"outcome":"ignored"}`))
	r := vicihook(t, call{
		args:  args("send --source github --body - --url "+f.URL, "--key-file", file(t, "key", "k9Zr41xPq0mUe7Tn2sWvYb8L\n")),
		stdin: body,
	})
	if r.status != statusOK || !strings.Contains(r.stdout, "payload   22 bytes\n") {
		t.Errorf("got %+v", r)
	}
	if !bytes.Equal(f.deliveries[0].Body, []byte(body)) {
		t.Errorf("sent %q", f.deliveries[0].Body)
	}
}

func TestSendWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := newFront(t, "standard-webhooks", crmKey, func(_ http.ResponseWriter, r *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	if r := vicihook(t, sendTo(slow.URL, "--timeout", "20ms")); r.status != statusNoAnswer || !strings.Contains(r.stderr, "within 20ms") {
		t.Errorf("a slow front: got %+v", r)
	}
	gone := newFront(t, "standard-webhooks", crmKey, nil)
	gone.Close()
	if r := vicihook(t, sendTo(gone.URL)); r.status != statusNoAnswer || !strings.Contains(r.stderr, "no answer from "+gone.URL) {
		t.Errorf("a front that is gone: got %+v", r)
	}
	torn := newFront(t, "standard-webhooks", crmKey, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	})
	if r := vicihook(t, sendTo(torn.URL)); r.status != statusNoAnswer || !strings.Contains(r.stderr, "unexpected EOF") {
		t.Errorf("half an answer: got %+v", r)
	}
}
