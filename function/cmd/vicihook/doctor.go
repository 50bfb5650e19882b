package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/config"
	"vicihook/function/internal/doctor"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// alias is the function's alias in template.yaml, the version that serves.
const alias = "live"

type doctorCmd struct {
	Stack    string `xor:"function" placeholder:"NAME" help:"Ask the deployed function of this CloudFormation stack, with AWS's own settings (default: examine from here, with the function's settings in the environment)."`
	Function string `xor:"function" placeholder:"NAME" help:"Ask the deployed function of this name or ARN, an alias after a colon."`
	sourcesFlag
	Timeout timeout `default:"30s" help:"How long to wait for the function."`
	JSON    bool    `help:"Print the report as JSON and nothing else."`
}

func (doctorCmd) Help() string {
	return `Examines all that a webhook needs, in this order: settings, both secrets, each source's keys, each web server of VICIdial
(DNS, connection, certificate, version, clock), the API account, the time limits. It says how to fix what it finds, the
first thing to fix first, and prints the pin of each certificate. It hangs up nothing and tries the account once.
Exit status 0 when healthy, warnings included; 1 when not; 3 when the function gave no answer.

Examples:

    vicihook doctor --stack vicihook-prod     # inside the function, with its role and from its address
    WEBHOOK_SECRET_ARN=arn:… VICIDIAL_SECRET_ARN=arn:… vicihook doctor`
}

func (c doctorCmd) Run(env *environment) error {
	settings, err := env.aws()
	if err != nil {
		return err
	}
	if c.Stack != "" {
		name, err := env.stackOutput(settings, c.Stack, functionNameOutput)
		if err != nil {
			return err
		}
		c.Function = name + ":" + alias
	}
	examine := c.fromHere
	if c.Function != "" {
		examine = c.inFunction
	}
	report, err := examine(env, settings)
	if err != nil {
		return err
	}
	if c.JSON {
		err = env.printJSON(report)
	} else {
		printReport(env.stdout, report)
	}
	if err == nil && !report.Healthy {
		err = failed("not healthy: %s", report.Findings[0].Fault)
	}
	return err
}

// inFunction invokes the deployed function, which examines itself.
func (c doctorCmd) inFunction(env *environment, settings aws.Config) (report doctor.Report, err error) {
	ctx, cancel := context.WithTimeout(env.ctx, c.Timeout.Duration)
	defer cancel()
	answer, err := lambda.NewFromConfig(settings).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &c.Function, Payload: []byte(`{"vicihook":"doctor"}`),
	})
	switch {
	case err != nil:
		return report, noAnswer("--function: %w", err)
	case answer.FunctionError != nil:
		return report, failed("the function failed (%s) before it could examine itself: its log says why", *answer.FunctionError)
	}
	if err := json.Unmarshal(answer.Payload, &report); err != nil || report.At.IsZero() {
		return report, failed("--function: its answer is no report: this is another function, or a version without a doctor")
	}
	return report, nil
}

// fromHere examines with the function's own parts on this machine.
func (c doctorCmd) fromHere(env *environment, aws aws.Config) (doctor.Report, error) {
	settings, err := config.Load(func(name string) string {
		if name == "SOURCES_FILE" {
			return c.Sources
		}
		return env.getenv(name)
	}, ".")
	if err != nil {
		return (&doctor.Doctor{Broken: err}).Examine(env.ctx), nil
	}
	api := secretsmanager.NewFromConfig(aws)
	client := vicicall.New(vicicall.Config{AllowHTTP: settings.AllowHTTP})
	defer client.Close()
	return (&doctor.Doctor{
		Settings: settings, VICIdial: client, Region: aws.Region, Version: buildVersion(),
		Keys: secret.New(secret.Config[source.Keyring]{
			API: api, ARN: settings.WebhookSecretARN, PreviousFor: settings.PreviousKeysFor, Parse: settings.Sources.ParseKeys,
		}),
		Account: secret.New(secret.Config[vicicall.Credentials]{
			API: api, ARN: settings.VICIdialSecretARN, Parse: settings.Credentials,
		}),
	}).Examine(env.ctx), nil
}

func printReport(w io.Writer, r doctor.Report) {
	for _, f := range r.Findings {
		grade := "error"
		if f.Warning {
			grade = "warning"
		}
		printRows(w, grade, f.What+" ("+f.Fault+")", "remedy", f.Remedy)
	}
	for _, s := range r.Secrets {
		text := "version " + s.Version
		switch {
		case s.Problem != "":
			text = "unavailable"
		case s.Put != nil:
			text += ", put " + r.At.Sub(*s.Put).Round(time.Second).String() + " ago"
		}
		printRows(w, "secret", s.Name+": "+text)
	}
	for _, s := range r.Sources {
		printRows(w, "source", s.Name+": "+s.State+", "+s.Scheme+textIf(s.Keys > 0, ", keys: %d", s.Keys)+
			textIf(s.Previous > 0, " and %d of the version before", s.Previous)+textIf(s.DryRun, ", dry run"))
	}
	for _, s := range r.Servers {
		printServer(w, s)
	}
	if a := r.Account; a != nil {
		printRows(w, "account", textIf(a.Outcome != "", "%s: ", a.Outcome)+a.Message)
	}
	if a := r.Lookup; a != nil {
		printRows(w, "lookup", textIf(a.Outcome != "", "%s: ", a.Outcome)+a.Message)
	}
	if d := r.Deadlines; d.BudgetMS > 0 {
		printRows(w, "times", textIf(d.FunctionMS > 0, "function %d ms, ", d.FunctionMS)+fmt.Sprintf(
			"budget %d ms (sources from %d to %d ms), VICIdial answers in %d ms", d.BudgetMS, d.ShortestMS, d.LongestMS, d.VICIdialMS))
	}
	printRows(w, "verdict", r.Verdict)
}

func printServer(w io.Writer, s doctor.Server) {
	text := s.Host + textIf(len(s.Addresses) > 0, " at %s", strings.Join(s.Addresses, ", ")) +
		textIf(s.From != "", ", reached from %s in %d ms", s.From, s.ConnectMS)
	if s.VICIdial != "" {
		text += fmt.Sprintf(": VICIdial's agent API %s, build %s, clock %+d s, answers in %d ms", s.VICIdial, s.Build, *s.ClockSeconds, s.VersionMS)
	}
	printRows(w, "server", text)
	if c := s.Certificate; c != nil {
		printRows(w, "tls", fmt.Sprintf("%s for %s by %s, %d days left, trusted by %s", c.Subject, strings.Join(c.Names, ", "), c.Issuer, c.DaysLeft, c.Trust),
			"tls_pin", c.Pin)
	}
}

// textIf formats, or returns "" where there is nothing to say.
func textIf(condition bool, format string, args ...any) string {
	if !condition {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
