package doctor

import (
	"context"
	"errors"
	"strings"

	"vicihook/function/internal/secret"
)

const (
	webhookSecret  = "WEBHOOK_SECRET_ARN"
	vicidialSecret = "VICIDIAL_SECRET_ARN"
)

// fetch returns a secret, refreshed if that is allowed now.
func fetch[T any](ctx context.Context, store Store[T]) (secret.Snapshot[T], error) {
	seen, err := store.Load(ctx)
	if err != nil {
		return seen, err
	}
	got, _, err := store.Refresh(ctx, seen, "doctor")
	return got, err
}

// recordSecret adds a fetched secret to the report, and reports whether it can be used.
func recordSecret[T any](r *Report, name string, got secret.Snapshot[T], err error) (usable bool) {
	if err != nil {
		r.Secrets = append(r.Secrets, Secret{Name: name, Problem: err.Error()})
		r.add(secretFault(err), "{name}", name, "{cause}", oneLine(err))
		return false
	}
	seen := Secret{Name: name, Version: got.Current.ID}
	if put := got.Current.Created.UTC(); !put.IsZero() {
		seen.Put = &put
	}
	if got.PreviousErr != nil {
		r.add("secret_previous", "{name}", name, "{cause}", got.PreviousErr.Error())
	}
	r.Secrets = append(r.Secrets, seen)
	return true
}

// secretFault returns the fault for an error of package secret.
func secretFault(err error) string {
	switch {
	case errors.Is(err, secret.ErrDenied):
		return "secret_denied"
	case errors.Is(err, secret.ErrNotFound):
		return "secret_not_found"
	case errors.Is(err, secret.ErrMalformed):
		return "secret_malformed"
	}
	return "secret_unavailable"
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// checkRegions reports ARNs of another region than the function's, where the secret is never found.
func (d *Doctor) checkRegions(r *Report) {
	for _, s := range []struct{ name, arn string }{
		{webhookSecret, d.Settings.WebhookSecretARN}, {vicidialSecret, d.Settings.VICIdialSecretARN},
	} {
		if parts := strings.Split(s.arn, ":"); d.Region != "" && len(parts) > 3 && parts[3] != d.Region {
			r.add("secret_region", "{name}", s.name, "{region}", parts[3], "{asked}", d.Region)
		}
	}
}
