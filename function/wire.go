package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/config"
	"vicihook/function/internal/doctor"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// wire connects the parts and starts to fetch both secrets during Lambda's init phase. A wrong configuration still
// answers, so that senders and alarms see it.
func wire(ctx context.Context, getenv func(string) string, folder string) gateway.Gateway {
	options := slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr}
	if getenv("AWS_LAMBDA_LOG_LEVEL") == "DEBUG" { // Lambda's own setting; no other of its levels changes what is logged
		options.Level = slog.LevelDebug
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, &options)).
		With("function_version", getenv("AWS_LAMBDA_FUNCTION_VERSION")) // so that an alarm can watch a new version alone
	settings, err := config.Load(getenv, folder)
	sdk, sdkErr := loadAWS(ctx)
	if err := errors.Join(err, sdkErr); err != nil {
		return misconfiguredGateway(err, log)
	}
	for _, name := range settings.Sources.Names() {
		if source, _ := settings.Sources.Lookup(name); source.Fault != nil {
			log.Error("a source is disabled by its entry in sources.json", "source", name, "cause", source.Fault.Error())
		}
	}
	log.Debug("configured", "sources", settings.Sources.Names(), "budget", settings.Budget.String(),
		"recheck", settings.Recheck, "dry_run", settings.DryRun, "previous_keys_for", settings.PreviousKeysFor.String())
	handler, doctor := parts(ctx, settings, secretsmanager.NewFromConfig(sdk), log)
	handler.Queue = newQueue(sdk, settings.RedeliveryQueue)
	doctor.Region = sdk.Region
	g := gateway.Gateway{PublicURL: settings.PublicURL, Handle: handler.Handle, Doctor: examine(doctor, log)}
	if handler.Queue != nil {
		g.Redeliver = handler.Redeliver
	}
	return g
}

// misconfiguredGateway answers every webhook with misconfigured, and a doctor's request with the faults.
func misconfiguredGateway(err error, log *slog.Logger) gateway.Gateway {
	log.Error("the configuration is wrong; every webhook is answered misconfigured", "cause", err.Error())
	handler := &hangup.Handler{Broken: err, Log: log, Version: version}
	return gateway.Gateway{Handle: handler.Handle, Doctor: examine(&doctor.Doctor{Broken: err, Version: version}, log)}
}

// examine returns a function that runs d and logs its verdict, never as an error: alarms are for webhooks.
func examine(d *doctor.Doctor, log *slog.Logger) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		report := d.Examine(ctx)
		log.Info("examined", "healthy", report.Healthy, "verdict", report.Verdict, "version", version)
		return json.Marshal(report)
	}
}

// loadAWS returns the settings of the AWS SDK, by its own rules: environment, profiles, container credentials. Lambda
// has no instance metadata, so that without credentials nothing may wait for it. Errors wrap [config.ErrInvalid].
func loadAWS(ctx context.Context) (aws.Config, error) {
	settings, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	switch {
	case err != nil:
		return aws.Config{}, fmt.Errorf("%w: AWS settings: %w", config.ErrInvalid, err)
	case settings.Region == "":
		return aws.Config{}, fmt.Errorf("%w: AWS_REGION is not set: set it to the region of the secrets", config.ErrInvalid)
	case aws.IsCredentialsProvider(settings.Credentials, (*ec2rolecreds.Provider)(nil)):
		return aws.Config{}, fmt.Errorf("%w: there are no AWS credentials: give the function a role", config.ErrInvalid)
	}
	return settings, nil
}

// parts returns the handler of webhooks and the doctor, which shares the handler's secrets and its client with the latch.
func parts(ctx context.Context, settings config.Config, api secret.API, log *slog.Logger) (*hangup.Handler, *doctor.Doctor) {
	keys := &webhookKeys{previousFor: settings.PreviousKeysFor, loggedSecret: loggedSecret[source.Keyring]{
		log: log, Store: secret.New(secret.Config[source.Keyring]{
			API: api, ARN: settings.WebhookSecretARN, PreviousFor: settings.PreviousKeysFor, Parse: settings.Sources.ParseKeys,
		}),
	}}
	account := &apiAccount{loggedSecret[vicicall.Credentials]{
		log: log, Store: secret.New(secret.Config[vicicall.Credentials]{
			API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials,
		}),
	}}
	keys.Prefetch(ctx)
	account.Prefetch(ctx)
	client := vicicall.New(vicicall.Config{SkipRecheck: !settings.Recheck, AllowHTTP: settings.AllowHTTP})
	handler := &hangup.Handler{
		Sources: settings.Sources, Keys: keys, Credentials: account, VICIdial: client,
		Budget: settings.Budget, DryRun: settings.DryRun, Log: log, Version: version,
	}
	return handler, &doctor.Doctor{
		Settings: settings, Keys: keys.Store, Account: account.Store, VICIdial: client, Version: version,
	}
}
