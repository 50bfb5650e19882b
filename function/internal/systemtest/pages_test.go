//go:build unix

package systemtest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// senders have a page in docs.
var senders = []string{
	"chatwoot", "crm", "freshdesk", "front", "github", "helpscout", "hubspot", "intercom", "jira", "salesforce", "servicenow",
	"slack", "zammad", "zendesk",
}

// guides are pages for several senders: their examples are run, their form is free.
var guides = []string{"voice-agents"}

const (
	docs        = "../../docs"               // the senders' pages
	payloadsDir = sampleFolder + "/payloads" // bodies as senders make them, which the pages name
)

// A page is one sender's documentation.
type page struct {
	text     string
	sources  map[string]any
	examples []example
}

// An example is a body, on a page or in the file that it names, and the outcome that the page promises.
type example struct {
	source, contentType string
	file                string // of payloads; empty: the body is on the page
	outcome             string // empty: the challenge in it is echoed
	body                string
}

var (
	sourcesBlock = regexp.MustCompile("(?s)\n## sources\\.json\n\n```json\n(.*?)\n```\n")
	exampleBlock = regexp.MustCompile("(?sm)^Example for `([a-z0-9-]+)` \\(`([a-z/-]+)`\\)" +
		"(?: in \\[[a-z.-]+\\]\\(../../events/payloads/([a-z.-]+)\\))?, answered (?:`([a-z_]+)`|with its challenge)" +
		"(?:\\.|:\n\n```[a-z]*\n(.*?)\n```)$")
	callIDs = regexp.MustCompile(`[VYJM][0-9]{19}`)
)

// readPages returns the pages by sender.
func readPages(t *testing.T) map[string]page {
	t.Helper()
	pages := map[string]page{}
	for _, name := range slices.Concat(senders, guides) {
		text, err := os.ReadFile(filepath.Join(docs, name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		p := page{text: string(text)}
		blocks := sourcesBlock.FindAllStringSubmatch(p.text, -1)
		if len(blocks) != 1 {
			t.Fatalf("docs/%s.md has %d blocks for sources.json, want 1", name, len(blocks))
		}
		if err := json.Unmarshal([]byte(blocks[0][1]), &p.sources); err != nil {
			t.Fatalf("docs/%s.md: sources.json: %v", name, err)
		}
		for _, found := range exampleBlock.FindAllStringSubmatch(p.text, -1) {
			e := example{source: found[1], contentType: found[2], file: found[3], outcome: found[4], body: found[5]}
			if e.file != "" {
				e.body = readPayload(t, e)
			}
			p.examples = append(p.examples, e)
		}
		if n := strings.Count(p.text, "Example for `"); n == 0 || n != len(p.examples) {
			t.Fatalf("docs/%s.md has %d examples, of which %d can be read", name, n, len(p.examples))
		}
		pages[name] = p
	}
	return pages
}

// readPayload returns the body in an example's file. A form has it as the member payload, as GitHub sends it.
func readPayload(t *testing.T, e example) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(payloadsDir, e.file))
	if err != nil {
		t.Fatal(err)
	}
	if e.contentType == formType {
		return url.Values{"payload": {string(body)}}.Encode()
	}
	return string(body)
}

// allSources writes one file with the sources of all pages and of the shipped file.
func allSources(t *testing.T, pages map[string]page) (file string) {
	t.Helper()
	all := shippedSources(t)
	for _, p := range pages {
		maps.Copy(all, p.sources)
	}
	return sourcesFile(t, all)
}

func shippedSources(t *testing.T) (shipped map[string]any) {
	t.Helper()
	text, err := os.ReadFile("../../sources.json")
	if err == nil {
		err = json.Unmarshal(text, &shipped)
	}
	if err != nil {
		t.Fatal(err)
	}
	return shipped
}

func sourcesFile(t *testing.T, sources any) (file string) {
	t.Helper()
	text, err := json.Marshal(sources)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "sources.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPagesOfSenders(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	b := newFixture(t, stack.Config{SourcesFile: allSources(t, pages), Account: lookupAccount()})
	for _, name := range slices.Concat(senders, guides) {
		for _, e := range pages[name].examples {
			t.Run(name+" "+e.source+" "+e.file+" "+e.outcome, func(t *testing.T) {
				b.checkExample(t, e)
				b.checkForged(t, e)
			})
		}
	}
}

// checkForged sends an example signed with another key.
func (b *fixture) checkForged(t *testing.T, e example) {
	call := b.addCallFor(e.body)
	d := b.delivery(t, e.source, e.body)
	d.contentType = e.contentType
	d.sign(t, otherKey, time.Now())
	if got := b.send(t, d); got.status != http.StatusUnauthorized || got.Outcome != "unauthorized" {
		t.Errorf("with another key: got %d %s", got.status, got.body)
	}
	b.checkCall(t, call, "unauthorized")
}

func TestEveryPayloadIsOnAPage(t *testing.T) {
	named := map[string]bool{}
	for _, p := range readPages(t) {
		for _, e := range p.examples {
			named[e.file] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(payloadsDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads: %v", err)
	}
	for _, file := range files {
		if !named[filepath.Base(file)] {
			t.Errorf("no page names events/payloads/%s", filepath.Base(file))
		}
	}
}

func (b *fixture) checkExample(t *testing.T, e example) {
	t.Helper()
	call := b.addCallFor(e.body)
	d := b.delivery(t, e.source, e.body)
	d.contentType = e.contentType
	got := b.post(t, d)
	outcome, challenge := readAnswer(t, got)
	if got.status != http.StatusOK || outcome != e.outcome {
		t.Errorf("got %d %s, want %s; the log:\n%s", got.status, got.body, e.outcome, b.lastLine())
	}
	if e.outcome == "" && (challenge == "" || !strings.Contains(e.body, challenge)) {
		t.Errorf("the challenge is answered with %s", got.body)
	}
	b.checkCall(t, call, e.outcome)
}

// readAnswer returns an answer's outcome, or the challenge that it echoes. Vapi's outcome is inside the text of a result.
func readAnswer(t *testing.T, got answer) (outcome, challenge string) {
	t.Helper()
	var a struct {
		Outcome, Challenge string
		Results            []struct{ ToolCallID, Result string }
	}
	if err := json.Unmarshal([]byte(got.body), &a); err != nil {
		t.Fatalf("answer %q: %v", got.body, err)
	}
	if len(a.Results) > 0 && a.Results[0].ToolCallID != "" {
		if err := json.Unmarshal([]byte(a.Results[0].Result), &a); err != nil {
			t.Fatalf("answer %q: %v", got.body, err)
		}
	}
	return a.Outcome, a.Challenge
}

// The customer of the payloads that name no call id.
const (
	customerPhone = "3125551212"
	customerCode  = "4711" // vendor_lead_code
)

// addCallFor adds a call of agent 1028 with the customer: the one that the body names, or the fixture's.
func (b *fixture) addCallFor(body string) (call string) {
	if call = callIDs.FindString(body); call == "" {
		call = b.call
	}
	b.VICIdial.AddCall(vicitest.Call{ID: call, Agent: "1028", Phone: customerPhone, VendorLeadCode: customerCode})
	return call
}

// lookupAccount returns VICIdial's secret with the account for lookups.
func lookupAccount() map[string]any {
	return map[string]any{"lookup": map[string]string{"user": vicitest.DefaultLookupUser, "pass": vicitest.DefaultLookupPass}}
}

// Each source that needs no call id ends the customer's call and no other, even if the webhook is repeated.
func TestRecipesWithoutACallIDEndNoOtherCall(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	b := newFixture(t, stack.Config{SourcesFile: allSources(t, pages), Account: lookupAccount()})
	tried := 0
	for _, name := range senders {
		for _, e := range pages[name].examples {
			if _, named := pages[name].sources[e.source].(map[string]any)["call_id"]; named || callIDs.MatchString(e.body) || e.outcome != "hungup" {
				continue
			}
			tried++
			t.Run(e.source, func(t *testing.T) {
				call := b.addCallFor(e.body)
				b.checkExample(t, e)
				b.checkOutcome(t, e, "no_active_call") // a repeat
				b.VICIdial.AddCall(vicitest.Call{ID: call, Agent: "1028", Phone: "3125551299", VendorLeadCode: "4712"})
				b.checkOutcome(t, e, "other_call") // a repeat in the agent's next call
				b.checkCall(t, call, "other_call")
			})
		}
	}
	if tried < 8 {
		t.Errorf("only %d pages have a recipe without a call id", tried)
	}
}

// checkOutcome sends an example and checks its outcome.
func (b *fixture) checkOutcome(t *testing.T, e example, want string) {
	t.Helper()
	d := b.delivery(t, e.source, e.body)
	d.contentType = e.contentType
	got := b.post(t, d)
	if outcome, _ := readAnswer(t, got); outcome != want {
		t.Errorf("got %s, want %s; the log:\n%s", got.body, want, b.lastLine())
	}
}

// checkCall checks that a call has ended if the outcome is hungup, and is unchanged otherwise.
func (b *fixture) checkCall(t *testing.T, call, outcome string) {
	t.Helper()
	want := untouched
	if outcome == "hungup" {
		want = ended
	}
	if is := (tables{b.VICIdial.Listed(call), b.VICIdial.LineUp(call)}); is != want {
		t.Errorf("%s, and the call is %+v, want %+v", outcome, is, want)
	}
}

func (b *fixture) lastLine() string {
	lines := b.Logs()
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

func TestPagesOfSendersAreComplete(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile(docs + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := readPages(t)
	for _, name := range senders {
		p := pages[name]
		for _, part := range []string{
			"\n| Scheme |", "\n| Key |", "\n| Deadline |", "\n| Sends again |", "\n| Who sees the answer |",
			"\n## In ", "\n## How the call is found\n", "\nSources: ", "/webhooks/" + name,
		} {
			if !strings.Contains(p.text, part) {
				t.Errorf("docs/%s.md lacks %q", name, part)
			}
		}
		if !strings.Contains(string(index), "("+name+".md)") {
			t.Errorf("docs/README.md does not lead to %s.md", name)
		}
		for word := range p.outcomesSentAgain() {
			if _, known := hangup.RuleOf(hangup.Outcome(word)); !known {
				t.Errorf("docs/%s.md: %q is no outcome", name, word)
			}
		}
	}
	files, err := filepath.Glob(docs + "/*.md")
	if err != nil || len(files) != len(senders)+len(guides)+2 {
		t.Errorf("docs holds %v, %v: each page must be in the list of senders", files, err)
	}
}

// outcomesSentAgain returns the outcomes in the row of what the sender redelivers.
func (p page) outcomesSentAgain() map[string]bool {
	words := map[string]bool{}
	_, row, _ := strings.Cut(p.text, "\n| Sends again |")
	row, _, _ = strings.Cut(row, "\n")
	for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row, -1) {
		words[found[1]] = true
	}
	return words
}

func TestPagesOfSendersMatchTheShippedSources(t *testing.T) {
	t.Parallel()
	shipped, documented := shippedSources(t), map[string]any{}
	for name, p := range readPages(t) {
		for source, definition := range p.sources {
			if documented[source] != nil {
				t.Errorf("docs/%s.md: another page has a source %s", name, source)
			}
			documented[source] = definition
			if is, there := shipped[source]; there && !reflect.DeepEqual(is, definition) {
				t.Errorf("docs/%s.md: its source %s is not that of the shipped sources.json", name, source)
			}
		}
		for _, e := range p.examples {
			if p.sources[e.source] == nil {
				t.Errorf("docs/%s.md: an example is for %s, which is not one of its sources", name, e.source)
			}
		}
	}
	if names := slices.Sorted(maps.Keys(documented)); len(names) < len(senders) {
		t.Errorf("only %v are documented", names)
	}
}

// Zendesk is the one sender that reads Retry-After: its page must name exactly what it redelivers.
func TestZendeskPageNamesWhatZendeskRedelivers(t *testing.T) {
	t.Parallel()
	row := readPages(t)["zendesk"].outcomesSentAgain()
	for _, rule := range hangup.Rules() {
		again := rule.Status == http.StatusServiceUnavailable && rule.RetryAfter < 60
		named := row[string(rule.Outcome)]
		if again && !named || named && rule.Status != http.StatusServiceUnavailable {
			t.Errorf("%s (%d, Retry-After %d): named %v", rule.Outcome, rule.Status, rule.RetryAfter, named)
		}
	}
}
