package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/config"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// wire puts the parts together and starts to fetch both secrets, while Lambda's init time lasts. A configuration
// that can't serve still answers, so that senders and alarms see it.
func wire(ctx context.Context, getenv func(string) string, folder string) gateway.Gateway {
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: level(getenv("AWS_LAMBDA_LOG_LEVEL")), ReplaceAttr: lambdacontext.ReplaceAttr,
	}))
	settings, err := config.Load(getenv, folder)
	if err != nil {
		log.Error("the configuration is wrong; every webhook is answered misconfigured", "cause", err.Error())
		return gateway.Gateway{Handle: (&hangup.Handler{Broken: err, Log: log, Version: version}).Handle}
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		log.Error("the AWS SDK can't start; every webhook is answered misconfigured", "cause", err.Error())
		return gateway.Gateway{Handle: (&hangup.Handler{Broken: err, Log: log, Version: version}).Handle}
	}
	handler := handler(settings, secretsmanager.NewFromConfig(aws), log)
	return gateway.Gateway{PublicURL: settings.PublicURL, Handle: handler.Handle}
}

// level is Lambda's own setting; of its levels only DEBUG says more than INFO, and none may say less.
func level(name string) slog.Level {
	if name == "DEBUG" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func handler(settings config.Config, api secret.API, log *slog.Logger) *hangup.Handler {
	keys := &webhookKeys{previousFor: settings.PreviousKeysFor, store: secret.New(secret.Config[source.Keyring]{
		API: api, ARN: settings.WebhookSecretARN, WithPrevious: settings.PreviousKeysFor > 0,
		Parse: settings.Sources.ParseKeys,
	})}
	account := &apiAccount{store: secret.New(secret.Config[vicicall.Credentials]{
		API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials,
	})}
	keys.store.Prefetch(context.Background())
	account.store.Prefetch(context.Background())
	return &hangup.Handler{
		Sources: settings.Sources, Keys: keys, Credentials: account,
		VICIdial: vicicall.New(vicicall.Config{SkipRecheck: !settings.Recheck, AllowHTTP: settings.AllowHTTP}),
		Budget:   settings.Budget, DryRun: settings.DryRun, Log: log, Version: version,
	}
}

// webhookKeys are the keys in force: the current version's, and for a while those of the one before.
type webhookKeys struct {
	store       *secret.Store[source.Keyring]
	previousFor time.Duration
}

func (w *webhookKeys) Keys(ctx context.Context, name string) (source.Keys, error) {
	held, err := w.store.Load(ctx)
	if err != nil {
		return source.Keys{}, misconfigured(err)
	}
	ring := held.Current.Value
	if held.Previous != nil && time.Since(held.Current.Created) < w.previousFor {
		ring = ring.WithPrevious(held.Previous.Value)
	}
	return ring[name], nil
}

func (w *webhookKeys) Refresh(ctx context.Context) (changed bool, err error) {
	_, changed, err = w.store.Refresh(ctx)
	return changed, err
}

// apiAccount is VICIdial's API account, named by its secret's version so that a refusal latches on that version.
type apiAccount struct {
	store *secret.Store[vicicall.Credentials]
}

func (a *apiAccount) Credentials(ctx context.Context) (vicicall.Credentials, error) {
	held, err := a.store.Load(ctx)
	if err != nil {
		return vicicall.Credentials{}, misconfigured(err)
	}
	account := held.Current.Value
	account.Version = held.Current.ID
	return account, nil
}

func (a *apiAccount) Refresh(ctx context.Context) (changed bool, err error) {
	_, changed, err = a.store.Refresh(ctx)
	return changed, err
}

// misconfigured tells a secret that must be mended from one that is not to be had now.
func misconfigured(err error) error {
	if errors.Is(err, secret.ErrMalformed) {
		return fmt.Errorf("%w: %w", hangup.ErrMisconfigured, err)
	}
	return err
}
