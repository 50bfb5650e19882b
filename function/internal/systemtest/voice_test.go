//go:build unix

package systemtest_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// ofVoice returns the examples of the page on voice agents that end a call.
func ofVoice(t *testing.T, pages map[string]page) (examples []example) {
	t.Helper()
	for _, e := range pages["voice-agents"].examples {
		if e.outcome == "hungup" {
			examples = append(examples, e)
		}
	}
	if len(examples) < 9 {
		t.Fatalf("only %d examples", len(examples))
	}
	return examples
}

// Platforms repeat a tool call after a timeout. A repeat must not book again, and must not end the agent's next call.
func TestRepeatedToolCallBooksOnce(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	b := newFixture(t, stack.Config{SourcesFile: allSources(t, pages)})
	for _, e := range ofVoice(t, pages) {
		t.Run(e.source, func(t *testing.T) {
			call := b.addCallFor(e.body)
			d := b.delivery(t, e.source, e.body)
			d.contentType = e.contentType
			for i, want := range []string{"hungup", "no_active_call", "no_active_call"} {
				if got, _ := readAnswer(t, b.post(t, d)); got != want {
					t.Errorf("try %d: got %s, want %s; the log:\n%s", i+1, got, want, b.lastLine())
				}
				if i == 1 {
					next := b.VICIdial.NextCallID('Y')
					b.VICIdial.AddCall(vicitest.Call{ID: next, Agent: "1028"})
					defer b.checkCall(t, next, "no_active_call")
				}
			}
			b.checkCall(t, call, "hungup")
		})
	}
}

func TestReplayedToolCallIsRefusedIfATimeIsSigned(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	b := newFixture(t, stack.Config{SourcesFile: allSources(t, pages)})
	for _, e := range ofVoice(t, pages) {
		src, _ := b.sources.Lookup(e.source)
		if src.Scheme.Tolerance == 0 {
			continue
		}
		t.Run(e.source, func(t *testing.T) {
			call := b.addCallFor(e.body)
			d := b.delivery(t, e.source, e.body)
			d.sign(t, b.Keys[e.source], time.Now().Add(-time.Duration(src.Scheme.Tolerance+60)*time.Second))
			if got := b.send(t, d); got.status != http.StatusUnauthorized {
				t.Errorf("got %d %s", got.status, got.body)
			}
			b.checkCall(t, call, "unauthorized")
		})
	}
}

var aDisposition = regexp.MustCompile(`"(SALE|NI|CALLBK)"`)

// A model that invents a disposition gets the list of valid ones.
func TestInventedDispositionIsAnsweredWithTheList(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	b := newFixture(t, stack.Config{SourcesFile: allSources(t, pages)})
	for _, e := range ofVoice(t, pages) {
		if strings.HasSuffix(e.source, "-call") {
			continue // no model reads these answers
		}
		t.Run(e.source, func(t *testing.T) {
			e.body = aDisposition.ReplaceAllString(e.body, `"HAPPY"`)
			call := b.addCallFor(e.body)
			d := b.delivery(t, e.source, e.body)
			got := b.post(t, d)
			outcome, _ := readAnswer(t, got)
			if outcome != "not_allowed" || !strings.Contains(got.body, "SALE, NI, CALLBK") {
				t.Errorf("got %s", got.body)
			}
			b.checkCall(t, call, "not_allowed")
		})
	}
}
