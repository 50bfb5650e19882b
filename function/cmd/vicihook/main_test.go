package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/webhook"
)

const (
	crmKey  = "whsec_bDl4UHEwbVVlN1RuMnNXdlliOEw0MXhacg=="
	callID  = "Y1221052110000402027"
	sources = "../../sources.json"
)

// A call is one run of the command.
type call struct {
	args  []string
	env   map[string]string
	stdin string
}

type result struct {
	status         int
	stdout, stderr string
}

// vicihook runs the command with a key in the environment, and fails the test if the output shows the key.
func vicihook(t *testing.T, c call) result {
	t.Helper()
	env := map[string]string{"VICIHOOK_KEY": crmKey, "SOURCES_FILE": sources}
	for name, value := range c.env {
		env[name] = value
	}
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), c.args, strings.NewReader(c.stdin), &stdout, &stderr, func(name string) string { return env[name] })
	r := result{status, stdout.String(), stderr.String()}
	for _, key := range []string{env["VICIHOOK_KEY"], strings.TrimPrefix(crmKey, "whsec_")} {
		if key = strings.TrimSpace(key); key != "" && strings.Contains(r.stdout+r.stderr, key) {
			t.Errorf("the output shows the key:\n%s%s", r.stdout, r.stderr)
		}
	}
	lines := strings.Count(r.stderr, "\n") - strings.Count(r.stderr, "vicihook: warning: ") - strings.Count(r.stderr, "payload   ")
	if (status != statusOK) != (lines == 1) {
		t.Errorf("want one line on standard error, got %q", r.stderr)
	}
	return r
}

// check fails the test unless the command ended with this status and printed all these texts, on either output.
func (r result) check(t *testing.T, status int, printed ...string) {
	t.Helper()
	for _, text := range append(printed, "") {
		if r.status != status || !strings.Contains(r.stdout+r.stderr, text) {
			t.Fatalf("got status %d\n%s%s\nwant %d and %q", r.status, r.stdout, r.stderr, status, text)
		}
	}
}

func args(line string, more ...string) []string { return append(strings.Fields(line), more...) }

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelp(t *testing.T) {
	t.Parallel()
	top := vicihook(t, call{args: args("--help")})
	for _, command := range []string{"send", "sign", "verify", "explain", "classify", "check", "hangup", "doctor", "who", "outcome", "calls"} {
		if top.status != statusOK || !strings.Contains(top.stdout, "  "+command) {
			t.Errorf("--help does not list %s:\n%s", command, top.stdout)
		}
		help := vicihook(t, call{args: args(command + " --help")})
		if help.status != statusOK || help.stderr != "" || !strings.HasPrefix(help.stdout, "Usage: vicihook "+command) {
			t.Errorf("%s --help: status %d, %s%s", command, help.status, help.stdout, help.stderr)
		}
		if !strings.Contains(help.stdout, "    vicihook "+command) {
			t.Errorf("%s --help has no example", command)
		}
	}
}

func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&cli{}, kong.Vars{"outcomes": outcomes()})
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`(?i)key|secret|pass|token|credential|auth`)
	seen := 0
	for _, command := range parser.Model.Leaves(false) {
		for _, value := range command.Flags {
			seen++
			if secret.MatchString(value.Name) && value.Name != "key-file" {
				t.Errorf("%s takes --%s from the command line, where every user can read it", command.Name, value.Name)
			}
		}
		for _, value := range command.Positional {
			if secret.MatchString(value.Name) {
				t.Errorf("%s takes <%s> from the command line", command.Name, value.Name)
			}
		}
	}
	if seen == 0 {
		t.Error("no flag was looked at")
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if r := vicihook(t, call{args: args("--version")}); r.status != statusOK || !strings.HasPrefix(r.stdout, "vicihook ") {
		t.Errorf("got %+v", r)
	}
}

var usageErrors = map[string]struct {
	call
	printed string
}{
	"no command":                               {call{}, `"send"`},
	"an unknown command":                       {call{args: args("snd")}, "snd"},
	"an unknown flag":                          {call{args: args("send --nope")}, "--nope"},
	"no URL":                                   {call{args: args("send --call-id Y1 --agent-user 1")}, "--url"},
	"a URL of another protocol":                {sendTo("ftp://x"), "--url"},
	"a URL with the route":                     {sendTo("http://x/webhooks/crm"), "--source"},
	"a URL with a password":                    {sendTo("http://u:topsecret@x"), "--url"},
	"a URL with a query":                       {sendTo("http://x/?a=b"), "--url"},
	"no call id":                               {call{args: args("send --url http://x --agent-user 1")}, "VICIHOOK_CALL_ID"},
	"no agent":                                 {call{args: args("send --url http://x --call-id Y1")}, "VICIHOOK_AGENT_USER"},
	"an unknown expected outcome":              {sendTo("http://x", "--expect", "hangup"), "--expect"},
	"a timeout of zero":                        {sendTo("http://x", "--timeout", "0s"), "--timeout"},
	"a malformed timeout":                      {sendTo("http://x", "--timeout", "soon"), "--timeout"},
	"a malformed time":                         {sendTo("http://x", "--at", "yesterday"), "--at"},
	"an id that can't be signed":               {sendTo("http://x", "--id", "a.b"), "--id"},
	"an unknown source":                        {sendTo("http://x", "--source", "nope"), "crm, desk, github, helpdesk, probe, zendesk"},
	"a missing sources.json":                   {sendTo("http://x", "--sources", "/nope.json"), "--sources: open /nope.json"},
	"an unknown scheme":                        {sendTo("http://x", "--scheme", "zendes"), "there are " + webhook.PresetNames()[0] + ", "},
	"a scheme with every fault":                {sendTo("http://x", "--scheme", `{"kind":"hmac"}`), "alg: missing"},
	"a value that the source computes":         {sendTo("http://x", "--source", "zendesk", "--disposition", "SALE"), "--disposition"},
	"a value that the source does not read":    {sendTo("http://x", "--source", "zendesk", "--actor", "jo"), "--actor: this source does not read it"},
	"a payload that the source ignores":        {sendTo("http://x", "--source", "zendesk"), "--body"},
	"a payload given twice":                    {call{args: args("send --url http://x --body - --ref 7"), stdin: "{}"}, "--body"},
	"a body over the limit":                    {call{args: args("send --url http://x --body -"), stdin: strings.Repeat("a", hangup.MaxBody+1)}, "--body: more than 262144 bytes"},
	"a body that is a directory":               {call{args: args("send --url http://x --body .")}, "--body"},
	"standard input for two flags":             {call{args: args("send --url http://x --body - --key-file -"), stdin: crmKey}, "--key-file"},
	"no key":                                   {call{args: sendTo("http://x").args, env: map[string]string{"VICIHOOK_KEY": ""}}, "VICIHOOK_KEY"},
	"an empty key":                             {call{args: sendTo("http://x").args, env: map[string]string{"VICIHOOK_KEY": "whsec_"}}, "VICIHOOK_KEY: webhook: key is empty"},
	"a key in another form":                    {call{args: sendTo("http://x").args, env: map[string]string{"VICIHOOK_KEY": "whsec_!topsecret"}}, "must be base64"},
	"a key with a second line":                 {call{args: sendTo("http://x").args, env: map[string]string{"VICIHOOK_KEY": crmKey + "\nextra"}}, "two lines"},
	"a missing key file":                       {sendTo("http://x", "--key-file", "/nope"), "--key-file: open /nope"},
	"a key file over the limit":                {call{args: sendTo("http://x", "--key-file", "-").args, stdin: strings.Repeat("k", maxKey+1)}, "--key-file: more than"},
	"an unknown event format":                  {call{args: args("sign --event soap --call-id Y1 --agent-user 1")}, "--event"},
	"an event file without an event":           {call{args: args("sign --event-file -"), stdin: "POST / HTTP/1.1\nHost: a\n\n"}, "--event-file"},
	"an event file and a payload":              {call{args: args("sign --event-file - --ref 7"), stdin: "{}"}, "--event-file"},
	"a scheme that signs the URL, and no URL":  {call{args: args("sign --scheme twilio --call-id Y1 --agent-user 1")}, "--url"},
	"text that is no request":                  {call{args: args("verify"), stdin: "hello"}, "<request>"},
	"a request with two bodies":                {call{args: args("verify --body " + sources), stdin: "X: y\n\nbody"}, "--body"},
	"vectors that are no list":                 {call{args: args("verify --vectors -"), stdin: "{}"}, "--vectors"},
	"an empty list of vectors":                 {call{args: args("verify --vectors -"), stdin: "[]"}, "--vectors"},
	"a malformed status":                       {call{args: args("classify --http-status x --call-id Y1 --agent-user 1")}, "--http-status"},
	"a status below 100":                       {call{args: args("classify --http-status 99 --call-id Y1 --agent-user 1")}, "--http-status"},
	"no status":                                {call{args: args("classify --call-id Y1 --agent-user 1")}, "--http-status"},
	"no call id to classify with":              {call{args: args("classify --http-status 200 --agent-user 1")}, "--call-id"},
	"an empty agent to classify with":          {call{args: args("classify --http-status 200 --call-id Y1 --agent-user=")}, "--agent-user"},
	"a call without its agent":                 {call{args: args("check --call-id " + callID)}, "--agent-user"},
	"a malformed call id":                      {call{args: args("check --call-id Y1 --agent-user 1028"), env: account}, "call_id must be"},
	"no account":                               {call{args: args("check")}, "VICIDIAL_URL, VICIDIAL_USER and VICIDIAL_PASS"},
	"an account over plain http":               {call{args: args("check"), env: plainHTTP}, "must be https"},
	"an account that is no JSON":               {call{args: args("check --account -"), stdin: "topsecret"}, "--account: VICIdial's secret: no JSON"},
	"an account with an unknown member":        {call{args: args("check --account -"), stdin: `{"password": "topsecret"}`}, "url, user, pass"},
	"an account that VICIdial would truncate":  {call{args: args("check --account -"), stdin: `{"url": "https://x", "user": "a b", "pass": "topsecret"}`}, "user must be"},
	"a check with a timeout of zero":           {call{args: args("check --timeout 0s"), env: account}, "--timeout"},
	"a hang-up without a call":                 {call{args: args("hangup --yes"), env: account}, "--call-id"},
	"a hang-up with a phone number as call id": {call{args: args("hangup --yes --agent-user 1028 --call-id 3125551212"), env: account}, "call_id must be"},
	"a disposition that is too long":           {call{args: args("hangup --yes --agent-user 1028 --disposition TOOLONG --call-id " + callID), env: account}, "disposition must be"},
	"a malformed --since":                      {call{args: args("who --since yesterday")}, "--since"},
	"a --since in the future":                  {call{args: args("who --since -1h")}, "--since"},
	"a call with quotes":                       {call{args: args(`who --call "Y`)}, "has no quotes"},
	"a missing log file":                       {call{args: args("who /nope.log")}, "/nope.log"},
	"a log group and a file":                   {call{args: args("who --log-group x y.log")}, "not two of them"},
	"a stack and a log group":                  {call{args: args("who --log-group x --stack y")}, "can't be used together"},
	"a stack and a function":                   {call{args: args("doctor --function x --stack y")}, "can't be used together"},
	"a log with an overlong line":              {call{args: args("who"), stdin: strings.Repeat("a", 1<<20+1)}, "longer than"},
	"an unknown outcome":                       {call{args: args("outcome hangup")}, "must be one of \"hungup\",\"accepted\""},
	"a reply over the limit":                   {call{args: args("classify --http-status 200 --call-id Y1 --agent-user 1"), stdin: strings.Repeat("a", maxBody+1)}, "standard input: more than"},
}

var (
	account   = map[string]string{"VICIDIAL_URL": "https://dialer.example.com", "VICIDIAL_USER": "api", "VICIDIAL_PASS": "topsecret"}
	plainHTTP = map[string]string{"VICIDIAL_URL": "http://dialer.example.com", "VICIDIAL_USER": "api", "VICIDIAL_PASS": "topsecret"}
)

func sendTo(url string, more ...string) call {
	return call{args: args("send --call-id "+callID+" --agent-user 1028 --url "+url, more...)}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for name, test := range usageErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vicihook(t, test.call)
			r.check(t, statusUsage, test.printed)
			if r.stdout != "" {
				t.Errorf("%q is on standard output", r.stdout)
			}
			if strings.Contains(r.stderr, "topsecret") {
				t.Errorf("the error shows a secret: %s", r.stderr)
			}
		})
	}
}

// A front is a server in place of the function: it verifies each delivery and answers as the test wants.
type front struct {
	*httptest.Server
	deliveries []webhook.Request
}

func newFront(t *testing.T, scheme, key string, answer http.HandlerFunc) *front {
	t.Helper()
	f := &front{}
	s, ok := webhook.Preset(scheme)
	if !ok {
		t.Fatalf("no preset %s", scheme)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delivery := webhook.Request{Method: r.Method, URL: f.URL + r.RequestURI, Header: webhook.Header{}}
		for name, values := range r.Header {
			delivery.Header[strings.ToLower(name)] = values
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		delivery.Body = body.Bytes()
		f.deliveries = append(f.deliveries, delivery)
		if err := verified(s, key, delivery); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"outcome":"unauthorized","fault":"sender"}`))
			return
		}
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func outcome(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func jsonOf(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}
