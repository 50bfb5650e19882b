package keyring_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/cmd/vicihook/internal/keyring"
	"vicihook/infra/local/secretsmanager"
)

// newSecret makes a secret at SECRETSMANAGER_URL, moto's server for example; without it, at the local one.
func newSecret(t *testing.T, text string) (*sdk.Client, keyring.SecretsManager) {
	t.Helper()
	url := os.Getenv("SECRETSMANAGER_URL")
	if url == "" {
		server, err := secretsmanager.NewServer(secretsmanager.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		url = server.URL
	}
	client := sdk.New(sdk.Options{
		Region:       cmp.Or(os.Getenv("AWS_REGION"), secretsmanager.Region),
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	made, err := client.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("vicihook/" + rand.Text()), SecretString: &text})
	if err != nil {
		t.Fatal(err)
	}
	return client, keyring.SecretsManager{Client: client, ARN: *made.ARN}
}

func text(t *testing.T, client *sdk.Client, arn, label string) string {
	t.Helper()
	got, err := client.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &arn, VersionStage: &label})
	if err != nil {
		t.Fatal(err)
	}
	return *got.SecretString
}

func TestUpdateOvertakenAtAnyService(t *testing.T) {
	t.Parallel()
	client, store := newSecret(t, "first")
	var seen []string
	err := store.Update(t.Context(), func(current []byte) ([]byte, error) {
		seen = append(seen, string(current))
		if len(seen) == 1 {
			if err := store.Update(t.Context(), func(current []byte) ([]byte, error) { return append(current, "+other"...), nil }); err != nil {
				t.Fatal(err)
			}
		}
		return append(current, "+ours"...), nil
	})
	if err != nil || len(seen) != 2 || seen[1] != "first+other" {
		t.Fatalf("%q, %v", seen, err)
	}
	if got, before := text(t, client, store.ARN, "AWSCURRENT"), text(t, client, store.ARN, "AWSPREVIOUS"); got != "first+other+ours" || before != "first+other" {
		t.Errorf("got %q after %q", got, before)
	}
	if before, err := store.Before(t.Context()); err != nil || string(before) != "first+other" {
		t.Errorf("got %q, %v", before, err)
	}
}

func TestUpdateBesideAPutAtAnyService(t *testing.T) {
	t.Parallel()
	client, store := newSecret(t, "first")
	tries := 0
	err := store.Update(t.Context(), func(current []byte) ([]byte, error) {
		if tries++; tries == 1 {
			_, err := client.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &store.ARN, SecretString: aws.String("console")})
			if err != nil {
				t.Fatal(err)
			}
		}
		return append(current, "+ours"...), nil
	})
	if got := text(t, client, store.ARN, "AWSCURRENT"); err != nil || got != "console+ours" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestUpdateStopsWithItsContextAtAnyService(t *testing.T) {
	t.Parallel()
	client, store := newSecret(t, "first")
	ctx, cancel := context.WithCancel(t.Context())
	err := store.Update(ctx, func([]byte) ([]byte, error) {
		cancel()
		return []byte("second"), nil
	})
	if got := text(t, client, store.ARN, "AWSCURRENT"); !errors.Is(err, context.Canceled) || errors.Is(err, keyring.ErrUnknown) || got != "first" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSecretWithoutPreviousVersionAtAnyService(t *testing.T) {
	t.Parallel()
	_, store := newSecret(t, "first")
	if _, err := store.Before(t.Context()); !errors.Is(err, keyring.ErrNoVersionBefore) {
		t.Errorf("got %v", err)
	}
	err := store.Update(t.Context(), func([]byte) ([]byte, error) { return make([]byte, 64<<10+1), nil })
	if !errors.Is(err, keyring.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
