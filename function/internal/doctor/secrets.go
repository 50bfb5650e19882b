package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vicihook/function/internal/secret"
)

const (
	webhookSecret  = "WEBHOOK_SECRET_ARN"
	vicidialSecret = "VICIDIAL_SECRET_ARN"
)

// fetch loads a secret, and looks for a newer version than the one at hand.
func fetch[T any](ctx context.Context, store Store[T]) (secret.Snapshot[T], error) {
	seen, err := store.Load(ctx)
	if err != nil {
		return seen, err
	}
	got, _, err := store.Refresh(ctx, seen, "doctor")
	return got, err
}

// recordSecret puts a fetched secret into the report, and reports whether it can be used.
func recordSecret[T any](e *part, name string, got secret.Snapshot[T], err error) (usable bool) {
	if err != nil {
		e.secrets = append(e.secrets, Secret{Name: name, Problem: err.Error()})
		e.found(secretFault(name, err))
		return false
	}
	seen := Secret{Name: name, Version: got.Current.ID}
	if put := got.Current.Created.UTC(); !put.IsZero() {
		seen.Put = &put
	}
	if got.PreviousErr != nil {
		e.found(Finding{Fault: "secret_previous", Warning: true,
			What:   fmt.Sprintf("the version before of %s can't be used, so its keys no longer count: %s", name, got.PreviousErr),
			Remedy: "Nothing, once every sender has the new key"})
	}
	e.secrets = append(e.secrets, seen)
	return true
}

// secretFaults are the categories of package secret; its errors name the remedy.
var secretFaults = []struct {
	category      error
	fault, remedy string
}{
	{secret.ErrDenied, "secret_denied", "Let the function's role read this very ARN (secretsmanager:GetSecretValue, kms:Decrypt on a key of your own)"},
	{secret.ErrNotFound, "secret_not_found", "Put the ARN of a secret that exists in the function's own region and has a value"},
	{secret.ErrMalformed, "secret_malformed", "Put a corrected value; function/docs/reference.md shows its form"},
}

func secretFault(name string, err error) Finding {
	for _, f := range secretFaults {
		if errors.Is(err, f.category) {
			return Finding{Fault: f.fault, What: name + ": " + oneLine(err), Remedy: f.remedy}
		}
	}
	return Finding{Fault: "secret_unavailable", What: name + ": " + oneLine(err),
		Remedy: "Run this again; if it stays, give the function's subnets a NAT gateway or an interface endpoint of Secrets Manager"}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// regions finds ARNs of another region than the one that is asked: no secret is ever found so.
func (d *Doctor) regions() []Finding {
	var found []Finding
	for _, s := range []struct{ name, arn string }{
		{webhookSecret, d.Settings.WebhookSecretARN}, {vicidialSecret, d.Settings.VICIdialSecretARN},
	} {
		parts := strings.Split(s.arn, ":")
		if d.Region != "" && len(parts) > 3 && parts[3] != d.Region {
			found = append(found, Finding{Fault: "secret_region",
				What:   fmt.Sprintf("%s is of region %s, and the function asks %s", s.name, parts[3], d.Region),
				Remedy: "Make the secret in the function's region, or replicate it there, and put that ARN"})
		}
	}
	return found
}
