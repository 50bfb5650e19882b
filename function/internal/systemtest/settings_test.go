//go:build unix

package systemtest_test

import (
	"fmt"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
)

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		env             map[string]string
		outcome         string
		hangups, checks int
	}{
		"without any":                       {nil, "hungup", 1, 1},
		"DRY_RUN ends nothing":              {map[string]string{"DRY_RUN": "true"}, "would_hang_up", 0, 1},
		"RECHECK=false does not look again": {map[string]string{"RECHECK": "false"}, "accepted", 1, 0},
		"a budget that the gateway's holding can't have spent": {map[string]string{"REQUEST_BUDGET": "25s"}, "hungup", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t, stack.Config{Env: c.env})
			got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
			if got.Outcome != c.outcome || b.VICIdial.Count("HANGUP") != c.hangups || b.VICIdial.Count("CHECK") != c.checks {
				t.Errorf("got %s after %d HANGUP and %d CHECK", got.body, b.VICIdial.Count("HANGUP"), b.VICIdial.Count("CHECK"))
			}
			if b.VICIdial.Listed(b.call) != (c.hangups == 0) {
				t.Errorf("%s, and listed is %v", got.Outcome, b.VICIdial.Listed(b.call))
			}
		})
	}
}

func TestPlainHTTPNeedsASetting(t *testing.T) {
	for allowed, outcome := range map[string]string{"false": "misconfigured", "true": "unavailable"} {
		b := newFixture(t, stack.Config{
			Env:     map[string]string{"VICIDIAL_ALLOW_HTTP": allowed, "REQUEST_BUDGET": "1s"},
			Account: map[string]any{"url": "http://vicidial.invalid"},
		})
		if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != outcome {
			t.Errorf("allowed %s: got %s, want %s", allowed, got.body, outcome)
		}
	}
}

func TestPreviousKeysFor(t *testing.T) {
	for name, c := range map[string]struct{ previousFor, outcome string }{
		"a day":         {"24h", "hungup"},
		"a millisecond": {"1ms", "unauthorized"},
		"no time":       {"0", "unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t, stack.Config{Keys: map[string]string{"crm": oldKey}, Env: map[string]string{"PREVIOUS_KEYS_FOR": c.previousFor}})
			if b.Secrets == nil {
				t.Skip("steers the local Secrets Manager")
			}
			b.put(t, b.WebhookSecretARN, fmt.Sprintf(`{"crm": %q}`, newKey))
			if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != c.outcome {
				t.Errorf("the old key gets %s, want %s", got.body, c.outcome)
			}
		})
	}
}

func TestMissingKeysAreLoggedOnce(t *testing.T) {
	b := newFixture(t, stack.Config{
		Keys:    map[string]string{"crm": oldKey, "github": "changeme", "crn": newKey},
		Account: map[string]any{"pass": "S3cret.+"},
	})
	for range 2 {
		b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	}
	log := strings.Join(b.Logs(), "\n")
	for level, text := range map[string]string{
		`"ERROR"`: "a source is disabled by its webhook key",
		`"WARN"`:  "the webhook secret has keys for names that sources.json lacks",
		`"WARN" `: "VICIdial's password has one of . + / =",
	} {
		if n := strings.Count(log, text); n != 1 {
			t.Errorf("%d lines say %q:\n%s", n, text, log)
		}
		for line := range strings.SplitSeq(log, "\n") {
			if strings.Contains(line, text) && !strings.Contains(line, `"level":`+strings.TrimSpace(level)) {
				t.Errorf("not %s: %s", level, line)
			}
		}
	}
	if strings.Contains(log, "changeme") || strings.Contains(log, "S3cret") {
		t.Errorf("the log shows a secret:\n%s", log)
	}
}
