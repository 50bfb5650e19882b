//go:build unix

package systemtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/apigw"
	"vicihook/infra/local/stack"
)

var update = flag.Bool("update", false, "write the sample events again")

const (
	samplePublicURL = "https://hooks.example.com"
	sampleFolder    = "../../../events"
)

// sampleTime is long past, so that a sample with a signed time is stale.
var sampleTime = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// A sample is one file of events.
type sample struct {
	page   string // whose first example it carries
	front  event.Front
	binary []string
	header map[string]string
}

var samples = map[string]sample{
	"chatwoot.json":         {page: "chatwoot", front: event.HTTPAPI},
	"crm.json":              {page: "crm", front: event.HTTPAPI},
	"crm-rest.json":         {page: "crm", front: event.REST},
	"crm-rest-base64.json":  {page: "crm", front: event.REST, binary: []string{"*/*"}},
	"crm-function-url.json": {page: "crm", front: event.FunctionURL},
	"freshdesk.json":        {page: "freshdesk", front: event.HTTPAPI},
	"front.json":            {page: "front", front: event.HTTPAPI},
	"github.json":           {page: "github", front: event.HTTPAPI, header: map[string]string{"X-GitHub-Event": "issues"}},
	"helpscout.json":        {page: "helpscout", front: event.HTTPAPI, header: map[string]string{"X-HelpScout-Event": "convo.status"}},
	"hubspot.json":          {page: "hubspot", front: event.HTTPAPI},
	"intercom.json":         {page: "intercom", front: event.HTTPAPI},
	"jira.json":             {page: "jira", front: event.HTTPAPI},
	"salesforce.json":       {page: "salesforce", front: event.HTTPAPI},
	"servicenow.json":       {page: "servicenow", front: event.HTTPAPI},
	"slack.json":            {page: "slack", front: event.HTTPAPI},
	"zammad.json":           {page: "zammad", front: event.HTTPAPI},
	"zendesk.json":          {page: "zendesk", front: event.HTTPAPI},
}

// sampleKey returns the key in events/README.md.
func sampleKey(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sampleFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("\n```\n([A-Za-z]+)\n```\n").FindSubmatch(text)
	if found == nil {
		t.Fatal("events/README.md tells no key")
	}
	return string(found[1])
}

// event returns the sample, signed as its sender does and encoded as AWS does.
func (s sample) event(t *testing.T, src *source.Source, e example) []byte {
	t.Helper()
	key, err := src.Scheme.ParseKey(sampleKey(t))
	if err != nil {
		t.Fatal(err)
	}
	signed := webhook.Request{Method: http.MethodPost, URL: samplePublicURL + "/webhooks/" + e.source, Body: []byte(e.body)}
	if err := src.Verifier.Sign(&signed, key, "msg_sample", sampleTime); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(signed.Method, signed.URL, bytes.NewReader(signed.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range signed.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	for name, value := range s.header {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", e.contentType)
	r.Header.Set("User-Agent", "sample")
	r.Header.Set("X-Amzn-Trace-Id", "Root=1-697deec0-000000000000000000000000")
	payload, err := s.front.Encode(r, signed.Body, event.Options{
		RequestID: "sample", Time: sampleTime, SourceIP: "203.0.113.9", BinaryMediaTypes: s.binary,
	})
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, payload, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(indented.Bytes(), '\n')
}

func TestSampleEventsMatchTheirPages(t *testing.T) {
	pages := readPages(t)
	sources, err := source.Load(allSources(t, pages))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range samples {
		e := pages[s.page].examples[0]
		src, _ := sources.Lookup(e.source)
		want, path := s.event(t, src, e), filepath.Join(sampleFolder, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("events/%s is not what page, encoder and signer make: run go test ./function/internal/systemtest -run SampleEvents -update", name)
		}
		checkDecoded(t, name, got, e)
	}
	files, err := filepath.Glob(filepath.Join(sampleFolder, "*.json"))
	if err != nil || len(files) != len(samples) {
		t.Errorf("events holds %v, %v: each must be in the table of samples", files, err)
	}
}

// checkDecoded checks that the function decodes an event to the sender's request.
func checkDecoded(t *testing.T, name string, payload []byte, e example) {
	t.Helper()
	var got hangup.Request
	g := gateway.Gateway{PublicURL: samplePublicURL, Handle: func(_ context.Context, r hangup.Request) hangup.Answer {
		got = r
		return hangup.Answer{}
	}}
	if _, err := g.Invoke(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	if got.Source != e.source || got.ContentType != e.contentType || string(got.Webhook.Body) != e.body ||
		got.Webhook.Method != http.MethodPost || got.Webhook.URL != samplePublicURL+"/webhooks/"+e.source || !got.Received.Equal(sampleTime) {
		t.Errorf("events/%s decodes to %+v", name, got)
	}
}

func TestSampleEventsGetTheirOutcome(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	file, key := allSources(t, pages), sampleKey(t)
	b := newFixture(t, stack.Config{
		SourcesFile: file, Env: map[string]string{"PUBLIC_URL": samplePublicURL}, Keys: keysFor(t, file, key),
	})
	command := buildCommand(t)
	for name, s := range samples {
		t.Run(name, func(t *testing.T) {
			e, path := pages[s.page].examples[0], filepath.Join(sampleFolder, name)
			src, _ := b.sources.Lookup(e.source)
			stale, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			asItLies := e.outcome
			if src.Scheme.Tolerance > 0 {
				asItLies = "unauthorized"
			}
			b.invoke(t, s.front, stale, e.body, asItLies)
			if asItLies == "unauthorized" && !strings.Contains(b.lastLine(), webhook.ErrTooOld.Error()) {
				t.Errorf("the log does not say that the sample is stale: %s", b.lastLine())
			}
			sign := exec.CommandContext(t.Context(), command, "sign", "--event-file", path, "--sources", file)
			sign.Env = append(os.Environ(), "VICIHOOK_KEY="+key)
			fresh, err := sign.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
			}
			b.invoke(t, s.front, fresh, e.body, e.outcome)
		})
	}
}

// invoke runs one event and checks its outcome and the state of the call that its body names.
func (b *fixture) invoke(t *testing.T, front event.Front, payload []byte, body, outcome string) {
	t.Helper()
	call := b.addCallFor(body)
	result, err := b.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	response, err := apigw.Answer(front, result.Payload)
	if err != nil {
		t.Fatalf("%s: %v", result.Payload, err)
	}
	var answer struct{ Outcome string }
	if err := json.Unmarshal(response.Body, &answer); err != nil || answer.Outcome != outcome {
		t.Errorf("got %d %s, want %s; the log:\n%s", response.Status, response.Body, outcome, b.lastLine())
	}
	b.checkCall(t, call, outcome)
}

// keysFor gives every source of a file one key.
func keysFor(t *testing.T, file, key string) map[string]string {
	t.Helper()
	sources, err := source.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, name := range sources.Names() {
		keys[name] = key
	}
	return keys
}

// buildCommand returns the integrator's command, built once for all tests.
func buildCommand(t *testing.T) (path string) {
	t.Helper()
	path, err := builtCommand()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var builtCommand = sync.OnceValues(func() (string, error) {
	path := filepath.Join(tools, "vicihook")
	if out, err := exec.Command("go", "build", "-o", path, "vicihook/function/cmd/vicihook").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})
