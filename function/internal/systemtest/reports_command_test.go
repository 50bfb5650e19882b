//go:build unix

package systemtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// The files reports_*_test.go have cases from public reports of senders and their users, one kind each test.

// vicihook runs the command with a standard input, and returns its exit status and output.
func vicihook(t *testing.T, command, stdin string, args ...string) (status int, printed string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if failed, exited := errors.AsType[*exec.ExitError](err); exited {
		return failed.ExitCode(), string(out)
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// Paths that people gave a client of VICIdial.
var wrongAddresses = []string{"/agc", "/agc/", "/agc/api.php", "/vicidial/non_agent_api.php", "/vicidial/agc"}

func TestReportsAddressesOfVICIdial(t *testing.T) {
	t.Parallel()
	command := buildCommand(t)
	for _, path := range wrongAddresses {
		t.Run(path, func(t *testing.T) {
			server := newVICIdial(t)
			b := newFixture(t, stack.Config{VICIdial: server, Account: map[string]any{"url": server.URL + path}})
			got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
			if got.Outcome != "misconfigured" {
				t.Errorf("got %s", got.body)
			}
			if !strings.Contains(b.lastLine(), "must end before /agc/api.php") {
				t.Errorf("the log does not say how to fix it: %s", b.lastLine())
			}
			account, _ := json.Marshal(map[string]string{"url": server.URL + path, "user": vicitest.DefaultUser, "pass": vicitest.DefaultPass})
			if status, printed := vicihook(t, command, string(account), "check", "--account", "-"); status == 0 {
				t.Errorf("check takes it:\n%s", printed)
			}
			if n := server.Count(""); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

// newVICIdial returns a simulated VICIdial with agent 1028 in a call.
func newVICIdial(t *testing.T) *vicitest.Server {
	t.Helper()
	server, err := vicitest.Listen("127.0.0.1:0", vicitest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.AddRemoteAgent(1028, 1)
	server.AddCall(vicitest.Call{ID: server.NextCallID('Y'), Agent: "1028"})
	return server
}

// A wrong path must fail on the simulated VICIdial as on a real one.
func TestReportsPathsOfTheSimulatedVICIdial(t *testing.T) {
	server := newVICIdial(t)
	for path, want := range map[string]int{
		"/agc/api.php": http.StatusOK, "/agc/agc/api.php": http.StatusNotFound, "/agc/api.php/agc/api.php": http.StatusNotFound, "/api.php": http.StatusNotFound,
	} {
		response, err := http.PostForm(server.URL+path, url.Values{"function": {"version"}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, want)
		}
	}
}

// Changes of a request on its way, and what explain must print.
type damaged struct {
	scheme  string
	url     string // as signed
	damage  func(*webhook.Request)
	explain string // regular expression
}

var damages = map[string]damaged{
	"a blank for each plus in base64": {scheme: "zendesk", explain: `blank where it was signed with \+`, damage: func(r *webhook.Request) {
		edit(r, "x-zendesk-webhook-signature", func(v string) string { return strings.ReplaceAll(v, "+", " ") })
	}},
	"a signature in percent-encoding": {scheme: "github", explain: `percent-encoded`, damage: func(r *webhook.Request) { edit(r, "x-hub-signature-256", url.QueryEscape) }},
	"a query that was sorted after signing": {scheme: "hubspot-v3", url: "https://hooks.example.com/webhooks/crm?z=1&a=2", explain: `another order`,
		damage: func(r *webhook.Request) { r.URL = "https://hooks.example.com/webhooks/crm?a=2&z=1" }},
}

func edit(r *webhook.Request, header string, change func(string) string) {
	r.Header[header] = []string{change(r.Header[header][0])}
}

func TestReportsExplainNamesTheDamage(t *testing.T) {
	t.Parallel()
	command := buildCommand(t)
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			r := signedWithPlus(t, d)
			d.damage(&r)
			capture := fmt.Sprintf("POST %s HTTP/1.1\r\n", strings.TrimPrefix(r.URL, "https://hooks.example.com"))
			for header, values := range r.Header {
				capture += header + ": " + values[0] + "\r\n"
			}
			capture += "\r\n" + string(r.Body)
			key := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(key, []byte(someKey), 0o600); err != nil {
				t.Fatal(err)
			}
			_, printed := vicihook(t, command, capture, "explain", "--scheme", d.scheme, "--key-file", key, "--url", r.URL)
			if !regexp.MustCompile(d.explain).MatchString(printed) {
				t.Errorf("want %s in\n%s", d.explain, printed)
			}
		})
	}
}

// signedWithPlus signs a request so that the signature has a plus, if the scheme's alphabet has one, but not as its first
// character: a blank there would be trimmed from the header's value.
func signedWithPlus(t *testing.T, d damaged) webhook.Request {
	t.Helper()
	sources, err := source.Parse(fmt.Appendf(nil, `{"crm": {"scheme": %q}}`, d.scheme))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := sources.Lookup("crm")
	key, err := src.Scheme.ParseKey(someKey)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		r := webhook.Request{Method: http.MethodPost, URL: "https://hooks.example.com/webhooks/crm", Body: fmt.Appendf(nil, `{"n":%d}`, i)}
		if d.url != "" {
			r.URL = d.url
		}
		if err := src.Verifier.Sign(&r, key, "msg_1", time.Now()); err != nil {
			t.Fatal(err)
		}
		if signature := r.Header[signatureHeader(src.Scheme)][0]; d.scheme != "zendesk" || strings.Index(signature, "+") > 0 {
			return r
		}
	}
	t.Fatal("no signature has a plus")
	return webhook.Request{}
}

// Intercom signs a health check in another header: it is not a delivery.
func TestReportsIntercomsHealthCheckIsNamed(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, []byte(someKey))
	mac.Write([]byte("{}"))
	capture := fmt.Sprintf("POST /webhooks/intercom HTTP/1.1\r\nX-Body-Signature: %x\r\n\r\n{}", mac.Sum(nil))
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(someKey), 0o600); err != nil {
		t.Fatal(err)
	}
	status, printed := vicihook(t, buildCommand(t), capture, "explain", "--scheme", "intercom", "--key-file", key)
	if status != 1 || !strings.Contains(printed, "health check") {
		t.Errorf("exit status %d:\n%s", status, printed)
	}
}
