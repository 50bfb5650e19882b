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

// webhookKeys are the keys in force: those of the current version, and for a while those of the version before.
type webhookKeys struct {
	loggedSecret[source.Keyring]
	previousFor time.Duration
}

// Keys implements [hangup.Keys].
func (w *webhookKeys) Keys(ctx context.Context, name string) (source.Keys, hangup.Refresh, error) {
	cached, isNew, err := w.load(ctx)
	if err != nil {
		return source.Keys{}, nil, err
	}
	if isNew {
		w.logFaults(cached.Current.Value)
	}
	ring := source.Keyring{name: cached.Current.Value[name]}
	if cached.Previous != nil && cached.Current.IsYounger(w.previousFor, time.Now()) {
		ring = ring.WithPrevious(cached.Previous.Value)
	}
	return ring[name], w.refresh(cached), nil
}

// logFaults logs the sources that their keys disable. It never shows a key.
func (w *webhookKeys) logFaults(ring source.Keyring) {
	for _, name := range slices.Sorted(maps.Keys(ring)) {
		switch why := ring[name].Refused; {
		case errors.Is(why, source.ErrNoKey):
			w.log.Warn("a source has no webhook key", "source", name, "cause", why.Error())
		case why != nil && !errors.Is(why, source.ErrNoSource) && !errors.Is(why, source.ErrInvalidFile):
			w.log.Error("a source is disabled by its webhook key", "source", name, "cause", why.Error())
		}
	}
	if unknown := ring.Unknown(); unknown > 0 {
		w.log.Warn("the webhook secret has keys for names that sources.json lacks", "names", unknown)
	}
	if pairs := ring.Shared(); len(pairs) > 0 {
		w.log.Warn("two sources have a key in common: what the scope of one refuses can be sent to the other", "sources", pairs)
	}
}

// apiAccount is VICIdial's API account. It carries the version of its secret: a refused login latches on it.
type apiAccount struct {
	loggedSecret[vicicall.Credentials]
}

// Credentials implements [hangup.Credentials].
func (a *apiAccount) Credentials(ctx context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	cached, isNew, err := a.load(ctx)
	if err != nil {
		return vicicall.Credentials{}, nil, err
	}
	account := cached.Current.Value
	account.Version = cached.Current.ID
	if isNew && account.NeedsNewVICIdial() {
		a.log.Warn("VICIdial's password has one of . + / =, which VICIdial keeps from 2.14-72 on and strips before")
	}
	return account, a.refresh(cached), nil
}

// A loggedSecret is a store whose failed refreshes are logged.
type loggedSecret[T any] struct {
	*secret.Store[T]
	log     *slog.Logger
	version onChange // last loaded
	failure onChange // of the last refresh
}

// load returns the value and reports whether its version is another than before. An error that somebody has to fix
// wraps [hangup.ErrMisconfigured].
func (l *loggedSecret[T]) load(ctx context.Context) (cached secret.Snapshot[T], isNew bool, err error) {
	if cached, err = l.Load(ctx); err != nil {
		if !errors.Is(err, secret.ErrUnavailable) {
			err = fmt.Errorf("%w: %w", hangup.ErrMisconfigured, err)
		}
		return cached, false, err
	}
	l.logRefreshFailure(cmp.Or(cached.RefreshErr, cached.PreviousErr))
	return cached, l.version.isNew(cached.Current.ID), nil
}

// logRefreshFailure logs, once per cause, that a refresh failed while the cached value is still used. Without it the
// first sign of the failure would be an outage an hour later.
func (l *loggedSecret[T]) logRefreshFailure(err error) {
	switch {
	case err == nil:
		l.failure.isNew("")
	case !l.failure.isNew(err.Error()):
	case errors.Is(err, secret.ErrUnavailable):
		l.log.Warn("cannot refresh a secret now; still using the cached value", "cause", err.Error())
	default:
		l.log.Error("cannot use a secret's newest version; still using the cached value", "cause", err.Error())
	}
}

func (l *loggedSecret[T]) refresh(seen secret.Snapshot[T]) hangup.Refresh {
	return func(ctx context.Context, asker string) (changed bool, err error) {
		_, changed, err = l.Refresh(ctx, seen, asker)
		return changed, err
	}
}

// onChange remembers the last text, so that a line is not logged again for every webhook.
type onChange struct{ last atomic.Pointer[string] }

func (o *onChange) isNew(text string) bool {
	last := o.last.Swap(&text)
	return last == nil || *last != text
}
