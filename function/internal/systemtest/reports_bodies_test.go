//go:build unix

package systemtest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"vicihook/infra/local/stack"
)

// The files reports_*_test.go have cases from public reports of senders and their users, one kind each test. Each row is sent
// through the shipped binary.

const reportsSources = `{
	"plain":   {"scheme": "generic-sha256-base64", "disposition": ".disposition", "ref": ".ref", "actor": ".by"},
	"when":    {"scheme": "generic-sha256-base64", "when": ".event == \"closed\""},
	"github":  {"scheme": "github", "when": ".action == \"closed\"", "call_id": ".issue.title", "agent_user": ".sender.login"},
	"slack":   {"scheme": "slack"},
	"twilio":  {"scheme": "twilio"},
	"hubspot": {"scheme": "hubspot-v3", "agent_user": ".agent"}
}`

// A reportedBody is a body that a sender posts. CALL is replaced by a live call's id, AGENT by its agent.
type reportedBody struct {
	source, contentType, body string
	outcome                   string // empty: hungup
	log                       string // what the log line must say, if anything
}

const jsonType = "application/json"

func (b *fixture) checkReported(t *testing.T, rows map[string]reportedBody) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			call := b.addCallFor("")
			d := b.delivery(t, row.source, strings.NewReplacer("CALL", call, "AGENT", "1028").Replace(row.body))
			d.contentType = row.contentType
			d.sign(t, b.Keys[row.source], time.Now())
			want := row.outcome
			if want == "" {
				want = "hungup"
			}
			if got := b.send(t, d); got.Outcome != want {
				t.Errorf("got %d %s, want %s; the log:\n%s", got.status, got.body, want, b.lastLine())
			}
			if !strings.Contains(b.lastLine(), row.log) {
				t.Errorf("the log does not say %q: %s", row.log, b.lastLine())
			}
			b.checkCall(t, call, want)
		})
	}
}

func TestReportsBodyKind(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, reportsSources)})
	const (
		plain  = `{"call_id":"CALL","agent_user":"AGENT","disposition":"SALE"}`
		closed = `{"event":"closed","call_id":"CALL","agent_user":"AGENT"}`
	)
	issue := url.Values{"payload": {`{"action":"closed","issue":{"title":"CALL"},"sender":{"login":"AGENT"}}`}}.Encode()
	b.checkReported(t, map[string]reportedBody{
		"JSON under the type of a form, as curl -d and PHP send it": {source: "plain", contentType: formType, body: plain},
		"the same where the source has a when":                      {source: "when", contentType: formType, body: closed},
		"JSON under no type":                                        {source: "plain", body: plain},
		"a form under the type of JSON":                             {source: "when", contentType: jsonType, body: "event=closed&call_id=CALL&agent_user=AGENT"},
		"GitHub's default type, a form with the member payload":     {source: "github", contentType: formType, body: issue},
		"GitHub's form under the type of JSON":                      {source: "github", contentType: jsonType, body: issue},
		"JSON after a byte order mark":                              {source: "plain", contentType: jsonType, body: "\ufeff" + plain},
		"JSON after a byte order mark and white space":              {source: "plain", contentType: jsonType, body: "\ufeff\r\n " + plain},
		"a form after a byte order mark":                            {source: "when", contentType: formType, body: "\ufeffevent=closed&call_id=CALL&agent_user=AGENT"},
		"a form's payload for a source that is not GitHub's": {source: "when", contentType: formType, body: issue, outcome: "ignored",
			log: "the payload has nothing of what `when` reads: .event"},
	})
}

func TestReportsRefAndActorStopNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, reportsSources)})
	rows := map[string]reportedBody{
		"half a surrogate pair in a member that nothing reads": {source: "plain", contentType: jsonType,
			body: `{"call_id":"CALL","agent_user":"AGENT","disposition":"SALE","subject":"cut \ud83d"}`},
		"half a surrogate pair in ref": {source: "plain", contentType: jsonType,
			body: `{"call_id":"CALL","agent_user":"AGENT","disposition":"SALE","ref":"cut \ud83d"}`},
		"a form field given twice that nothing reads": {source: "twilio", contentType: formType,
			body: "call_id=CALL&agent_user=AGENT&MediaUrl=a&MediaUrl=b"},
		"a form field given twice that is read": {source: "twilio", contentType: formType,
			body: "call_id=CALL&call_id=CALL&agent_user=AGENT", outcome: "invalid_request"},
	}
	for name, value := range map[string]string{
		"a double": "26.0", "a fraction": "26.5", "a boolean": "true", "a list": "[1,2]", "an object": `{"id":1}`, "null": "null",
		"a tab": `"a\tb"`, "a line end": `"T-1\n"`, "201 bytes": `"` + strings.Repeat("x", 201) + `"`,
		"201 bytes that end in a letter of two": `"` + strings.Repeat("x", 199) + `ää"`,
	} {
		for _, member := range []string{"ref", "by"} {
			rows[member+" with "+name] = reportedBody{source: "plain", contentType: jsonType,
				body: `{"call_id":"CALL","agent_user":"AGENT","disposition":"SALE","` + member + `":` + value + `}`}
		}
	}
	b.checkReported(t, rows)
}

func TestReportsNumbers(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, reportsSources)})
	rows := map[string]reportedBody{}
	for value, outcome := range map[string]string{
		"1028": "hungup", "1028.0": "hungup", "1028.000": "hungup", "1.028e3": "hungup", "102800e-2": "hungup", `"1028"`: "hungup",
		"1028.5": "invalid_request", "-1028": "agent_not_logged_in", "true": "invalid_request",
		`"01028"`: "agent_not_logged_in", `"1028.0"`: "invalid_request",
	} {
		rows[value] = reportedBody{source: "hubspot", contentType: jsonType, body: `{"call_id":"CALL","agent":` + value + `}`, outcome: outcome}
	}
	b.checkReported(t, rows)
}

func TestReportsWhiteSpaceAroundTypedValues(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, reportsSources)})
	body := func(call, agent, disposition string) string {
		return `{"call_id":"` + call + `","agent_user":"` + agent + `","disposition":"` + disposition + `"}`
	}
	b.checkReported(t, map[string]reportedBody{
		"blanks around the call id":         {source: "plain", contentType: jsonType, body: body("  CALL ", "AGENT", "SALE")},
		"a line end after the agent":        {source: "plain", contentType: jsonType, body: body("CALL", `AGENT\r\n`, "SALE")},
		"a no-break space copied from chat": {source: "plain", contentType: jsonType, body: body("CALL\u00a0", "\u00a0AGENT", "SALE\u00a0")},
		"a tab before the disposition":      {source: "plain", contentType: jsonType, body: body("CALL", "AGENT", `\tSALE`)},
		"a blank inside the agent":          {source: "plain", contentType: jsonType, body: body("CALL", "10 28", "SALE"), outcome: "invalid_request"},
		"nothing but blanks":                {source: "plain", contentType: jsonType, body: body(" ", "AGENT", "SALE"), outcome: "invalid_request"},
	})
}
