//go:build unix

package stack_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vicihook/function/event"
	"vicihook/infra/local/runtimeapi"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// built is the folder with the function, built once for all tests.
var built string

func TestMain(m *testing.M) {
	readSources()
	folder, err := os.MkdirTemp("", "vicihook-")
	_ = os.Setenv("MAKEFLAGS", "n") // as make -n test does; the build must ignore it
	if err == nil {
		err = stack.Build(context.Background(), folder)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	built = folder
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(folder)
		os.Exit(status)
	}))
}

// readSources opens what make builds the function from, so that Go does not take these tests for done when it changed.
func readSources() {
	for _, folder := range []string{"../../../function", "../../../vicicall"} {
		_ = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, _ error) error {
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				_, _ = os.ReadFile(path)
			}
			return nil
		})
	}
}

func start(t *testing.T, c stack.Config) *stack.Stack {
	t.Helper()
	c.Bootstrap = built
	s, err := stack.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// webhook is what a sender posts to end a call, signed by the scheme of the source crm: Standard Webhooks.
func webhook(t *testing.T, s *stack.Stack, call vicitest.CallState) *http.Request {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"call_id": call.ID, "agent_user": call.Agent, "disposition": "SALE"})
	key, err := base64.StdEncoding.DecodeString(s.Keys["crm"])
	if err != nil {
		t.Fatal(err)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "msg_1.%s.%s", now, body)
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/webhooks/crm", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("webhook-id", "msg_1")
	r.Header.Set("webhook-timestamp", now)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// send returns the status and the outcome of a request, or the whole body if it has no outcome.
func send(t *testing.T, r *http.Request) (status int, outcome string) {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Outcome string }
	if json.Unmarshal(body, &answer) != nil || answer.Outcome == "" {
		return resp.StatusCode, string(body)
	}
	return resp.StatusCode, answer.Outcome
}

func TestSignedWebhookEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, front := range event.Fronts() {
		t.Run(string(front), func(t *testing.T) {
			t.Parallel()
			s := start(t, stack.Config{Front: front})
			calls := s.VICIdial.Calls()
			if status, outcome := send(t, webhook(t, s, calls[0])); status != 200 || outcome != "hungup" {
				t.Fatalf("got %d %s\n%s", status, outcome, strings.Join(s.Logs(), "\n"))
			}
			want := calls[0]
			want.Listed, want.LineUp, want.Disposition = false, false, "SALE"
			if got := s.VICIdial.Calls(); got[0] != want || got[1] != calls[1] {
				t.Errorf("VICIdial has %+v", got)
			}
			if logs := s.Logs(); !slices.ContainsFunc(logs, func(line string) bool { return strings.Contains(line, calls[0].ID) }) {
				t.Errorf("no line about the call: %q", logs)
			}
		})
	}
}

func TestUnsignedWebhookIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	r := webhook(t, s, s.VICIdial.Calls()[0])
	r.Header.Del("webhook-signature")
	if status, outcome := send(t, r); status != 401 || outcome != "unauthorized" {
		t.Errorf("got %d %s", status, outcome)
	}
	if n := len(s.VICIdial.Requests()); n != 0 {
		t.Errorf("%d requests to VICIdial", n)
	}
	if n := s.Secrets.Calls(s.WebhookSecretARN, secretsmanager.Current); n > 1 {
		t.Errorf("%d fetches of the webhook keys, want at most that of the start", n)
	}
}

func TestStatePath(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{Front: event.REST})
	s.VICIdial.Delist(s.VICIdial.Calls()[0].ID)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.StateURL, nil)
	_, body := send(t, r)
	want := fmt.Sprintf(`{"calls":[{"id":"%s","agent":"1028","listed":false,"line_up":true,"disposition":""},`+
		`{"id":"%s","agent":"1029","listed":true,"line_up":true,"disposition":""}]}`, s.VICIdial.Calls()[0].ID, s.VICIdial.Calls()[1].ID)
	if strings.TrimSpace(body) != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
	r, _ = http.NewRequestWithContext(t.Context(), "POST", s.StateURL, nil)
	if status, _ := send(t, r); status != 403 {
		t.Errorf("a POST is the gateway's: got %d", status)
	}
}

func TestGivenServersAreUsedAndNotStopped(t *testing.T) {
	t.Parallel()
	vicidial := vicitest.NewServer(vicitest.Config{})
	defer vicidial.Close()
	vicidial.AddAgent(vicitest.Agent{User: "2001"})
	vicidial.AddCall(vicitest.Call{ID: vicidial.NextCallID('V'), Agent: "2001"})
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	for _, c := range []stack.Config{{VICIdial: vicidial, Secrets: secrets}, {VICIdial: vicidial, SecretsURL: secrets.URL}} {
		s := start(t, c)
		if status, outcome := send(t, webhook(t, s, s.VICIdial.Calls()[0])); status != 200 {
			t.Errorf("got %d %s", status, outcome)
		}
		if s.SecretsURL != secrets.URL || secrets.Calls(s.VICIdialSecretARN, secretsmanager.Current) != 1 {
			t.Error("another Secrets Manager was used")
		}
		s.Stop()
	}
	if n := vicidial.Count("HANGUP"); n != 2 {
		t.Errorf("%d HANGUPs, want 2", n)
	}
}

func TestEnv(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	env := s.Env()
	for _, want := range []string{
		"VICIHOOK_URL=" + s.URL, "VICIHOOK_KEY=" + s.Keys["crm"], "VICIHOOK_SOURCE=crm", "VICIHOOK_CALL_ID=" + s.VICIdial.Calls()[0].ID,
		"VICIHOOK_AGENT_USER=1028", "VICIDIAL_URL=" + s.VICIdial.URL, "VICIDIAL_USER=" + vicitest.DefaultUser,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + s.SecretsURL, "WEBHOOK_SECRET_ARN=" + s.WebhookSecretARN,
	} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	if len(s.Keys["crm"]) != 64 || s.Keys["zendesk"] != s.Keys["crm"] {
		t.Errorf("keys: %q", s.Keys)
	}
}

// A function in a container reaches the stack by another name than this machine's own one does.
func TestHost(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{Host: "localhost"})
	if url := s.FunctionEnv()["AWS_ENDPOINT_URL_SECRETS_MANAGER"]; !strings.HasPrefix(url, "http://localhost:") {
		t.Errorf("the secrets are at %s", url)
	}
	elsewhere, err := runtimeapi.New(runtimeapi.Config{TaskRoot: built, Env: s.FunctionEnv()})
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Stop()
	r := webhook(t, s, s.VICIdial.Calls()[0])
	body, _ := io.ReadAll(r.Body)
	payload, err := event.HTTPAPI.Encode(r, body, event.Options{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := elsewhere.Invoke(t.Context(), payload)
	if err != nil || !strings.Contains(string(result.Payload), `\"outcome\":\"hungup\"`) {
		t.Errorf("got %s, %v", result.Payload, err)
	}
	if status, outcome := send(t, webhook(t, s, s.VICIdial.Calls()[1])); status != 200 || outcome != "hungup" {
		t.Errorf("the stack's own function: %d %s", status, outcome)
	}
}

func TestFunctionEnvironment(t *testing.T) {
	t.Parallel()
	sources := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(sources, []byte(`{"$schema": "x", "crm": {"scheme": "standard-webhooks", "agents": "^1028$"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var seen []string
	s := start(t, stack.Config{
		SourcesFile: sources,
		Env:         map[string]string{"DRY_RUN": "true"},
		Log:         func(line string) { seen = append(seen, line) },
	})
	if len(s.Keys) != 1 {
		t.Errorf("keys for %d sources, want crm only", len(s.Keys))
	}
	for i, want := range []string{"would_hang_up", "not_allowed"} {
		if _, outcome := send(t, webhook(t, s, s.VICIdial.Calls()[i])); outcome != want {
			t.Errorf("call %d: got %s, want %s", i, outcome, want)
		}
	}
	if !slices.Equal(seen, s.Logs()) || len(seen) == 0 {
		t.Errorf("Log got %d lines, Logs has %d", len(seen), len(s.Logs()))
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{Account: map[string]any{"pass": "another"}})
	if status, outcome := send(t, webhook(t, s, s.VICIdial.Calls()[0])); status != 502 || outcome != "credentials_rejected" {
		t.Errorf("got %d %s", status, outcome)
	}
}

func TestBusyFunctionIsThrottled(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{MaxInstances: 1})
	release := s.VICIdial.Hold("HANGUP")
	first := make(chan int)
	busy, other := webhook(t, s, s.VICIdial.Calls()[0]), webhook(t, s, s.VICIdial.Calls()[1])
	go func() {
		status, _ := send(t, busy)
		first <- status
	}()
	if err := s.VICIdial.Await(t.Context(), func() bool { return s.VICIdial.Count("HANGUP") == 1 }); err != nil {
		t.Fatal(err)
	}
	if status, body := send(t, other); status != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("got %d %s", status, body)
	}
	release()
	if status := <-first; status != 200 {
		t.Errorf("the one that was busy: %d", status)
	}
}

func TestFunctionErrorIsLogged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("#!/bin/sh\nexit 5\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Start(t.Context(), stack.Config{Bootstrap: folder, SourcesFile: filepath.Join(built, "sources.json")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if status, body := send(t, webhook(t, s, s.VICIdial.Calls()[0])); status != 500 || body != `{"message":"Internal Server Error"}` {
		t.Errorf("got %d %s", status, body)
	}
	if logs := s.Logs(); len(logs) != 1 || !strings.Contains(logs[0], "exit status 5") {
		t.Errorf("logs: %q", logs)
	}
}

func TestFailedStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config stack.Config
		want   string
	}{
		"an address in use":          {stack.Config{Bootstrap: built, Listen: taken.Addr().String()}, "address already in use"},
		"an address without a port":  {stack.Config{Bootstrap: built, Listen: "localhost"}, "missing port"},
		"no function":                {stack.Config{Bootstrap: t.TempDir(), SourcesFile: filepath.Join(built, "sources.json")}, "no bootstrap"},
		"no sources.json":            {stack.Config{Bootstrap: t.TempDir()}, "sources.json"},
		"a sources.json without any": {stack.Config{Bootstrap: built, SourcesFile: empty}, "empty.json names no source"},
		"a Secrets Manager that is not there": {
			stack.Config{Bootstrap: built, SecretsURL: "http://" + taken.Addr().String()}, "deadline exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := stack.Start(ctx, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func ExampleStart() {
	s, err := stack.Start(context.Background(), stack.Config{Bootstrap: built}) // stack.Build fills the folder
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Stop()
	// … post a signed webhook to s.URL + "/webhooks/crm" …
	for _, call := range s.VICIdial.Calls() {
		fmt.Println(call.Agent, call.Listed, call.LineUp)
	}
	// Output:
	// 1028 true true
	// 1029 true true
}

func TestBuildOutsideTheProject(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := stack.Build(t.Context(), t.TempDir()); !errors.Is(err, stack.ErrNoProject) {
		t.Errorf("got %v, want ErrNoProject", err)
	}
}
