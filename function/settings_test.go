//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	main "vicihook/function"
	"vicihook/function/internal/config"
	"vicihook/function/internal/secret"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

func TestEndToEndASettingDoesWhatItSays(t *testing.T) {
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
			b := newBench(t, stack.Config{Env: c.env})
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

func TestEndToEndPlainHTTPNeedsLeave(t *testing.T) {
	for allowed, outcome := range map[string]string{"false": "misconfigured", "true": "unavailable"} {
		b := newBench(t, stack.Config{
			Env:     map[string]string{"VICIDIAL_ALLOW_HTTP": allowed, "REQUEST_BUDGET": "1s"},
			Account: map[string]any{"url": "http://vicidial.invalid"},
		})
		if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != outcome {
			t.Errorf("allowed %s: got %s, want %s", allowed, got.body, outcome)
		}
	}
}

func TestEndToEndARotatedKeyCountsForAsLongAsItMay(t *testing.T) {
	for name, c := range map[string]struct{ previousFor, outcome string }{
		"a day":         {"24h", "hungup"},
		"a millisecond": {"1ms", "unauthorized"},
		"no time":       {"0", "unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, stack.Config{Keys: map[string]string{"crm": oldKey}, Env: map[string]string{"PREVIOUS_KEYS_FOR": c.previousFor}})
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

func TestEndToEndWhatTheSecretsLackIsSaidOnce(t *testing.T) {
	b := newBench(t, stack.Config{
		Keys:    map[string]string{"crm": oldKey, "github": "changeme", "crn": newKey},
		Account: map[string]any{"pass": "S3cret.+"},
	})
	for range 2 {
		b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	}
	log := strings.Join(b.Logs(), "\n")
	for level, text := range map[string]string{
		`"ERROR"`: "a source is disabled by its webhook key",
		`"WARN"`:  "the webhook secret has keys for sources that sources.json lacks",
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

// The latch on a refused account opens with a new version of its secret, so the account must carry the version's name.
func TestAnAccountIsNamedByItsSecretsVersion(t *testing.T) {
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	env := map[string]string{"AWS_REGION": secretsmanager.Region, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL}
	account := fmt.Sprintf(`{"url":"https://dialer.example.com","user":%q,"pass":%q}`, vicitest.DefaultUser, vicitest.DefaultPass)
	env["WEBHOOK_SECRET_ARN"], _ = secrets.Create("webhook", `{}`)
	env["VICIDIAL_SECRET_ARN"], _ = secrets.Create("vicidial", account)
	var versions [2]string
	for i := range versions {
		versions[i] = accountOf(t, func(name string) string { return env[name] }).Version
		if _, err := secrets.Put(env["VICIDIAL_SECRET_ARN"], account); err != nil {
			t.Fatal(err)
		}
	}
	if versions[0] == "" || versions[0] == versions[1] {
		t.Errorf("the same account put again has the version %q, and had %q", versions[1], versions[0])
	}
}

// accountOf is the account that a function which starts now has.
func accountOf(t *testing.T, getenv func(string) string) vicicall.Credentials {
	t.Helper()
	loaded, err := config.Load(getenv, bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	handler, _ := main.Parts(loaded, main.SecretsManager(getenv), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	account, _, err := handler.Credentials.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return account
}

func TestAFaultOfARenewalIsSaidOnceUntilItIsOver(t *testing.T) {
	var log bytes.Buffer
	tell := main.TellRenewal(slog.New(slog.NewJSONHandler(&log, nil)))
	for _, err := range []error{nil, secret.ErrMalformed, secret.ErrMalformed, nil, secret.ErrMalformed, secret.ErrUnavailable} {
		tell(err)
	}
	var levels []string
	for line := range strings.Lines(log.String()) {
		_, rest, _ := strings.Cut(line, `"level":"`)
		level, _, _ := strings.Cut(rest, `"`)
		levels = append(levels, level)
	}
	if got := strings.Join(levels, " "); got != "ERROR ERROR WARN" {
		t.Errorf("got lines of level %s", got)
	}
}
