package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
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
	log.Debug("configured", "sources", settings.Sources.Names(), "budget", settings.Budget.String(),
		"recheck", settings.Recheck, "dry_run", settings.DryRun, "previous_keys_for", settings.PreviousKeysFor.String())
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
		API: api, ARN: settings.WebhookSecretARN, PreviousFor: settings.PreviousKeysFor,
		Parse: settings.Sources.ParseKeys,
	})}
	account := &apiAccount{log: log, store: secret.New(secret.Config[vicicall.Credentials]{
		API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials,
	})}
	go func() { // the first event is asked for meanwhile: starting two threads would hold that up
		keys.store.Prefetch(context.Background())
		account.store.Prefetch(context.Background())
	}()
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
	version     said // whose faults are in the log
	renewal     said
}

func (w *webhookKeys) Keys(ctx context.Context, name string) (source.Keys, hangup.Refresh, error) {
	held, err := w.store.Load(ctx)
	if err != nil {
		return source.Keys{}, nil, misconfigured(err)
	}
	if w.version.isNew(held.Current.ID) {
		w.tell(held.Current)
	}
	tellRenewal(&w.renewal, held, w.log)
	ring := source.Keyring{name: held.Current.Value[name]}
	if held.Previous != nil && held.Current.IsYounger(w.previousFor, time.Now()) {
		ring = ring.WithPrevious(held.Previous.Value)
	}
	return ring[name], refresh(w.store, held), nil
}

// tell names the sources that their keys disable. It never shows a key.
func (w *webhookKeys) tell(v secret.Version[source.Keyring]) {
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
	store   *secret.Store[vicicall.Credentials]
	log     *slog.Logger
	version said // whose password was looked at
	renewal said
}

func (a *apiAccount) Credentials(ctx context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	held, err := a.store.Load(ctx)
	if err != nil {
		return vicicall.Credentials{}, nil, misconfigured(err)
	}
	account := held.Current.Value
	account.Version = held.Current.ID
	if a.version.isNew(account.Version) && account.NeedsNewVICIdial() {
		a.log.Warn("VICIdial's password has one of . + / =, which VICIdial keeps from 2.14-72 on and strips before")
	}
	tellRenewal(&a.renewal, held, a.log)
	return account, refresh(a.store, held), nil
}

// tellRenewal says once that a secret could not be renewed, or its version before not be used, while all goes on with
// what is held: an hour later that would come as a surprise.
func tellRenewal[T any](last *said, held secret.Snapshot[T], log *slog.Logger) {
	err := cmp.Or(held.RefreshErr, held.PreviousErr)
	switch {
	case err == nil:
		last.isNew("")
	case !last.isNew(err.Error()):
	case errors.Is(err, secret.ErrUnavailable):
		log.Warn("a secret is not to be had now; the value at hand serves on", "cause", err.Error())
	default:
		log.Error("a secret's newest version can't be used; the value at hand serves on", "cause", err.Error())
	}
}

// said is the last thing that was logged of its kind.
type said struct{ last atomic.Pointer[string] }

func (s *said) isNew(text string) bool {
	last := s.last.Swap(&text)
	return last == nil || *last != text
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
