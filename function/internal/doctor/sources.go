package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
)

// States of a source.
const (
	ready    = "ready"
	paused   = "paused"
	disabled = "disabled"
	noKey    = "no key"
)

// examineKeys looks at the webhook secret and at what it leaves of each source.
func (d *Doctor) examineKeys(ctx context.Context, r *Report) {
	got, err := fetch(ctx, d.Keys)
	if !recordSecret(r, webhookSecret, got, err) {
		return
	}
	ring := d.inForce(got)
	serving := 0
	for _, name := range d.Settings.Sources.Names() {
		src, _ := d.Settings.Sources.Lookup(name)
		s := sourceOf(src, got.Current.Value[name], ring[name])
		s.DryRun = src.DryRun || d.Settings.DryRun
		if r.Sources = append(r.Sources, s); s.State == ready {
			serving++
		}
		d.checkSource(src, s, r)
	}
	if serving == 0 {
		r.found("no_source")
	}
	for _, pair := range ring.Shared() {
		r.found("shared_key", "{one}", pair[0], "{other}", pair[1])
	}
	if unknown := got.Current.Value.Unknown(); unknown > 0 {
		r.found("unknown_source", "{count}", fmt.Sprint(unknown))
	}
}

// inForce adds the keys of the version before, as long as they count.
func (d *Doctor) inForce(got secret.Snapshot[source.Keyring]) source.Keyring {
	if got.Previous == nil || !got.Current.IsYounger(d.Settings.PreviousKeysFor, d.now()) {
		return got.Current.Value
	}
	return got.Current.Value.WithPrevious(got.Previous.Value)
}

func sourceOf(src *source.Source, now, inForce source.Keys) Source {
	s := Source{Name: src.Name, Scheme: cmp.Or(src.Preset, "its own ("+src.Scheme.Kind+")"), State: ready, Keys: len(now.Keys), Previous: len(inForce.Keys) - len(now.Keys)}
	switch {
	case src.Fault != nil:
		s.Scheme, s.State, s.Why = "", disabled, src.Fault.Error()
	case now.Paused:
		s.State = paused
	case errors.Is(now.Refused, source.ErrNoKey):
		s.State = noKey
	case now.Refused != nil:
		s.State, s.Why = disabled, now.Refused.Error()
	}
	return s
}

func (d *Doctor) checkSource(src *source.Source, s Source, r *Report) {
	switch {
	case src.Fault != nil:
		r.found("configuration", "{cause}", oneLine(src.Fault))
	case s.State == disabled:
		r.found("key_refused", "{cause}", s.Why, "{source}", s.Name)
	case s.State == paused:
		r.found("paused", "{source}", s.Name)
	case s.State == noKey:
		r.found("no_key", "{source}", s.Name)
	case src.Verifier.SignsURL() && d.Settings.PublicURL == "":
		r.found("public_url", "{source}", s.Name)
	}
}
