package secretsmanager_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/local/secretsmanager"
)

// A secret is created, rotated and read with the AWS SDK.
func ExampleServer() {
	server, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	arn, _ := server.Create("vicihook/vicidial", "old")
	server.Put(arn, "new")

	client := sdk.New(sdk.Options{
		BaseEndpoint: &server.URL,
		Region:       secretsmanager.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	})
	for _, stage := range []string{secretsmanager.Current, secretsmanager.Previous} {
		out, err := client.GetSecretValue(context.Background(), &sdk.GetSecretValueInput{SecretId: &arn, VersionStage: &stage})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(*out.Name, stage, *out.SecretString, server.Calls(arn, stage))
	}
	// Output:
	// vicihook/vicidial AWSCURRENT new 1
	// vicihook/vicidial AWSPREVIOUS old 1
}
