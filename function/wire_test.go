package main_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	main "vicihook/function"
	"vicihook/function/internal/config"
	"vicihook/function/internal/secret"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// The latch on a refused account opens with a new version of its secret, so the account must carry the version.
func TestAccountCarriesItsSecretsVersion(t *testing.T) {
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	account := fmt.Sprintf(`{"url":"https://dialer.example.com","user":%q,"pass":%q}`, vicitest.DefaultUser, vicitest.DefaultPass)
	env := map[string]string{}
	env["WEBHOOK_SECRET_ARN"], _ = secrets.Create("webhook", `{}`)
	env["VICIDIAL_SECRET_ARN"], _ = secrets.Create("vicidial", account)
	var versions [2]string
	for i := range versions {
		versions[i] = accountOf(t, secrets, env).Version
		if _, err := secrets.Put(env["VICIDIAL_SECRET_ARN"], account); err != nil {
			t.Fatal(err)
		}
	}
	if versions[0] == "" || versions[0] == versions[1] {
		t.Errorf("the account was put again: got version %q, the one before %q", versions[1], versions[0])
	}
}

// accountOf returns the account of a function that starts now.
func accountOf(t *testing.T, secrets *secretsmanager.Server, env map[string]string) vicicall.Credentials {
	t.Helper()
	loaded, err := config.Load(func(name string) string { return env[name] }, ".")
	if err != nil {
		t.Fatal(err)
	}
	handler, _ := main.Parts(t.Context(), loaded, clientOf(secrets), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	account, _, err := handler.Credentials.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return account
}

func clientOf(secrets *secretsmanager.Server) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: secretsmanager.Region, BaseEndpoint: &secrets.URL,
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
}

func TestFailedRefreshIsLoggedOncePerCause(t *testing.T) {
	var log bytes.Buffer
	logFailure := main.LogRefreshFailure(slog.New(slog.NewJSONHandler(&log, nil)))
	for _, err := range []error{nil, secret.ErrMalformed, secret.ErrMalformed, nil, secret.ErrMalformed, secret.ErrUnavailable} {
		logFailure(err)
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
