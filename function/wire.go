package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/config"
	"vicihook/function/internal/doctor"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// wire puts the parts together and starts to fetch both secrets, while Lambda's init time lasts. A configuration
// that can't serve still answers, so that senders and alarms see it.
func wire(getenv func(string) string, folder string) gateway.Gateway {
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: level(getenv("AWS_LAMBDA_LOG_LEVEL")), ReplaceAttr: lambdacontext.ReplaceAttr,
	})).With("function_version", getenv("AWS_LAMBDA_FUNCTION_VERSION")) // so that an alarm can watch a new one alone
	settings, err := config.Load(getenv, folder)
	if err != nil {
		return broken(err, log)
	}
	handler, doctor := parts(settings, secretsManager(getenv), log)
	doctor.Region = getenv("AWS_REGION")
	return gateway.Gateway{PublicURL: settings.PublicURL, Handle: handler.Handle, Doctor: examined(doctor, log)}
}

// broken answers every webhook misconfigured, and tells a doctor why.
func broken(err error, log *slog.Logger) gateway.Gateway {
	log.Error("the configuration is wrong; every webhook is answered misconfigured", "cause", err.Error())
	handler := &hangup.Handler{Broken: err, Log: log, Version: version}
	return gateway.Gateway{Handle: handler.Handle, Doctor: examined(&doctor.Doctor{Broken: err, Version: version}, log)}
}

// examined logs a line for each examination. It is no error: alarms are for webhooks.
func examined(d *doctor.Doctor, log *slog.Logger) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		report := d.Examine(ctx)
		log.Info("examined", "healthy", report.Healthy, "verdict", report.Verdict, "version", version)
		return json.Marshal(report)
	}
}

// level is Lambda's own setting; of its levels only DEBUG says more than INFO, and none may say less.
func level(name string) slog.Level {
	if name == "DEBUG" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// secretsManager is a client with what Lambda puts into the environment. The SDK's own search for it, package config,
// also knows files, SSO, STS and instance metadata, none of which Lambda has: 0.6 MB of the zip and 1 ms of each start.
// The one variable beyond Lambda's own names another endpoint, such as a FIPS one.
func secretsManager(getenv func(string) string) *secretsmanager.Client {
	options := secretsmanager.Options{
		Region: getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
	}
	if endpoint := getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"); endpoint != "" {
		options.BaseEndpoint = &endpoint
	}
	return secretsmanager.New(options)
}

// parts are the handler of webhooks and the doctor, who shares its secrets and its client with the latch.
func parts(settings config.Config, api secret.API, log *slog.Logger) (*hangup.Handler, *doctor.Doctor) {
	keys := &webhookKeys{previousFor: settings.PreviousKeysFor, log: log, store: secret.New(secret.Config[source.Keyring]{
		API: api, ARN: settings.WebhookSecretARN, WithPrevious: settings.PreviousKeysFor > 0,
		Parse: settings.Sources.ParseKeys,
	})}
	account := &apiAccount{log: log, store: secret.New(secret.Config[vicicall.Credentials]{
		API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials,
	})}
	keys.store.Prefetch(context.Background())
	account.store.Prefetch(context.Background())
	client := vicicall.New(vicicall.Config{SkipRecheck: !settings.Recheck, AllowHTTP: settings.AllowHTTP})
	handler := &hangup.Handler{
		Sources: settings.Sources, Keys: keys, Credentials: account, VICIdial: client,
		Budget: settings.Budget, DryRun: settings.DryRun, Log: log, Version: version,
	}
	return handler, &doctor.Doctor{Settings: settings, Keys: keys.store, Account: account.store, VICIdial: client, Version: version}
}

// webhookKeys are the keys in force: the current version's, and for a while those of the one before.
type webhookKeys struct {
	store       *secret.Store[source.Keyring]
	previousFor time.Duration
	log         *slog.Logger
	told        atomic.Pointer[string] // the version whose faults are in the log
}

func (w *webhookKeys) Keys(ctx context.Context, name string) (source.Keys, hangup.Refresh, error) {
	held, err := w.store.Load(ctx)
	if err != nil {
		return source.Keys{}, nil, misconfigured(err)
	}
	w.tell(held.Current)
	ring := source.Keyring{name: held.Current.Value[name]}
	if held.Previous != nil && time.Since(held.Current.Created) < w.previousFor {
		ring = ring.WithPrevious(held.Previous.Value)
	}
	return ring[name], refresh(w.store, held), nil
}

// tell names, once a version, the sources that their keys disable. It never shows a key.
func (w *webhookKeys) tell(v secret.Version[source.Keyring]) {
	if told := w.told.Swap(&v.ID); told != nil && *told == v.ID {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v.Value)) {
		switch why := v.Value[name].Refused; {
		case errors.Is(why, source.ErrNoKey):
			w.log.Warn("a source has no webhook key", "source", name, "cause", why.Error())
		case why != nil && !errors.Is(why, source.ErrNoSource):
			w.log.Error("a source is disabled by its webhook key", "source", name, "cause", why.Error())
		}
	}
	if unknown := v.Value.Unknown(); len(unknown) > 0 {
		w.log.Warn("the webhook secret has keys for sources that sources.json lacks", "names", unknown)
	}
}

// apiAccount is VICIdial's API account, named by its secret's version so that a refusal latches on that version.
type apiAccount struct {
	store *secret.Store[vicicall.Credentials]
	log   *slog.Logger
	told  sync.Once
}

func (a *apiAccount) Credentials(ctx context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	held, err := a.store.Load(ctx)
	if err != nil {
		return vicicall.Credentials{}, nil, misconfigured(err)
	}
	account := held.Current.Value
	account.Version = held.Current.ID
	if account.NeedsNewVICIdial() {
		a.told.Do(func() {
			a.log.Warn("VICIdial's password has one of . + / =, which VICIdial keeps from 2.14-72 on and strips before")
		})
	}
	return account, refresh(a.store, held), nil
}

func refresh[T any](store *secret.Store[T], seen secret.Snapshot[T]) hangup.Refresh {
	return func(ctx context.Context) (changed bool, err error) {
		_, changed, err = store.Refresh(ctx, seen)
		return changed, err
	}
}

// misconfigured tells a secret that must be mended from one that is not to be had now.
func misconfigured(err error) error {
	if errors.Is(err, secret.ErrMalformed) {
		return fmt.Errorf("%w: %w", hangup.ErrMisconfigured, err)
	}
	return err
}
