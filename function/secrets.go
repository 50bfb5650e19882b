package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// webhookKeys are the keys in force: the current version's, and for a while those of the version before.
type webhookKeys struct {
	store       *secret.Store[source.Keyring]
	previousFor time.Duration
	log         *slog.Logger
	version     onChange // whose faults are in the log
	failure     onChange // of the last refresh
}

// Keys implements [hangup.Keys].
func (w *webhookKeys) Keys(ctx context.Context, name string) (source.Keys, hangup.Refresh, error) {
	held, err := w.store.Load(ctx)
	if err != nil {
		return source.Keys{}, nil, misconfigured(err)
	}
	if w.version.isNew(held.Current.ID) {
		w.logFaults(held.Current)
	}
	logRefreshFailure(&w.failure, held, w.log)
	ring := source.Keyring{name: held.Current.Value[name]}
	if held.Previous != nil && held.Current.IsYounger(w.previousFor, time.Now()) {
		ring = ring.WithPrevious(held.Previous.Value)
	}
	return ring[name], refresh(w.store, held), nil
}

// Verified implements [hangup.Keys].
func (w *webhookKeys) Verified(asker string) { w.store.Verified(asker) }

// logFaults names the sources that their keys disable. It never shows a key.
func (w *webhookKeys) logFaults(v secret.Version[source.Keyring]) {
	for _, name := range slices.Sorted(maps.Keys(v.Value)) {
		switch why := v.Value[name].Refused; {
		case errors.Is(why, source.ErrNoKey):
			w.log.Warn("a source has no webhook key", "source", name, "cause", why.Error())
		case why != nil && !errors.Is(why, source.ErrNoSource) && !errors.Is(why, source.ErrInvalidFile):
			w.log.Error("a source is disabled by its webhook key", "source", name, "cause", why.Error())
		}
	}
	if unknown := v.Value.Unknown(); unknown > 0 {
		w.log.Warn("the webhook secret has keys for names that sources.json lacks", "names", unknown)
	}
	if pairs := v.Value.Shared(); len(pairs) > 0 {
		w.log.Warn("two sources have a key in common: what the scope of one refuses can be sent to the other", "sources", pairs)
	}
}

// apiAccount is VICIdial's API account. It carries its secret's version, on which a refused login latches.
type apiAccount struct {
	store   *secret.Store[vicicall.Credentials]
	log     *slog.Logger
	version onChange // whose password was looked at
	failure onChange // of the last refresh
}

// Credentials implements [hangup.Credentials].
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
	logRefreshFailure(&a.failure, held, a.log)
	return account, refresh(a.store, held), nil
}

func refresh[T any](store *secret.Store[T], seen secret.Snapshot[T]) hangup.Refresh {
	return func(ctx context.Context, asker string) (changed bool, err error) {
		_, changed, err = store.Refresh(ctx, seen, asker)
		return changed, err
	}
}

// misconfigured marks an error of a secret that somebody has to fix. All others may pass.
func misconfigured(err error) error {
	if errors.Is(err, secret.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", hangup.ErrMisconfigured, err)
}

// logRefreshFailure logs, once per cause, that a refresh failed while the cached value still serves. Without it the
// first sign of the failure would be an outage an hour later.
func logRefreshFailure[T any](failure *onChange, held secret.Snapshot[T], log *slog.Logger) {
	err := cmp.Or(held.RefreshErr, held.PreviousErr)
	switch {
	case err == nil:
		failure.isNew("")
	case !failure.isNew(err.Error()):
	case errors.Is(err, secret.ErrUnavailable):
		log.Warn("cannot refresh a secret now; still using the cached value", "cause", err.Error())
	default:
		log.Error("cannot use a secret's newest version; still using the cached value", "cause", err.Error())
	}
}

// onChange remembers the last text, so that a line is not logged again for every webhook.
type onChange struct{ last atomic.Pointer[string] }

func (o *onChange) isNew(text string) bool {
	last := o.last.Swap(&text)
	return last == nil || *last != text
}
