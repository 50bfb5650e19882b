//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vicihook/function/event"
	"vicihook/infra/bench/instance"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

const (
	sourceName = "crm" // signs as Standard Webhooks says
	agent      = "1028"
	patience   = 30 * time.Second // for any one step
)

// A world is what the programs are run in: Secrets Manager and VICIdial on this machine, and webhooks to send.
type world struct {
	*stack.Stack
	folders map[string]string // of the programs
	env     map[string]string
	key     []byte
	call    string // the call that every webhook ends; it rings again before each
}

func newWorld(ctx context.Context, folders map[string]string) (*world, error) {
	s, err := stack.Start(ctx, stack.Config{Bootstrap: folders[ours]})
	if err != nil {
		return nil, err
	}
	w := &world{Stack: s, folders: folders, env: map[string]string{}, call: s.VICIdial.Calls()[0].ID}
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		w.env[name] = value
	}
	w.env["PREVIOUS_KEYS_FOR"] = "1ns" // so that the secret is as old as nearly always
	w.env["FORM_URL"] = s.VICIdial.URL + "/agc/api.php"
	w.env["FORM_HANGUP"], w.env["FORM_CHECK"] = w.form("HANGUP"), w.form("CHECK")
	w.key, err = base64.StdEncoding.DecodeString(s.Keys[sourceName])
	return w, err
}

// form is one of VICIdial's requests, for programs that send it without more ado.
func (w *world) form(stage string) string {
	return url.Values{
		"source": {"bench"}, "user": {vicitest.DefaultUser}, "pass": {vicitest.DefaultPass}, "function": {"ra_call_control"},
		"stage": {stage}, "agent_user": {agent}, "value": {w.call}, "status": {"SALE"},
	}.Encode()
}

// ring makes the call live again.
func (w *world) ring() { w.VICIdial.AddCall(vicitest.Call{ID: w.call, Agent: agent}) }

// webhook is a freshly signed delivery, as an HTTP API hands it to the function.
func (w *world) webhook() ([]byte, error) {
	body := fmt.Appendf(nil, `{"call_id":%q,"agent_user":%q,"disposition":"SALE","ticket":"T-1","by":"ann@example.com"}`, w.call, agent)
	r, err := http.NewRequest(http.MethodPost, w.URL+"/webhooks/"+sourceName, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	const id = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, w.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, now, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", now)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return event.HTTPAPI.Encode(r, body, event.Options{})
}

// start starts one of the programs.
func (w *world) start(program string) (*instance.Instance, error) {
	return instance.Start(w.folders[program], w.env)
}

// send lets the call ring and delivers one webhook to a program that runs. It tells how long the answer took.
func (w *world) send(ctx context.Context, program string, in *instance.Instance) (time.Duration, error) {
	event, err := w.webhook()
	if err != nil {
		return 0, err
	}
	w.ring()
	answer, took, err := in.Invoke(ctx, event)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", program, err)
	}
	return took, w.right(program, answer)
}

// right refuses to measure an answer that is not the expected one.
func (w *world) right(program string, a instance.Answer) error {
	var response struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(a.Body, &response); err != nil {
		return fmt.Errorf("%s answered %q: %w", program, a.Body, err)
	}
	if response.StatusCode != http.StatusOK || program == ours && !strings.Contains(response.Body, `"outcome":"hungup"`) {
		return fmt.Errorf("%s answered %s", program, a.Body)
	}
	if program != empty && w.VICIdial.Listed(w.call) {
		return fmt.Errorf("%s left the call listed", program)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
