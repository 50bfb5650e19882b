package doctor

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
)

var secretFaults = map[error]string{
	secret.ErrDenied: "secret_denied", secret.ErrNotFound: "secret_not_found", secret.ErrMalformed: "secret_malformed",
}

// load fetches a secret, asks for a newer version than the cached one, and adds it to the report. ok reports whether it
// can be used.
func load[T any](
	ctx context.Context, d *Doctor, r *Report, name, id string, store *secret.Store[T],
) (got secret.Snapshot[T], ok bool) {
	if parsed, err := arn.Parse(id); err == nil && d.Region != "" && parsed.Region != d.Region {
		r.add("secret_region", "{name}", name, "{region}", parsed.Region, "{asked}", d.Region)
	}
	got, err := store.Load(ctx)
	if err == nil {
		got, _, err = store.Refresh(ctx, got, "doctor")
	}
	if err != nil {
		r.Secrets = append(r.Secrets, Secret{Name: name, Problem: err.Error()})
		fault := "secret_unavailable"
		for kind, word := range secretFaults {
			if errors.Is(err, kind) {
				fault = word
			}
		}
		r.add(fault, "{name}", name, "{cause}", oneLine(err))
		return got, false
	}
	s := Secret{Name: name, Version: got.Current.ID}
	if put := got.Current.Created.UTC(); !put.IsZero() {
		s.Put = &put
	}
	r.Secrets = append(r.Secrets, s)
	if got.PreviousErr != nil {
		r.add("secret_previous", "{name}", name, "{cause}", oneLine(got.PreviousErr))
	}
	return got, true
}

// examineKeys checks the webhook secret and each source's keys in it. It returns the current keys; nil = not known.
func (d *Doctor) examineKeys(ctx context.Context, r *Report) source.Keyring {
	got, ok := load(ctx, d, r, "WEBHOOK_SECRET_ARN", d.Settings.WebhookSecretARN, d.Keys)
	if !ok {
		return nil
	}
	current := got.Current.Value
	valid := current
	if got.Previous != nil && got.Current.IsYounger(d.Settings.PreviousKeysFor, d.now()) {
		valid = current.WithPrevious(got.Previous.Value)
	}
	serving := false
	for _, name := range d.Settings.Sources.Names() {
		src, _ := d.Settings.Sources.Lookup(name)
		s := d.examineSource(src, current[name], r)
		s.Previous = len(valid[name].Keys) - s.Keys
		r.Sources = append(r.Sources, s)
		serving = serving || s.State == "ready"
	}
	if !serving {
		r.add("no_source")
	}
	for _, pair := range valid.Shared() {
		r.add("shared_key", "{one}", pair[0], "{other}", pair[1])
	}
	if unknown := current.Unknown(); unknown > 0 {
		r.add("unknown_source", "{count}", strconv.Itoa(unknown))
	}
	return current
}

func (d *Doctor) examineSource(src *source.Source, keys source.Keys, r *Report) Source {
	s := Source{
		Name: src.Name, Scheme: cmp.Or(src.Preset, "its own ("+src.Scheme.Kind+")"), State: "ready",
		Keys: len(keys.Keys), DryRun: src.DryRun || d.Settings.DryRun,
	}
	switch {
	case src.Fault != nil:
		s.Scheme, s.State, s.Why = "", "disabled", src.Fault.Error()
		r.add("configuration", "{cause}", oneLine(src.Fault))
	case keys.Paused:
		s.State = "paused"
		r.add("paused", "{source}", s.Name)
	case errors.Is(keys.Refused, source.ErrNoKey):
		s.State = "no key"
		r.add("no_key", "{source}", s.Name)
	case keys.Refused != nil:
		s.State, s.Why = "disabled", keys.Refused.Error()
		r.add("key_refused", "{cause}", s.Why, "{source}", s.Name)
	case src.Verifier.SignsURL() && d.Settings.PublicURL == "":
		r.add("public_url", "{source}", s.Name)
	}
	return s
}
