package systemtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/event"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/apigw"
	"vicihook/vicicall"
)

const (
	publicURL = "https://hooks.example.com/base"
	formType  = "application/x-www-form-urlencoded"
	someKey   = "6b1f0c9be27d63a8543e17c0d92b6f8a451f0c9be27d63a8543e17c0d92b6f8a" // as text, hex and base64 alike
	otherKey  = "451f0c9be27d63a8543e17c0d92b6f8a6b1f0c9be27d63a8543e17c0d92b6f8a"
)

// A front is a kind of gateway, and for REST the content types that it encodes.
type front struct {
	front  event.Front
	binary []string
}

var fronts = map[string]front{
	"HTTP API":             {front: event.HTTPAPI},
	"Function URL":         {front: event.FunctionURL},
	"REST API":             {front: event.REST},
	"REST API with base64": {front: event.REST, binary: []string{"*/*"}},
}

// A verdict is the answer, the logged cause, and the number of calls that VICIdial was asked to end.
type verdict struct {
	status  int
	outcome hangup.Outcome
	cause   error
	hangups int
}

// A handlerFixture is gateway and handler with every preset, and a VICIdial and secrets that always succeed.
type handlerFixture struct {
	sources *source.Sources
	ring    source.Keyring
	log     bytes.Buffer
	hangups int
}

func newHandlerFixture(t *testing.T) *handlerFixture {
	t.Helper()
	definitions := map[string]any{
		"token": map[string]any{"scheme": map[string]any{"kind": "token", "header": []string{"X-Token"}}, "accept_unsigned": true},
		"basic": map[string]any{"scheme": map[string]any{"kind": "basic"}, "accept_unsigned": true},
	}
	keys := map[string]string{"token": someKey, "basic": "crm:" + someKey}
	for _, preset := range webhook.PresetNames() {
		definitions[preset] = map[string]any{"scheme": preset}
		keys[preset] = someKey
	}
	text, _ := json.Marshal(definitions)
	sources, err := source.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := json.Marshal(keys)
	ring, err := sources.ParseKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &handlerFixture{sources: sources, ring: ring}
}

func (h *handlerFixture) Keys(_ context.Context, name string) (source.Keys, hangup.Refresh, error) {
	return h.ring[name], h.refresh, nil
}

func (h *handlerFixture) Verified(string) {}

func (h *handlerFixture) Credentials(context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	return vicicall.Credentials{}, h.refresh, nil
}

func (h *handlerFixture) refresh(context.Context, string) (bool, error) { return false, nil }

func (h *handlerFixture) Hangup(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error) {
	h.hangups++
	return vicicall.Result{Outcome: vicicall.HungUp}, nil
}

func (h *handlerFixture) Find(context.Context, vicicall.Credentials, vicicall.Query) (vicicall.Agent, error) {
	return vicicall.Agent{}, errors.New("nothing is looked up here")
}

func (h *handlerFixture) Check(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error) {
	return vicicall.Result{}, errors.New("nothing is looked at here")
}

// enter sends a request through a front.
func (h *handlerFixture) enter(t *testing.T, d front, r webhook.Request) verdict {
	t.Helper()
	h.log.Reset()
	h.hangups = 0
	handler := hangup.Handler{
		Sources: h.sources, Keys: h, Credentials: h, VICIdial: h, Budget: 4 * time.Second,
		Log: slog.New(slog.NewJSONHandler(&h.log, nil)),
	}
	g := gateway.Gateway{PublicURL: publicURL, Handle: handler.Handle}
	payload, err := g.Invoke(t.Context(), d.event(t, r))
	if err != nil {
		t.Fatal(err)
	}
	response, err := apigw.Answer(d.front, payload)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Outcome hangup.Outcome }
	if err := json.Unmarshal(response.Body, &answer); err != nil {
		t.Fatal(err)
	}
	return verdict{response.Status, answer.Outcome, h.cause(), h.hangups}
}

// cause returns the logged reason. Twilio's signature covers the hash of a body that is not a form, so a hash
// that differs is a mismatch too.
func (h *handlerFixture) cause() error {
	line := strings.ReplaceAll(h.log.String(), webhook.ErrBodyHash.Error(), webhook.ErrMismatch.Error())
	for _, reason := range append(slices.Clone(seenInHeaders), webhook.ErrMismatch, webhook.ErrNoURL) {
		if strings.Contains(line, reason.Error()) {
			return reason
		}
	}
	return nil
}

// seenInHeaders are the reasons that are found before the URL is needed.
var seenInHeaders = []error{webhook.ErrNoSignature, webhook.ErrRepeatedHeader, webhook.ErrTooOld}

func (d front) event(t *testing.T, r webhook.Request) []byte {
	t.Helper()
	path, _ := strings.CutPrefix(r.URL, publicURL)
	request, err := http.NewRequest(r.Method, "https://hooks.example.com"+path, bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	payload, err := d.front.Encode(request, r.Body, event.Options{BinaryMediaTypes: d.binary})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// A change changes a request before it is signed or after.
type change struct {
	query string // of the URL
	key   string // in place of the source's
	age   time.Duration
	spoil func(*webhook.Request, webhook.Scheme)
	only  func(webhook.Scheme) bool
	want  verdict
}

var (
	hungUp       = verdict{http.StatusOK, vicicall.HungUp, nil, 1}
	unauthorized = func(cause error) verdict { return verdict{http.StatusUnauthorized, hangup.Unauthorized, cause, 0} }
)

var changes = map[string]change{
	"as it is":              {want: hungUp},
	"with a query":          {query: "?b=%2F&a=%3A&a=2", want: hungUp},
	"by another key":        {key: otherKey, want: unauthorized(webhook.ErrMismatch)},
	"with a changed byte":   {only: isSigned, spoil: spoilBody, want: unauthorized(webhook.ErrMismatch)},
	"from two hours ago":    {only: isTimed, age: 2 * time.Hour, want: unauthorized(webhook.ErrTooOld)},
	"without its signature": {spoil: dropSignature, want: unauthorized(webhook.ErrNoSignature)},
	"with its signature twice": {
		only: func(s webhook.Scheme) bool { return s.Form != "list" && s.Form != "kv" }, spoil: repeatSignature,
		want: unauthorized(webhook.ErrRepeatedHeader),
	},
}

func isSigned(s webhook.Scheme) bool { return s.Kind == "hmac" || s.Kind == "hash" }
func isTimed(s webhook.Scheme) bool  { return s.Tolerance > 0 }

func spoilBody(r *webhook.Request, _ webhook.Scheme) { r.Body[len(r.Body)-3] ^= 1 }

func dropSignature(r *webhook.Request, s webhook.Scheme) { delete(r.Header, signatureHeader(s)) }

func repeatSignature(r *webhook.Request, s webhook.Scheme) {
	name := signatureHeader(s)
	r.Header[name] = append(r.Header[name], r.Header[name]...)
}

func signatureHeader(s webhook.Scheme) string {
	if s.Kind == "basic" {
		return "authorization"
	}
	return strings.ToLower(s.Header[0])
}

// bodyOf returns a body that an HTTP API passes as text or in base64, depending on its content type.
func bodyOf(contentType string, age time.Duration) []byte {
	if contentType == formType {
		return []byte("call_id=Y1122131500000402027&agent_user=1028&text=a+b")
	}
	return fmt.Appendf(nil, `{"call_id":"Y1122131500000402027","agent_user":"1028","webhookTimestamp":%d,"text":"é"}`, time.Now().Add(-age).UnixMilli())
}

// request returns a changed request of a source's sender.
func (c change) request(t *testing.T, src *source.Source, contentType string) webhook.Request {
	t.Helper()
	text := someKey
	if c.key != "" {
		text = c.key
	}
	if src.Scheme.Kind == "basic" {
		text = "crm:" + text
	}
	key, err := src.Scheme.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	r := webhook.Request{
		Method: http.MethodPost, URL: publicURL + "/webhooks/" + src.Name + c.query,
		Header: webhook.Header{"content-type": {contentType}}, Body: bodyOf(contentType, c.age),
	}
	if err := src.Verifier.Sign(&r, key, "msg_1", time.Now().Add(-c.age)); err != nil {
		t.Fatal(err)
	}
	if c.spoil != nil {
		c.spoil(&r, src.Scheme)
	}
	return r
}

func TestEveryFrontGetsTheSameVerdict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // where time stands still
		h := newHandlerFixture(t)
		tried := 0
		for _, name := range h.sources.Names() {
			src, _ := h.sources.Lookup(name)
			tried += h.checkSource(t, src)
			if t.Failed() {
				return // the others would say the same
			}
		}
		if least := 41 * 4 * 3; tried < least {
			t.Errorf("only %d requests were tried, want at least %d", tried, least)
		}
	})
}

// checkSource tries every change of a source's requests in every encoding, and counts them.
func (h *handlerFixture) checkSource(t *testing.T, src *source.Source) (tried int) {
	t.Helper()
	for what, c := range changes {
		if c.only != nil && !c.only(src.Scheme) {
			continue
		}
		for _, contentType := range []string{"application/json", "application/octet-stream", formType} {
			if contentType == formType && src.Scheme.TSJSON != "" {
				continue // its time is in JSON
			}
			tried++
			h.checkFronts(t, src, what+" as "+contentType, c.request(t, src, contentType), c.want)
		}
	}
	return tried
}

// checkFronts sends one request through all fronts. A REST event does not have the raw query: there a scheme that signs
// the URL is refused, and the log has the reason.
func (h *handlerFixture) checkFronts(t *testing.T, src *source.Source, what string, r webhook.Request, want verdict) {
	t.Helper()
	signsQuery := src.Verifier.SignsURL() && strings.Contains(r.URL, "?") && !slices.Contains(seenInHeaders, want.cause)
	for at, d := range fronts {
		wanted := want
		if signsQuery && d.front == event.REST {
			wanted = unauthorized(webhook.ErrNoURL)
		}
		if got := h.enter(t, d, r); got != wanted {
			t.Errorf("%s, %s, through %s: got %v, want %v; %s", src.Name, what, at, got, wanted, h.log.String())
		}
	}
}
