package main

import (
	"context"
	"encoding/json"
	"errors"
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

// alias is the one that serves, as template.yaml calls it.
const alias = "live"

type doctorCmd struct {
	Stack    string        `xor:"function" placeholder:"NAME" help:"Ask the deployed function of this CloudFormation stack, with AWS's own settings (default: examine from here, with the function's settings in the environment)."`
	Function string        `xor:"function" placeholder:"NAME" help:"Ask the deployed function of this name or ARN, an alias after a colon."`
	Sources  string        `from:"SOURCES_FILE" default:"function/sources.json" placeholder:"FILE" help:"Where sources.json is, when examining from here ($$SOURCES_FILE, else function/sources.json)."`
	Timeout  time.Duration `default:"30s" help:"How long to wait for the function."`
	JSON     bool          `name:"json" help:"Print the report as JSON and nothing else."`
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
	if err := checkTimeout(c.Timeout); err != nil {
		return err
	}
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
		err = &failure{statusFailed, fmt.Errorf("not healthy: %s", report.Findings[0].Fault)}
	}
	return err
}

// inFunction invokes the deployed function, which examines itself.
func (c doctorCmd) inFunction(env *environment, settings aws.Config) (report doctor.Report, err error) {
	ctx, cancel := context.WithTimeout(env.ctx, c.Timeout)
	defer cancel()
	answer, err := lambda.NewFromConfig(settings).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &c.Function, Payload: []byte(`{"vicihook":"doctor"}`),
	})
	switch {
	case err != nil:
		return report, &failure{statusSilent, fmt.Errorf("--function: %w", err)}
	case answer.FunctionError != nil:
		return report, &failure{statusFailed, fmt.Errorf("the function failed (%s) before it could examine itself: its log says why", *answer.FunctionError)}
	}
	if err := json.Unmarshal(answer.Payload, &report); err != nil || report.At.IsZero() {
		return report, &failure{statusFailed, errors.New("--function: its answer is no report: this is another function, or a version without a doctor")}
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
		printRows(w, "secret", describeSecret(s, r.At))
	}
	for _, s := range r.Sources {
		printRows(w, "source", describeSource(s))
	}
	for _, s := range r.Servers {
		describeServer(w, s)
	}
	if r.Account != nil {
		printRows(w, "account", strings.TrimPrefix(r.Account.Outcome+": "+r.Account.Message, ": "))
	}
	if r.Lookup != nil {
		printRows(w, "lookup", strings.TrimPrefix(r.Lookup.Outcome+": "+r.Lookup.Message, ": "))
	}
	if r.Deadlines != (doctor.Deadlines{}) {
		printRows(w, "times", describeDeadlines(r.Deadlines))
	}
	printRows(w, "verdict", r.Verdict)
}

func describeSecret(s doctor.Secret, now time.Time) string {
	if s.Problem != "" {
		return s.Name + ": unavailable"
	}
	if s.Put == nil {
		return s.Name + ": version " + s.Version
	}
	return fmt.Sprintf("%s: version %s, put %s ago", s.Name, s.Version, now.Sub(*s.Put).Round(time.Second))
}

func describeSource(s doctor.Source) string {
	text := fmt.Sprintf("%s: %s, %s", s.Name, s.State, s.Scheme)
	if s.Keys > 0 {
		text += fmt.Sprintf(", keys: %d", s.Keys)
	}
	if s.Previous > 0 {
		text += fmt.Sprintf(" and %d of the version before", s.Previous)
	}
	if s.DryRun {
		text += ", dry run"
	}
	return text
}

func describeServer(w io.Writer, s doctor.Server) {
	what := s.Host
	if len(s.Addresses) > 0 {
		what += " at " + strings.Join(s.Addresses, ", ")
	}
	if s.From != "" {
		what += fmt.Sprintf(", reached from %s in %d ms", s.From, s.ConnectMS)
	}
	if s.VICIdial != "" {
		what += fmt.Sprintf(": VICIdial's agent API %s, build %s, clock %+d s, answers in %d ms", s.VICIdial, s.Build, *s.ClockSeconds, s.VersionMS)
	}
	printRows(w, "server", what)
	if c := s.Certificate; c != nil {
		printRows(w, "tls", fmt.Sprintf("%s for %s by %s, %d days left, trusted by %s", c.Subject, strings.Join(c.Names, ", "), c.Issuer, c.DaysLeft, c.Trust),
			"tls_pin", c.Pin)
	}
}

func describeDeadlines(d doctor.Deadlines) string {
	text := fmt.Sprintf("budget %d ms (sources from %d to %d ms), VICIdial answers in %d ms", d.BudgetMS, d.ShortestMS, d.LongestMS, d.VICIdialMS)
	if d.FunctionMS > 0 {
		text = fmt.Sprintf("function %d ms, ", d.FunctionMS) + text
	}
	return text
}
