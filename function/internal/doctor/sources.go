package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

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
func (d *Doctor) examineKeys(ctx context.Context) (e part) {
	got, err := fetch(ctx, d.Keys)
	if !recordSecret(&e, webhookSecret, got, err) {
		return e
	}
	ring := d.inForce(got)
	serving := 0
	for _, name := range d.Settings.Sources.Names() {
		src, _ := d.Settings.Sources.Lookup(name)
		s := sourceOf(src, got.Current.Value[name], ring[name])
		s.DryRun = src.DryRun || d.Settings.DryRun
		if e.sources = append(e.sources, s); s.State == ready {
			serving++
		}
		e.findings = append(e.findings, d.sourceFaults(src, s)...)
	}
	if serving == 0 {
		e.found(Finding{Fault: "no_source", What: "no source can be used: none has a good key",
			Remedy: "Run `vicihook keys make SOURCE`, and give the key to the sender"})
	}
	for _, pair := range ring.Shared() {
		e.found(Finding{Fault: "shared_key", Warning: true,
			What:   fmt.Sprintf("sources %s and %s have a key in common: what one refuses can be sent to the other, so each may end what the wider of them may", pair[0], pair[1]),
			Remedy: fmt.Sprintf("Run `vicihook keys make %s --replace`, and give the new key to its sender", pair[1])})
	}
	if unknown := got.Current.Value.Unknown(); unknown > 0 {
		e.found(Finding{Fault: "unknown_source", Warning: true,
			What:   fmt.Sprintf("the webhook secret has %d names that sources.json lacks", unknown),
			Remedy: "Add the source, or run `vicihook keys remove NAME`"})
	}
	return e
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

func (d *Doctor) sourceFaults(src *source.Source, s Source) []Finding {
	switch {
	case src.Fault != nil:
		return []Finding{{Fault: "configuration", What: strings.ReplaceAll(src.Fault.Error(), "\n", "; "),
			Remedy: "Correct the source's entry in sources.json; its webhooks are answered misconfigured until then"}}
	case s.State == disabled:
		return []Finding{{Fault: "key_refused", What: s.Why,
			Remedy: fmt.Sprintf("Run `vicihook keys make %s --replace`, and give the new key to the sender", s.Name)}}
	case s.State == paused:
		return []Finding{{Fault: "paused", Warning: true, What: fmt.Sprintf("source %s is paused: its deliveries are put off", s.Name),
			Remedy: fmt.Sprintf("Run `vicihook keys resume %s`", s.Name)}}
	case s.State == noKey:
		return []Finding{{Fault: "no_key", Warning: true, What: fmt.Sprintf("source %s has no key: its deliveries are refused", s.Name),
			Remedy: fmt.Sprintf("Run `vicihook keys make %s`, or take the source out of sources.json", s.Name)}}
	case src.Verifier.SignsURL() && d.Settings.PublicURL == "":
		return []Finding{{Fault: "public_url", What: fmt.Sprintf("source %s signs the URL, and PUBLIC_URL is not set: its deliveries are refused", s.Name),
			Remedy: "Set PUBLIC_URL to the base URL as senders see it, without /webhooks/"}}
	}
	return nil
}
