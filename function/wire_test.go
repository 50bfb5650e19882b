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
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

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
	loaded, err := config.Load(getenv, ".")
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
