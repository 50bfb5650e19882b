package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

const vectorFile = "../../internal/webhook/testdata/vectors.json"

func readVectors(t *testing.T) (vectors []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	return vectors
}

func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	r := vicihook(t, call{args: args("verify --vectors " + vectorFile)})
	if want := fmt.Sprintf("%d passed, 0 failed\n", len(readVectors(t))); r.status != statusOK || r.stdout != want {
		t.Errorf("got %+v, want %s", r, want)
	}
}

func TestVerifyVectorsWithTheOppositeVerdict(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	for _, v := range vectors {
		v["valid"] = !v["valid"].(bool)
	}
	turned, err := json.Marshal(vectors)
	if err != nil {
		t.Fatal(err)
	}
	r := vicihook(t, call{args: args("verify --vectors -"), stdin: string(turned)})
	r.check(t, statusFailed, fmt.Sprintf("\n0 passed, %d failed\n", len(vectors)))
	if n := strings.Count(r.stdout, "\n"); n != len(vectors)+1 {
		t.Errorf("%d lines", n)
	}
}

var brokenVectors = map[string]struct{ text, printed string }{
	"an unknown scheme":        {`[{"name":"a","scheme":"zendes","secret":"k","valid":false}]`, "unknown preset"},
	"no scheme":                {`[{"name":"a","secret":"k","valid":false}]`, "kind"},
	"no secret":                {`[{"name":"a","scheme":"github","valid":false}]`, "has no secret"},
	"no verdict":               {`[{"name":"a","scheme":"github","secret":"k"}]`, "has no valid"},
	"no clock":                 {`[{"name":"a","scheme":"zendesk","secret":"k","valid":false}]`, "has no now"},
	"an invalid scheme":        {`[{"name":"a","scheme":{"kind":"hmac"},"secret":"k","valid":false}]`, "alg: missing"},
	"something else":           {`[7]`, "failed  1"},
	"a body that is an object": {`[{"name":"a","scheme":"github","secret":"k","valid":false,"body":{}}]`, "body"},
}

func TestVerifyBrokenVectors(t *testing.T) {
	t.Parallel()
	for name, test := range brokenVectors {
		t.Run(name, func(t *testing.T) {
			r := vicihook(t, call{args: args("verify --vectors -"), stdin: test.text})
			r.check(t, statusFailed, test.printed, "0 passed, 1 failed\n")
		})
	}
}

const githubRequest = "POST /webhooks/github HTTP/1.1\r\nHost: hooks.example.com\r\n" +
	"X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\r\nHello, World!"

var verdicts = map[string]struct {
	call
	status         int
	stdout, stderr string
}{
	"a request whose source its path names":         {call{args: args("verify"), stdin: githubRequest}, statusOK, "verdict   valid\nscheme    github\n", "published"},
	"a request with its body apart":                 {call{args: args("verify --scheme github --body -", headersFile), stdin: "Hello, World!"}, statusOK, "valid", "published"},
	"a changed byte":                                {call{args: args("verify"), stdin: githubRequest + "!"}, statusFailed, "verdict   invalid\nscheme    github\nreason    webhook: signature matches no key\n", ""},
	"another scheme":                                {call{args: args("verify --scheme zendesk"), stdin: githubRequest}, statusFailed, "header x-zendesk-webhook-signature is absent", ""},
	"the explanation of a good request":             {call{args: args("explain"), stdin: githubRequest}, statusFailed, "cause     refused-key", ""},
	"the explanation of a changed one":              {call{args: args("explain"), stdin: githubRequest + "\r\n"}, statusFailed, "cause     body-added-newline", "body-added-newline"},
	"an explanation without any source":             {call{args: args("explain --sources /nope.json"), stdin: githubRequest + "\r\n"}, statusFailed, "scheme    github\ncause     body-added-newline", ""},
	"an explanation of a curl command":              {call{args: args("explain --scheme github"), stdin: curlRequest}, statusFailed, "cause     body-added-newline", ""},
	"an explanation prints what the source selects": {call{args: args("explain"), stdin: deskRequest}, statusFailed, "call_id   Y1122131500000402027\nagent     1028\n", ""},
	"an explanation prints why nothing is selected": {call{args: args("explain"), stdin: githubRequest}, statusFailed, "takes     payload: is neither", ""},
	"an explanation for an unknown source":          {call{args: args("explain --source nope"), stdin: githubRequest}, statusUsage, "", "no such source"},
}

const (
	headersFile = "testdata/github-headers.txt"
	deskRequest = "POST /webhooks/desk HTTP/1.1\r\nHost: hooks.example.com\r\n\r\n" + `{"call_id": "Y1122131500000402027", "agent_user": "1028"}`
	githubKey   = "It's a Secret to Everybody"
	curlRequest = `curl -X POST https://hooks.example.com/webhooks/github -H 'X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' --data-binary $'Hello, World!\n'`
)

func TestVerifyAndExplain(t *testing.T) {
	t.Parallel()
	for name, test := range verdicts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.env = map[string]string{"VICIHOOK_KEY": githubKey}
			r := vicihook(t, test.call)
			if r.status != test.status || !strings.Contains(r.stdout, test.stdout) || !strings.Contains(r.stderr, test.stderr) {
				t.Errorf("got %d\n%s%s\nwant %d, %q, %q", r.status, r.stdout, r.stderr, test.status, test.stdout, test.stderr)
			}
			if strings.Contains(r.stdout+r.stderr, "757107ea") {
				t.Error("the output shows the signature")
			}
		})
	}
}
