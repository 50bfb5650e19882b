//go:build unix

package systemtest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// bootstrap is the folder of the binary built for AWS, once for all tests; with -race it has the race detector.
var bootstrap string

// tools is the folder of the command that buildCommand builds.
var tools string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "vicihook-bootstrap-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	bootstrap, tools = filepath.Join(folder, "function"), filepath.Join(folder, "tools")
	readSources()
	if err := build(context.Background(), bootstrap); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // they wait much more than they work
	return m.Run()
}

// readSources opens the files that the function is built from, so that Go does not cache the tests' result when they change.
func readSources() {
	for _, folder := range []string{"../..", "../../../vicicall"} {
		_ = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, _ error) error {
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "sources.json" {
				_, _ = os.ReadFile(path)
			}
			return nil
		})
	}
}

// A fixture is the whole system: front, shipped binary, Secrets Manager and VICIdial. SECRETSMANAGER_URL, if it is set, is
// the Secrets Manager (moto's server in continuous integration).
type fixture struct {
	*stack.Stack
	sources *source.Sources
	call    string // a live call of agent 1028
}

func newFixture(t *testing.T, c stack.Config) *fixture {
	t.Helper()
	c.Bootstrap, c.SecretsURL = bootstrap, os.Getenv("SECRETSMANAGER_URL")
	sources, err := source.Load(cmp.Or(c.SourcesFile, bootstrap+"/sources.json"))
	if sources == nil {
		t.Fatal(err)
	}
	s, err := stack.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return &fixture{Stack: s, sources: sources, call: s.VICIdial.Calls()[0].ID}
}

// A delivery is one webhook before it is sent.
type delivery struct {
	fixture     *fixture
	source      string
	query       string // of the URL, with its question mark
	body        []byte
	contentType string
	header      webhook.Header
}

func (b *fixture) delivery(t *testing.T, name, payload string) *delivery {
	t.Helper()
	d := &delivery{fixture: b, source: name, body: []byte(payload), contentType: "application/json"}
	d.sign(t, b.Keys[name], time.Now())
	return d
}

func (d *delivery) sign(t *testing.T, key string, at time.Time) {
	t.Helper()
	src, known := d.fixture.sources.Lookup(d.source)
	if !known {
		t.Fatalf("sources.json has no %s", d.source)
	}
	parsed, err := src.Scheme.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r := webhook.Request{Method: http.MethodPost, URL: d.url(), Header: webhook.Header{"content-type": {d.contentType}}, Body: d.body}
	if err := src.Verifier.Sign(&r, parsed, "msg_1", at); err != nil {
		t.Fatal(err)
	}
	if d.header == nil {
		d.header = webhook.Header{}
	}
	maps.Copy(d.header, r.Header)
}

func (d *delivery) url() string { return d.fixture.URL + "/webhooks/" + d.source + d.query }

// An answer is the sender's answer, as bytes and decoded.
type answer struct {
	status  int
	header  http.Header
	body    string
	Outcome string `json:"outcome"`
	CallID  string `json:"call_id"`
	Message string `json:"message"`
	Reply   string `json:"reply"`

	Attempts int `json:"attempts"`
}

func (b *fixture) send(t *testing.T, d *delivery) answer {
	t.Helper()
	a := b.post(t, d)
	if err := json.Unmarshal([]byte(a.body), &a); err != nil {
		t.Fatalf("answer %q: %v", a.body, err)
	}
	return a
}

// post is send for an answer that may not be JSON.
func (b *fixture) post(t *testing.T, d *delivery) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url(), bytes.NewReader(d.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range d.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("Content-Type", d.contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

func payloadFor(call, agent string) string {
	return fmt.Sprintf(`{"call_id":%q,"agent_user":%q,"disposition":"SALE","ticket":"T-1","by":"ann"}`, call, agent)
}

func payloadOf(call string) string {
	return payloadFor(call, "1028")
}

// tables is the state of a call in VICIdial's tables, and of its line.
type tables struct{ listed, lineUp bool }

var (
	ended     = tables{false, false}
	untouched = tables{true, true}
)

func TestOutcomeMatchesVICIdialsTables(t *testing.T) {
	t.Parallel()
	for name, c := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, stack.Config{})
			call := b.call
			if c.stage != nil {
				c.stage(t, b)
			}
			if c.call != "" {
				call = c.call
			}
			got := b.send(t, b.delivery(t, "crm", payloadOf(call)))
			if got.Outcome != c.outcome {
				t.Fatalf("got %s: %s", got.body, strings.Join(b.Logs(), "\n"))
			}
			if is := (tables{b.VICIdial.Listed(b.call), b.VICIdial.LineUp(b.call)}); is != c.leaves {
				t.Errorf("%s, and the call is %+v, want %+v", got.Outcome, is, c.leaves)
			}
			if n := b.VICIdial.Count("HANGUP"); n != c.hangups {
				t.Errorf("%d hang-ups, want %d", n, c.hangups)
			}
			if n := b.VICIdial.MaxConcurrentHangups(); n > 1 {
				t.Errorf("%d hang-ups ran side by side", n)
			}
			b.checkLog(t, c.outcome)
		})
	}
}

// checkLog checks that the delivery has one log line, and that no line has a secret.
func (b *fixture) checkLog(t *testing.T, outcome string) {
	t.Helper()
	lines := 0
	for _, line := range b.Logs() {
		var fields struct{ Outcome, Level string }
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("a log line is no JSON: %q", line)
		}
		if fields.Outcome == outcome {
			lines++
		}
		for _, secret := range []string{vicitest.DefaultPass, b.Keys["crm"]} {
			if strings.Contains(line, secret) {
				t.Errorf("a secret is in the log: %s", line)
			}
		}
	}
	if lines != 1 {
		t.Errorf("%d log lines say %s:\n%s", lines, outcome, strings.Join(b.Logs(), "\n"))
	}
}

// A hangupCase is VICIdial's treatment of a HANGUP, and the expected answer.
type hangupCase struct {
	stage   func(*testing.T, *fixture)
	call    string // another than the live one
	outcome string
	leaves  tables
	hangups int
}

var outcomes = map[string]hangupCase{
	"VICIdial hangs up":                        {outcome: "hungup", leaves: ended, hangups: 1},
	"the call has ended before":                {stage: func(_ *testing.T, b *fixture) { b.VICIdial.EndCall(b.call) }, outcome: "no_active_call", leaves: ended, hangups: 1},
	"VICIdial knows no such call":              {call: "Y0101000000000000001", outcome: "no_active_call", leaves: untouched, hangups: 1},
	"the agent has logged off":                 {stage: func(_ *testing.T, b *fixture) { b.VICIdial.LogOff("1028") }, outcome: "agent_not_logged_in", leaves: untouched, hangups: 1},
	"the password is wrong":                    {stage: account(func(u *vicitest.User) { u.Pass = "another" }), outcome: "credentials_rejected", leaves: untouched, hangups: 1},
	"the account lacks agent API access":       {stage: account(func(u *vicitest.User) { u.AgentAPI = false }), outcome: "api_access_denied", leaves: untouched, hangups: 1},
	"the account may not use the function":     {stage: account(func(u *vicitest.User) { u.AllowedFunctions = "ra_call_control" }), outcome: "permission_denied", leaves: untouched, hangups: 1},
	"the account speaks Spanish":               {stage: account(func(u *vicitest.User) { u.Words = vicitest.Spanish() }), outcome: "unexpected_reply", leaves: untouched, hangups: 1},
	"the web server's IP list bars the caller": {stage: settings(vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.1"}}), outcome: "ip_blocked", leaves: untouched, hangups: 1},
	"the agent API is off":                     {stage: settings(vicitest.Settings{APIInactive: true}), outcome: "api_disabled", leaves: untouched, hangups: 1},
	"no Asterisk server is active":             {stage: settings(vicitest.Settings{NoServers: true}), outcome: "no_active_server", leaves: untouched, hangups: 1},

	"fault does-nothing":         {stage: inject("does-nothing"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault success-then-500":     {stage: inject("success-then-500"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault success-then-refused": {stage: inject("success-then-refused"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault success-then-fatal":   {stage: inject("success-then-fatal"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault success-then-clean":   {stage: inject("success-then-clean"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault success-then-silence": {stage: inject("success-then-silence"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault strict-sql-500":       {stage: inject("strict-sql-500"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault strict-sql-clean":     {stage: inject("strict-sql-clean"), outcome: "hungup", leaves: tables{listed: false, lineUp: true}, hangups: 1}, // the one lie that no answer shows

	"fault database-down":       {stage: inject("database-down"), outcome: "unavailable", leaves: untouched, hangups: 1},
	"fault database-down-500":   {stage: inject("database-down-500"), outcome: "unavailable", leaves: untouched, hangups: 1},
	"fault database-down-shown": {stage: inject("database-down-shown"), outcome: "unavailable", leaves: untouched, hangups: 1},

	"fault slow-work":       {stage: inject("slow-work"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault slow":            {stage: inject("slow"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault silent":          {stage: inject("silent"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault silent-undone":   {stage: inject("silent-undone"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault dropped":         {stage: inject("dropped"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault dropped-undone":  {stage: inject("dropped-undone"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault reset":           {stage: inject("reset"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault reset-midway":    {stage: inject("reset-midway"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault reset-undone":    {stage: inject("reset-undone"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault cut":             {stage: inject("cut"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault cut-undone":      {stage: inject("cut-undone"), outcome: "still_listed", leaves: untouched, hangups: 1},
	"fault closes-silently": {stage: inject("closes-silently"), outcome: "hungup", leaves: ended, hangups: 1},

	"fault warnings":          {stage: inject("warnings"), outcome: "hungup", leaves: ended, hangups: 1},
	"fault other-call":        {stage: inject("other-call"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault other-call-undone": {stage: inject("other-call-undone"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault endless":           {stage: inject("endless"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault proxy-502":         {stage: inject("proxy-502"), outcome: "no_longer_listed", leaves: ended, hangups: 1},
	"fault proxy-502-undone":  {stage: inject("proxy-502-undone"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault busy-503":          {stage: inject("busy-503"), outcome: "still_listed", leaves: untouched, hangups: 2},
	"fault redirect":          {stage: inject("redirect"), outcome: "misconfigured", leaves: untouched, hangups: 1},
	"fault empty-undone":      {stage: inject("empty-undone"), outcome: "unexpected_reply", leaves: untouched, hangups: 1},
}

func inject(name string) func(*testing.T, *fixture) {
	return func(t *testing.T, b *fixture) {
		t.Helper()
		if err := b.VICIdial.Inject(vicitest.Fault{Name: name, Stage: "HANGUP"}); err != nil {
			t.Fatal(err)
		}
	}
}

func account(change func(*vicitest.User)) func(*testing.T, *fixture) {
	return func(_ *testing.T, b *fixture) {
		u := vicitest.APIUser(vicitest.DefaultUser, vicitest.DefaultPass)
		change(&u)
		b.VICIdial.AddUser(u)
	}
}

func settings(s vicitest.Settings) func(*testing.T, *fixture) {
	return func(_ *testing.T, b *fixture) { b.VICIdial.Configure(s) }
}
