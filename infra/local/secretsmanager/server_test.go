package secretsmanager_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"vicihook/infra/local/secretsmanager"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func newServer(t *testing.T) *secretsmanager.Server {
	t.Helper()
	s, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// client is the SDK without its retries, unless a test asks for some.
func client(t *testing.T, s *secretsmanager.Server, change ...func(*sdk.Options)) *sdk.Client {
	t.Helper()
	connections := &http.Transport{}
	t.Cleanup(connections.CloseIdleConnections)
	return sdk.New(sdk.Options{
		Region:           secretsmanager.Region,
		BaseEndpoint:     &s.URL,
		HTTPClient:       &http.Client{Transport: connections},
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"}, nil
		}),
	}, change...)
}

func create(t *testing.T, s *secretsmanager.Server, name, value string) (arn string) {
	t.Helper()
	arn, err := s.Create(name, value)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func get(t *testing.T, c *sdk.Client, arn, stage string) (*sdk.GetSecretValueOutput, error) {
	t.Helper()
	in := &sdk.GetSecretValueInput{SecretId: &arn}
	if stage != "" {
		in.VersionStage = &stage
	}
	return c.GetSecretValue(t.Context(), in)
}

func mustGet(t *testing.T, c *sdk.Client, arn, stage string) *sdk.GetSecretValueOutput {
	t.Helper()
	out, err := get(t, c, arn, stage)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestValueAsTheSDKReadsIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "vicihook/webhook", "one")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:123456789012:secret:vicihook/webhook-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Errorf("ARN: got %s", arn)
	}
	out := mustGet(t, client(t, s), arn, "")
	if *out.ARN != arn || *out.Name != "vicihook/webhook" || *out.SecretString != "one" || out.SecretBinary != nil {
		t.Errorf("got %s %s %s %v", *out.ARN, *out.Name, *out.SecretString, out.SecretBinary)
	}
	if len(*out.VersionId) != 36 || !slices.Equal(out.VersionStages, []string{"AWSCURRENT"}) {
		t.Errorf("got version %s, stages %v", *out.VersionId, out.VersionStages)
	}
	if age := time.Since(*out.CreatedDate); age < -time.Second || age > time.Minute {
		t.Errorf("CreatedDate: got %v", *out.CreatedDate)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "vicihook/webhook", "one")
	c := client(t, s)
	var none *types.ResourceNotFoundException
	if _, err := get(t, c, arn, secretsmanager.Previous); !errors.As(err, &none) || !strings.Contains(*none.Message, "staging label: AWSPREVIOUS") {
		t.Fatalf("AWSPREVIOUS of a first version: got %v", err)
	}
	first := mustGet(t, c, arn, "")
	id, err := s.Put(arn, "two")
	if err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, c, arn, secretsmanager.Current); *got.VersionId != id || *got.SecretString != "two" {
		t.Errorf("AWSCURRENT: got %s %s", *got.VersionId, *got.SecretString)
	}
	previous := mustGet(t, c, arn, secretsmanager.Previous)
	if *previous.VersionId != *first.VersionId || *previous.SecretString != "one" || !slices.Equal(previous.VersionStages, []string{"AWSPREVIOUS"}) {
		t.Errorf("AWSPREVIOUS: got %s %s %v", *previous.VersionId, *previous.SecretString, previous.VersionStages)
	}
	if _, err := s.PutBinary(arn, []byte{0, 255}); err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, c, arn, ""); got.SecretString != nil || !slices.Equal(got.SecretBinary, []byte{0, 255}) {
		t.Errorf("binary: got %v", got.SecretBinary)
	}
	if got := mustGet(t, c, arn, secretsmanager.Previous); *got.SecretString != "two" {
		t.Errorf("AWSPREVIOUS: got %s", *got.SecretString)
	}
	if got := s.Calls(arn, secretsmanager.Current); got != 3 {
		t.Errorf("calls for AWSCURRENT: got %d, want 3", got)
	}
	if got := s.Calls(arn, secretsmanager.Previous); got != 3 {
		t.Errorf("calls for AWSPREVIOUS: got %d, want 3", got)
	}
}

func TestCreateAndPutByTheSDK(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := client(t, s)
	made, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	put := func(token, value string, stages ...string) (*sdk.PutSecretValueOutput, error) {
		return c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{
			SecretId: made.ARN, SecretString: &value, ClientRequestToken: &token, VersionStages: stages})
	}
	token := strings.Repeat("t", 32)
	for range 2 { // the same request again changes nothing
		if out, err := put(token, "two"); err != nil || *out.VersionId != token || !slices.Equal(out.VersionStages, []string{"AWSCURRENT"}) {
			t.Fatalf("PutSecretValue: got %v, %v", out, err)
		}
	}
	if got := mustGet(t, c, *made.ARN, secretsmanager.Previous); *got.SecretString != "one" || *got.VersionId != *made.VersionId {
		t.Errorf("AWSPREVIOUS: got %s", *got.SecretString)
	}
	if _, err := put(strings.Repeat("p", 32), "three", "AWSPENDING"); err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, c, *made.ARN, ""); *got.SecretString != "two" {
		t.Errorf("AWSCURRENT: got %s", *got.SecretString)
	}
	if got := mustGet(t, c, *made.ARN, "AWSPENDING"); *got.SecretString != "three" {
		t.Errorf("AWSPENDING: got %s", *got.SecretString)
	}
	_, err = c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("a")})
	wantCode(t, err, secretsmanager.ResourceExists)
}

func second[T any](_ T, err error) error { return err }

func wantCode(t *testing.T, err error, want secretsmanager.ErrorType) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != string(want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "vicihook/webhook", "one")
	empty, err := client(t, s).CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("empty")})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		in   sdk.GetSecretValueInput
		want secretsmanager.ErrorType
	}{
		"a name in place of an ARN is not found": {sdk.GetSecretValueInput{SecretId: aws.String("vicihook/webhook")}, secretsmanager.ResourceNotFound},
		"an ARN without its suffix is not found": {sdk.GetSecretValueInput{SecretId: aws.String(arn[:len(arn)-7])}, secretsmanager.ResourceNotFound},
		"a secret without a value is not found":  {sdk.GetSecretValueInput{SecretId: empty.ARN}, secretsmanager.ResourceNotFound},
		"a version that never was is not found":  {sdk.GetSecretValueInput{SecretId: &arn, VersionId: aws.String("x")}, secretsmanager.ResourceNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wantCode(t, second(client(t, s).GetSecretValue(t.Context(), &c.in)), c.want)
		})
	}
	for name, value := range map[string]string{"an empty value is refused": "", "a value over 64 KiB is refused": strings.Repeat("x", 65537)} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Put(arn, value); !errors.Is(err, secretsmanager.InvalidParameter) {
				t.Errorf("Put: got %v, want InvalidParameter", err)
			}
		})
	}
	if _, err := s.Put("arn:nowhere", "x"); !errors.Is(err, secretsmanager.ResourceNotFound) {
		t.Errorf("Put: got %v, want ResourceNotFound", err)
	}
	if _, err := s.Create("vicihook/webhook", "x"); !errors.Is(err, secretsmanager.ResourceExists) {
		t.Errorf("Create: got %v, want ResourceExists", err)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, err := secretsmanager.NewServer(secretsmanager.Config{Addr: strings.TrimPrefix(s.URL, "http://")})
	var taken *net.OpError
	if !errors.As(err, &taken) {
		t.Errorf("NewServer on a port in use: got %v, want *net.OpError", err)
	}
}
