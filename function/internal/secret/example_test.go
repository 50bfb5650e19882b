package secret_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/secret"
	"vicihook/infra/local/secretsmanager"
)

// A key is rotated while the store is in use. A signature that matches no key causes a refresh, which fetches the new
// key and the old one.
func ExampleStore() {
	local, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer local.Close()
	arn, _ := local.Create("vicihook/webhook", "first key")
	client := sdk.New(sdk.Options{
		BaseEndpoint: &local.URL,
		Region:       secretsmanager.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	})

	clock := time.Now()
	keys := secret.New(secret.Config[string]{
		API:         client,
		ARN:         arn,
		Parse:       func(text []byte) (string, error) { return string(text), nil },
		PreviousFor: 24 * time.Hour,
		Now:         func() time.Time { return clock },
	})
	ctx := context.Background()
	keys.Prefetch(ctx)
	seen, err := keys.Load(ctx)
	fmt.Println(seen.Current.Value, err)

	local.Put(arn, "second key")
	clock = clock.Add(10 * time.Second)
	now, changed, err := keys.Refresh(ctx, seen, "")
	fmt.Println(now.Current.Value, changed, err)
	fmt.Println(now.Previous.Value)
	// Output:
	// first key <nil>
	// second key true <nil>
	// first key
}
