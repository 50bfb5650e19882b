//go:build unix

package workbench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"vicihook/vicicall/vicitest"
)

// An order is a webhook that the page sends.
type order struct {
	Source, Key, Body, ContentType string
	Fault                          string // one of vicitest.Faults; may be empty
	Spoil                          string // wrong-key, changed-body, old-time or unsigned; empty sends it unchanged
}

// A step is one thing that happened, with the time since the webhook was posted.
type step struct {
	Name  string  `json:"name"`
	Text  string  `json:"text"`
	State string  `json:"state"` // ok, failed or empty
	Ms    float64 `json:"ms"`
}

// send signs a payload with the command, posts it, and returns every step that followed.
func (b *Workbench) send(w http.ResponseWriter, r *http.Request) {
	var o order
	if !read(w, r, &o) {
		return
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	headers, err := b.sign(r.Context(), o)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	server := b.cfg.Stack.VICIdial
	server.ClearFaults()
	defer server.ClearFaults()
	if o.Fault != "" {
		if err := server.Inject(vicitest.Fault{Name: o.Fault}); err != nil {
			fail(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	result, err := b.post(r.Context(), o, headers)
	if err != nil {
		fail(w, http.StatusBadGateway, err.Error())
		return
	}
	reply(w, result)
}

// sign returns the headers of the sender's signature, spoiled as ordered.
func (b *Workbench) sign(ctx context.Context, o order) (http.Header, error) {
	if o.Spoil == "unsigned" {
		return http.Header{}, nil
	}
	args := []string{"sign", "--sources", b.cfg.Sources, "--source", o.Source, "--url", b.cfg.Stack.URL,
		"--content-type", cmp.Or(o.ContentType, "application/json"), "--body", "-"}
	if o.Spoil == "old-time" {
		args = append(args, "--at", time.Now().Add(-time.Hour).Format(time.RFC3339))
	}
	key := o.Key
	if o.Spoil == "wrong-key" {
		key = otherKey(key)
	}
	out, status, err := b.run(ctx, key, o.Body, args...)
	if err != nil {
		return nil, err
	}
	if status != 0 {
		return nil, fmt.Errorf("vicihook sign: %s", strings.TrimSpace(out))
	}
	headers := http.Header{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			headers.Add(name, value)
		}
	}
	return headers, nil
}

// otherKey returns a key of the same form with one character changed, in the middle, where base64 has no padding.
func otherKey(key string) string {
	at, swapped := len(key)/2, byte('A')
	if key == "" {
		return key
	}
	if key[at] == swapped {
		swapped = 'B'
	}
	return key[:at] + string(swapped) + key[at+1:]
}

// run runs the command with a key in its environment and text on its standard input, and returns what it printed.
func (b *Workbench) run(ctx context.Context, key, stdin string, args ...string) (out string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.cfg.Command, args...)
	cmd.Env = append(os.Environ(), "VICIHOOK_KEY="+key)
	cmd.Stdin = strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState != nil && ctx.Err() == nil {
		return string(text), cmd.ProcessState.ExitCode(), nil
	}
	return "", 0, fmt.Errorf("the vicihook command: %w", err)
}

// post sends the webhook and collects the requests to VICIdial, the function's log line and the calls in the tables.
func (b *Workbench) post(ctx context.Context, o order, headers http.Header) (map[string]any, error) {
	body := o.Body
	if o.Spoil == "changed-body" {
		body += " "
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.Stack.URL+"/webhooks/"+o.Source, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = headers.Clone()
	request.Header.Set("Content-Type", cmp.Or(o.ContentType, "application/json"))
	server := b.cfg.Stack.VICIdial
	asked, logged := len(server.Requests()), len(b.cfg.Stack.Logs())
	begun := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	d := delivery{
		begun: begun, took: took, status: response.StatusCode, retryAfter: response.Header.Get("Retry-After"),
		asked: server.Requests()[asked:], log: logLine(b.cfg.Stack.Logs()[logged:]),
	}
	_ = json.Unmarshal(b.sources[o.Source], &d.source) // New has read it
	_ = json.Unmarshal(text, &d.answer)                // without JSON there is no outcome
	return map[string]any{"steps": d.steps(server.Call), "log": d.log, "answer": string(text), "outcome": d.answer.Outcome}, nil
}

// logLine returns the delivery's line in what the function has logged.
func logLine(lines []string) map[string]any {
	for _, line := range lines {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["outcome"] != nil {
			return fields
		}
	}
	return nil
}

// explain passes a captured request to the command.
func (b *Workbench) explain(w http.ResponseWriter, r *http.Request) {
	var o struct{ Request, Key, Source, Scheme, URL string }
	if !read(w, r, &o) {
		return
	}
	args := []string{"explain", "--sources", b.cfg.Sources}
	if o.Scheme != "" {
		args = append(args, "--scheme", o.Scheme)
	} else if o.Source != "" {
		args = append(args, "--source", o.Source)
	}
	if o.URL != "" {
		args = append(args, "--url", o.URL)
	}
	out, status, err := b.run(r.Context(), o.Key, o.Request, args...)
	if err != nil {
		fail(w, http.StatusBadGateway, err.Error())
		return
	}
	reply(w, map[string]any{"text": out, "verifies": status == 0})
}

// readSources returns the members of sources.json as they stand, for the page to show.
func readSources(path string) (map[string]json.RawMessage, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var sources map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &sources); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sources, nil
}

// sampleOf returns the payload of a sample event, and the source that it is for.
func sampleOf(text []byte) (source string, s Sample, ok bool) {
	var event struct {
		RawPath, Path, Body string
		Headers             map[string]string
		IsBase64Encoded     bool
	}
	if json.Unmarshal(text, &event) != nil {
		return "", Sample{}, false
	}
	_, source, ok = strings.Cut(cmp.Or(event.RawPath, event.Path), "/webhooks/")
	s = Sample{ContentType: "application/json", Body: event.Body}
	for name, value := range event.Headers {
		if strings.EqualFold(name, "content-type") {
			s.ContentType = value
		}
	}
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		s.Body, ok = string(decoded), ok && err == nil
	}
	return source, s, ok
}
