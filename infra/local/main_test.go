//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"vicihook/vicicall/vicitest"
)

// TestMain makes this test binary a sender too.
func TestMain(m *testing.M) {
	if os.Getenv("SEND") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if resp, err := http.Post(os.Getenv("VICIHOOK_URL")+"/webhooks/crm", "application/json", strings.NewReader("{}")); err == nil {
		_ = resp.Body.Close()
	}
}

// built returns a folder in place of one with a built function, which these tests do not need.
func built(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"bootstrap": "#!/bin/sh\necho no function\n", "sources.json": `{"crm": {}}`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// A screen is written to by the stack and by CMD at once.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func local(args ...string) (status int, stdout, stderr string) {
	var out, err screen
	status = run(args, &out, &err)
	return status, out.text.String(), err.text.String()
}

func TestCommandRunsBesideTheStack(t *testing.T) {
	t.Parallel()
	folder := built(t)
	for name, c := range map[string]struct {
		args   []string
		status int
		stdout string // all of it
		stderr string // part of it
	}{
		"its status and output":         {[]string{"--", "sh", "-c", "echo $VICIHOOK_SOURCE $VICIHOOK_AGENT_USER; exit 7"}, 7, "crm 1028\n", "of agent 1028: listed, line up"},
		"a signal":                      {[]string{"--", "sh", "-c", "kill -TERM $$"}, 128 + int(syscall.SIGTERM), "", "of agent 1029: listed, line up"},
		"its own flags":                 {[]string{"echo", "--log", "--", "-x"}, 0, "--log -- -x\n", ""},
		"a fault":                       {[]string{"--fault", "does-nothing", "true"}, 0, "", "fault     does-nothing: prints SUCCESS and does nothing"},
		"two faults":                    {[]string{"--fault=slow", "--fault", "warnings", "true"}, 0, "", "fault     warnings"},
		"another front":                 {[]string{"--front=rest", "sh", "-c", "echo ${VICIHOOK_URL##*/}"}, 0, "Prod\n", ""},
		"a command that does not exist": {[]string{"--", "no-such-command"}, 127, "", "no-such-command: not found"},
		"a command that can't be run":   {[]string{"--", folder}, 126, "", "permission denied"},
		"an unknown fault":              {[]string{"--fault", "nope", "true"}, 2, "", `unknown fault "nope"; known are agent-logs-off`},
		"an unknown front":              {[]string{"--front", "nope", "true"}, 2, "", `must be one of "http","rest","url"`},
		"an address without a port":     {[]string{"--listen", "nope", "true"}, 2, "", "--listen: address nope: missing port"},
		"every address":                 {[]string{"--listen", ":0", "true"}, 2, "", "name one address"},
		"every address, by its number":  {[]string{"--listen", "0.0.0.0:0", "true"}, 2, "", "name one address"},
		"every address, by its IPv6":    {[]string{"--listen", "[::]:0", "true"}, 2, "", "name one address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := local(append([]string{"--bootstrap", folder}, c.args...)...)
			if status != c.status || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
				t.Errorf("got %d\n%s\n%s\nwant %d\n%s\n%s", status, stdout, stderr, c.status, c.stdout, c.stderr)
			}
		})
	}
}

func TestLogFlag(t *testing.T) {
	t.Parallel()
	folder := built(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]bool{"--log": true, "--front=http": false} {
		if _, _, stderr := local("--bootstrap", folder, flag, "env", "SEND=1", self); strings.Contains(stderr, "\nno function\n") != want {
			t.Errorf("%s: %s", flag, stderr)
		}
	}
}

func TestSampleKeyIsNotUsedForARealVICIdial(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for range 2 {
		keys[(&cli{VICIdial: "https://dialer.example.com"}).config(printer{}).Key] = true
	}
	if keys[sampleKey] || len(keys) != 2 {
		t.Errorf("got %v", keys)
	}
}

func TestErrorsAreShownWithoutLog(t *testing.T) {
	t.Parallel()
	var out screen
	config := (&cli{Cmd: []string{"true"}}).config(printer{&out})
	config.Log(`{"level":"INFO","message":"configured"}`)
	config.Log(`{"level":"ERROR","message":"the configuration is wrong"}`)
	if got := out.text.String(); got != "{\"level\":\"ERROR\",\"message\":\"the configuration is wrong\"}\n" {
		t.Errorf("got %s", got)
	}
}

func TestHelpListsEveryFault(t *testing.T) {
	t.Parallel()
	status, stdout, _ := local("--help")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	for _, f := range vicitest.Faults() {
		if !strings.Contains(stdout, f.Name+" ") || !strings.Contains(stdout, f.About) {
			t.Errorf("%s is not in the help", f.Name)
		}
	}
}

func TestSignalIsPassedOn(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	ready, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = ready.Read(make([]byte, 1)) // the trap is set
		signals <- syscall.SIGINT
	}()
	status, err := execute([]string{"sh", "-c", `trap "exit 42" INT; echo; while :; do sleep 0.01; done`}, nil, w, w, signals)
	if err != nil || status != 42 {
		t.Errorf("got %d, %v, want 42", status, err)
	}
	_ = w.Close()
	_ = ready.Close()
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "env.json")
	status, _, stderr := local("--bootstrap", built(t), "--env-file", path, "--host", "host.docker.internal", "--", "true")
	if status != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var functions map[string]map[string]string
	if err := json.Unmarshal(text, &functions); err != nil {
		t.Fatal(err)
	}
	env := functions["VicihookFunction"]
	for _, name := range []string{"WEBHOOK_SECRET_ARN", "VICIDIAL_SECRET_ARN"} {
		if !strings.HasPrefix(env[name], "arn:aws:secretsmanager:") {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	if !strings.HasPrefix(env["AWS_ENDPOINT_URL_SECRETS_MANAGER"], "http://host.docker.internal:") || env["PUBLIC_URL"] == "" {
		t.Errorf("got %v", env)
	}
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range env { // SAM passes on only what the template declares
		if !strings.Contains(string(template), "\n          "+name+":") {
			t.Errorf("template.yaml does not declare %s", name)
		}
	}
}

// The line that is printed can be typed only if its key is the one that events/README.md names.
func TestTheSampleKeyIsThatOfTheSampleEvents(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../events/README.md")
	if err != nil || !strings.Contains(string(text), "\n"+sampleKey+"\n") {
		t.Errorf("events/README.md does not name %s: %v", sampleKey, err)
	}
}

func TestTheKeyMayComeFromTheEnvironment(t *testing.T) {
	t.Setenv("VICIHOOK_KEY", "aKeyOfOurOwnWhichOpensNothing")
	_, stdout, _ := local("--bootstrap", built(t), "--", "sh", "-c", "echo $VICIHOOK_KEY")
	if stdout != "aKeyOfOurOwnWhichOpensNothing\n" {
		t.Errorf("got %q", stdout)
	}
}
