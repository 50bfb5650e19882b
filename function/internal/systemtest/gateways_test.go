//go:build unix

package systemtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
)

func TestEveryGatewayFormatGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	file := allSources(t, pages)
	for _, front := range event.Fronts() {
		t.Run(string(front), func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, stack.Config{SourcesFile: file, Front: front})
			for _, name := range []string{"crm", "slack", "hubspot", "freshdesk"} {
				b.checkExample(t, pages[name].examples[0])
			}
			b.checkSignedQuery(t, pages["hubspot"].examples[0])
		})
	}
}

// checkSignedQuery sends a URL with a query that is signed. A REST API does not pass the query as it was sent.
func (b *fixture) checkSignedQuery(t *testing.T, e example) {
	t.Helper()
	call := b.addCallFor(e.body)
	d := b.delivery(t, e.source, e.body)
	d.query = "?b=%2F&a=1"
	d.sign(t, b.Keys[e.source], time.Now())
	got := b.send(t, d)
	if strings.HasSuffix(b.URL, "/"+event.RESTStage) {
		if got.status != http.StatusUnauthorized || !strings.Contains(b.lastLine(), webhook.ErrNoURL.Error()) {
			t.Errorf("got %s; the log does not say why: %s", got.body, b.lastLine())
		}
	} else if got.Outcome != "hungup" {
		t.Errorf("got %s; the log:\n%s", got.body, b.lastLine())
	}
	b.checkCall(t, call, got.Outcome)
}
