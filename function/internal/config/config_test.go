package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/config"
	"vicihook/function/internal/source"
)

const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vicihook/webhook-AbCdEf"

// environment returns a valid environment, changed by pairs of name and value.
func environment(pairs ...string) func(string) string {
	values := map[string]string{"WEBHOOK_SECRET_ARN": arn, "VICIDIAL_SECRET_ARN": arn}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

// shipped is the folder of the shipped sources.json.
const shipped = "../.."

func TestDefaults(t *testing.T) {
	c, err := config.Load(environment(), shipped)
	if err != nil {
		t.Fatal(err)
	}
	if c.Budget != 4*time.Second || !c.Recheck || c.DryRun || c.AllowHTTP || c.PreviousKeysFor != 24*time.Hour {
		t.Errorf("got %+v", c)
	}
	if _, known := c.Sources.Lookup("crm"); !known {
		t.Error("the shipped sources.json has no crm")
	}
}

func TestEachSetting(t *testing.T) {
	c, err := config.Load(environment(
		"VICIDIAL_URL", "https://dialer.example.com", "VICIDIAL_ALLOW_HTTP", "true", "PUBLIC_URL", "https://hooks.example.com/x",
		"REQUEST_BUDGET", "2500ms", "RECHECK", "false", "DRY_RUN", "true", "PREVIOUS_KEYS_FOR", "0",
	), shipped)
	if err != nil {
		t.Fatal(err)
	}
	if c.VICIdialURL != "https://dialer.example.com" || !c.AllowHTTP || c.PublicURL != "https://hooks.example.com/x" ||
		c.Budget != 2500*time.Millisecond || c.Recheck || !c.DryRun || c.PreviousKeysFor != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestWrongSettings(t *testing.T) {
	faults := map[string]struct{ name, value, says string }{
		"no secret":                      {"WEBHOOK_SECRET_ARN", "", "full ARN"},
		"a secret's name alone":          {"VICIDIAL_SECRET_ARN", "vicihook", "full ARN"},
		"a budget without a unit":        {"REQUEST_BUDGET", "4", "such as 4s"},
		"a budget that is too short":     {"REQUEST_BUDGET", "100ms", "from 1s"},
		"a budget that is too long":      {"REQUEST_BUDGET", "29s", "to 25s"},
		"a boolean that is another word": {"RECHECK", "yes", "true or false"},
		"an address without a scheme":    {"VICIDIAL_URL", "dialer.example.com", "https://host"},
		"an address with a password":     {"PUBLIC_URL", "https://u:hunter2@h.example.com", "without user"},
		"a negative duration":            {"PREVIOUS_KEYS_FOR", "-1h", "from 0s"},
	}
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(environment(c.name, c.value), shipped)
			if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), c.name) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the fault quotes a password: %v", err)
			}
		})
	}
}

func TestSecretARNs(t *testing.T) {
	faults := map[string]struct{ part, instead string }{
		"another scheme":           {"arn:aws", "urn:aws"},
		"a partition in capitals":  {"aws", "AWS"},
		"another service":          {"secretsmanager", "ssm"},
		"no region":                {"eu-central-1", ""},
		"a region with a space":    {"eu-central-1", "eu central-1"},
		"a short account":          {"123456789012", "12345678901"},
		"an account with a letter": {"123456789012", "12345678901a"},
		"another resource":         {":secret:", ":parameter:"},
		"no name":                  {"vicihook/webhook-AbCdEf", ""},
		"a name with a space":      {"vicihook/webhook", "vici hook"},
		"an extra part":            {"AbCdEf", "AbCdEf:password"},
		"an extra line":            {"AbCdEf", "AbCdEf\n"},
	}
	for name, c := range faults {
		if _, err := config.Load(environment("VICIDIAL_SECRET_ARN", strings.Replace(arn, c.part, c.instead, 1)), shipped); !errors.Is(err, config.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, partition := range []string{"aws-cn", "aws-us-gov"} {
		if _, err := config.Load(environment("VICIDIAL_SECRET_ARN", strings.Replace(arn, "aws", partition, 1)), shipped); err != nil {
			t.Errorf("%s: %v", partition, err)
		}
	}
}

func TestEveryFaultIsReported(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "sources.json"), []byte(`{"crm": {"scheme": "nobody"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(environment("WEBHOOK_SECRET_ARN", "", "RECHECK", "maybe"), folder)
	if !errors.Is(err, source.ErrInvalidFile) {
		t.Errorf("got %v, want the file's fault among them", err)
	}
	for _, part := range []string{"WEBHOOK_SECRET_ARN", "RECHECK", "sources.json", "crm", "scheme"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

func TestMissingSourcesFile(t *testing.T) {
	_, err := config.Load(environment("SOURCES_FILE", filepath.Join(t.TempDir(), "mine.json")), shipped)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "mine.json") {
		t.Errorf("got %v", err)
	}
}
