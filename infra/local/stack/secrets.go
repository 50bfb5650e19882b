//go:build unix

package stack

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall/vicitest"
)

// accessKey signs the requests of the stack and its users to Secrets Manager. It opens nothing.
const accessKey = "local"

// sourceNames returns the names of the sources in a sources.json. The function itself reports what else is wrong with it.
func sourceNames(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return strings.HasPrefix(name, "$") })
	if len(members) == 0 {
		return nil, fmt.Errorf("%s names no source", path)
	}
	return slices.Sorted(maps.Keys(members)), nil
}

// createSecrets puts webhook keys and VICIdial's account where the function finds them, over the wire, so that any
// Secrets Manager will do.
func (s *Stack) createSecrets(ctx context.Context, sources []string) (err error) {
	if s.Keys == nil {
		s.Keys = map[string]string{}
		key := cmp.Or(s.cfg.Key, newKey())
		for _, name := range sources {
			s.Keys[name] = key
		}
	}
	if s.WebhookSecretARN, err = s.create(ctx, "webhook", s.Keys); err != nil {
		return err
	}
	url := []string{s.VICIdial.URL}
	if elsewhere := s.reachable(s.VICIdial.URL); elsewhere != url[0] {
		url = []string{elsewhere, url[0]} // the second for the stack's own function, which may not know that name
	}
	account := map[string]any{"url": url, "user": vicitest.DefaultUser, "pass": vicitest.DefaultPass}
	maps.Copy(account, s.cfg.Account)
	s.VICIdialSecretARN, err = s.create(ctx, "vicidial", account)
	return err
}

func (s *Stack) create(ctx context.Context, name string, value any) (arn string, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	created, err := s.secretsClient().CreateSecret(ctx, &sdk.CreateSecretInput{
		Name:         aws.String("vicihook/" + name + "/" + rand.Text()),
		SecretString: aws.String(string(text)),
	})
	if err != nil {
		return "", err
	}
	return *created.ARN, nil
}

func (s *Stack) secretsClient() *sdk.Client {
	return sdk.New(sdk.Options{
		Region:       secretsmanager.Region,
		BaseEndpoint: &s.SecretsURL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: accessKey}, nil
		}),
	})
}

// newKey returns a key that every scheme takes: as text, as hex and as base64 alike.
func newKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}
