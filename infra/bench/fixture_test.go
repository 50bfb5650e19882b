//go:build unix

package bench_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/infra/local/runtimeapi"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// packages are what is built and run, by the names of their folders: the function, and the least that a Lambda can be.
var packages = map[string]string{"vicihook": "./function", "floor": "./infra/bench/floor"}

// built is the folder of the built packages.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "vicihook-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	for name, pkg := range packages {
		if err := stack.Build(context.Background(), filepath.Join(folder, name), "PACKAGE="+pkg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	built = folder
	return m.Run()
}

// A fixture is Secrets Manager and VICIdial on this machine, and webhooks to send.
type fixture struct {
	*stack.Stack
	call string // the call that every webhook ends; it is listed again before each
}

const agent = "1028"

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	s, err := stack.Start(tb.Context(), stack.Config{Bootstrap: filepath.Join(built, "vicihook")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Stop)
	return &fixture{Stack: s, call: s.VICIdial.Calls()[0].ID}
}

// A program is a package with the variables that it is run with.
type program struct {
	name    string // in the results
	folder  string
	posts   bool // asks VICIdial, so that the call ends
	outcome string
	env     map[string]string
}

// programs are what is compared: the floor, the floor with VICIdial's two requests, and the function.
func (f *fixture) programs() []program {
	settings := f.FunctionEnv()
	settings["PREVIOUS_KEYS_FOR"] = "1ns" // the keys are older, as on nearly every start
	posts := map[string]string{
		"FORM_URL": f.VICIdial.URL + "/agc/api.php", "FORM_HANGUP": f.form("HANGUP"), "FORM_CHECK": f.form("CHECK"),
	}
	maps.Copy(posts, settings)
	return []program{
		{name: "floor", folder: "floor", env: settings},
		{name: "floor+vicidial", folder: "floor", posts: true, env: posts},
		{name: "vicihook", folder: "vicihook", posts: true, outcome: "hungup", env: settings},
	}
}

func (f *fixture) vicihook() program { return f.programs()[2] }

// form is one of VICIdial's requests.
func (f *fixture) form(stage string) string {
	return url.Values{
		"source": {"bench"}, "user": {vicitest.DefaultUser}, "pass": {vicitest.DefaultPass}, "function": {"ra_call_control"},
		"stage": {stage}, "agent_user": {agent}, "value": {f.call}, "status": {"SALE"},
	}.Encode()
}

// relist makes the call live again.
func (f *fixture) relist() { f.VICIdial.AddCall(vicitest.Call{ID: f.call, Agent: agent}) }

// fetched counts the secret versions that were asked for so far.
func (f *fixture) fetched() (n int) {
	for _, arn := range []string{f.WebhookSecretARN, f.VICIdialSecretARN} {
		n += f.Secrets.Calls(arn, secretsmanager.Current) + f.Secrets.Calls(arn, secretsmanager.Previous)
	}
	return n
}

// lambda returns a program as Lambda runs it, with one instance at most.
func (f *fixture) lambda(tb testing.TB, p program) *runtimeapi.Function {
	tb.Helper()
	function, err := runtimeapi.New(runtimeapi.Config{TaskRoot: filepath.Join(built, p.folder), Env: p.env, MaxInstances: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return function
}

// send sends a program one webhook for the call, and fails if the call was not ended.
func (f *fixture) send(tb testing.TB, p program, function *runtimeapi.Function) runtimeapi.Result {
	tb.Helper()
	f.relist()
	result, err := function.Invoke(tb.Context(), f.webhook(tb))
	var answer struct {
		StatusCode int
		Body       string
	}
	if err == nil {
		err = json.Unmarshal(result.Payload, &answer)
	}
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(answer.Body, p.outcome) {
		tb.Fatalf("%s answered %s: %v", p.name, result.Payload, err)
	}
	if p.posts && f.VICIdial.Listed(f.call) {
		tb.Fatalf("%s left the call listed", p.name)
	}
	return result
}

// webhook returns a freshly signed delivery as an event of an HTTP API.
func (f *fixture) webhook(tb testing.TB) []byte {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(f.Keys["crm"]) // Standard Webhooks signs with its bytes
	if err != nil {
		tb.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"call_id":%q,"agent_user":%q,"disposition":"SALE","ticket":"T-1","by":"ann@example.com"}`, f.call, agent)
	r, err := http.NewRequest(http.MethodPost, f.URL+"/webhooks/crm", bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	const id = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, now, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", now)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	payload, err := event.HTTPAPI.Encode(r, body, event.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}
