package secret_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/secret"
	"vicihook/infra/local/secretsmanager"
)

// service is the Secrets Manager at SECRETSMANAGER_URL, such as moto's server, or the local one. Tests fill it through
// the SDK only.
type service struct {
	*sdk.Client
	ahead *atomic.Int64 // of the stores' clock, in nanoseconds
	t     *testing.T
}

func newService(t *testing.T) service {
	t.Helper()
	url := os.Getenv("SECRETSMANAGER_URL")
	if url == "" {
		url = newWire(t).URL
	}
	return service{client(t, url, cmp.Or(os.Getenv("AWS_REGION"), secretsmanager.Region)), &atomic.Int64{}, t}
}

func (s service) create(text string) (arn string) {
	s.t.Helper()
	made, err := s.CreateSecret(s.t.Context(), &sdk.CreateSecretInput{Name: aws.String("vicihook/" + rand.Text()), SecretString: &text})
	if err != nil {
		s.t.Fatal(err)
	}
	return *made.ARN
}

func (s service) put(in sdk.PutSecretValueInput) (versionID string) {
	s.t.Helper()
	put, err := s.PutSecretValue(s.t.Context(), &in)
	if err != nil {
		s.t.Fatal(err)
	}
	return *put.VersionId
}

func (s service) store(arn string) *secret.Store[login] {
	return secret.New(secret.Config[login]{API: s, ARN: arn, Parse: parseLogin, PreviousFor: countsFor, Now: func() time.Time {
		return time.Now().Add(time.Duration(s.ahead.Load()))
	}})
}

// settle makes the cached values old enough for a forced refresh.
func (s service) settle() { s.ahead.Add(int64(settled)) }

func TestServiceRotation(t *testing.T) {
	t.Parallel()
	service := newService(t)
	began := time.Now().Add(-time.Minute)
	arn := service.create(value("1"))
	s := service.store(arn)
	s.Prefetch(t.Context())
	first, err := s.Load(t.Context())
	if err != nil || first.Current.Value.Pass != marker+"1" || first.Previous != nil || first.PreviousErr != nil {
		t.Fatalf("Load: got %v, %v, want the first value without a previous one", first, err)
	}
	id := service.put(sdk.PutSecretValueInput{SecretId: &arn, SecretString: aws.String(value("2"))})
	service.settle()
	second, changed, err := s.Refresh(t.Context(), first, "")
	if err != nil || !changed || second.Current.ID != id || second.Current.Value.Pass != marker+"2" {
		t.Fatalf("Refresh: got %v, %v, %v, want version %s", second, changed, err, id)
	}
	if second.Previous == nil || second.Previous.ID != first.Current.ID || second.Previous.Value.Pass != marker+"1" {
		t.Fatalf("Previous: got %v, want %v", second.Previous, first.Current)
	}
	if second.Current.Created.Before(began) || second.Current.Created.After(time.Now().Add(time.Minute)) {
		t.Errorf("Created: got %v, want about now", second.Current.Created)
	}
}

func TestServicePutAgain(t *testing.T) {
	t.Parallel()
	service := newService(t)
	arn := service.create(value("1"))
	s := service.store(arn)
	seen, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service.put(sdk.PutSecretValueInput{SecretId: &arn, SecretString: aws.String(value("1"))})
	service.settle()
	if _, changed, err := s.Refresh(t.Context(), seen, ""); !changed || err != nil {
		t.Fatalf("Refresh: got %v, %v, want the same value to be a new version", changed, err)
	}
}

func TestServiceErrors(t *testing.T) {
	t.Parallel()
	service := newService(t)
	binary := service.create(value("1"))
	service.put(sdk.PutSecretValueInput{SecretId: &binary, SecretBinary: []byte{0, 1, 2}})
	cases := map[string]struct {
		arn  string
		want error
	}{
		"an ARN that does not exist is not found": {strings.Replace(binary, "vicihook/", "absent/", 1), secret.ErrNotFound},
		"a binary value is unusable":              {binary, secret.ErrMalformed},
		"text that does not parse is unusable":    {service.create("no JSON"), secret.ErrMalformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := service.store(c.arn).Load(context.Background()); !errors.Is(err, c.want) {
				t.Errorf("Load: got %v, want %v", err, c.want)
			}
		})
	}
}
