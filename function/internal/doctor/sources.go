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

// examineKeys checks the webhook secret and the keys of each source.
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
		r.add("no_source")
	}
	for _, pair := range ring.Shared() {
		r.add("shared_key", "{one}", pair[0], "{other}", pair[1])
	}
	if unknown := got.Current.Value.Unknown(); unknown > 0 {
		r.add("unknown_source", "{count}", fmt.Sprint(unknown))
	}
}

// inForce returns the keys that count: the current ones, and those of the previous version while they count.
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
		r.add("configuration", "{cause}", oneLine(src.Fault))
	case s.State == disabled:
		r.add("key_refused", "{cause}", s.Why, "{source}", s.Name)
	case s.State == paused:
		r.add("paused", "{source}", s.Name)
	case s.State == noKey:
		r.add("no_key", "{source}", s.Name)
	case src.Verifier.SignsURL() && d.Settings.PublicURL == "":
		r.add("public_url", "{source}", s.Name)
	}
}
