//go:build unix

package systemtest_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/config"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

const (
	root          = "../../../"
	referenceFile = "function/docs/reference.md"
)

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns the text of the reference below a heading, up to the next one.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(readDocument(t, referenceFile), "\n"+heading+"\n")
	if !found {
		t.Fatalf("the reference has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	return text
}

var (
	firstCell = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|")
	codeWord  = regexp.MustCompile("`([^`]+)`")
	jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)\n```")
)

// tableNames returns the words in code letters of each row's first cell, sorted.
func tableNames(text string) (names []string) {
	for _, cell := range firstCell.FindAllStringSubmatch(text, -1) {
		for _, word := range codeWord.FindAllStringSubmatch(cell[1], -1) {
			names = append(names, word[1])
		}
	}
	slices.Sort(names)
	return names
}

func checkNames(t *testing.T, what string, documented, real []string) {
	t.Helper()
	slices.Sort(real)
	if !slices.Equal(documented, real) {
		t.Errorf("%s: the reference names\n%v\nand the code\n%v", what, documented, real)
	}
}

func TestREADMEIsShort(t *testing.T) {
	if n := strings.Count(readDocument(t, "README.md"), "\n"); n > 200 {
		t.Errorf("README.md has %d lines: move what is reference to %s", n, referenceFile)
	}
}

func TestReferenceNamesEverySetting(t *testing.T) {
	var read []string
	_, _ = config.Load(func(name string) string { read = append(read, name); return "" }, ".")
	checkNames(t, "environment", tableNames(section(t, "## Environment")), read)
}

func TestReferenceNamesEveryPreset(t *testing.T) {
	_, list, _ := strings.Cut(section(t, "### Presets"), "Presets: ")
	list, _, _ = strings.Cut(list, "\n\n")
	var named []string
	for _, name := range codeWord.FindAllStringSubmatch(list, -1) {
		named = append(named, name[1])
	}
	slices.Sort(named)
	checkNames(t, "presets", named, webhook.PresetNames())
}

func TestReferenceNamesEveryFieldOfASource(t *testing.T) {
	var schema struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(readDocument(t, "function/sources.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	fields := slices.Collect(maps.Keys(schema.Defs["source"].Properties))
	if len(fields) == 0 {
		t.Fatal("the schema describes no source")
	}
	checkNames(t, "fields of a source", tableNames(section(t, "## sources.json")), fields)
}

func TestReferencesSourcesAreValid(t *testing.T) {
	block := jsonBlock.FindStringSubmatch(section(t, "## sources.json"))
	if block == nil {
		t.Fatal("no example of sources.json")
	}
	sources, err := source.Parse([]byte(block[1]))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"crm", "zendesk"}; !reflect.DeepEqual(sources.Names(), want) {
		t.Errorf("got %v, want %v", sources.Names(), want)
	}
}

func TestReferenceNamesEveryCommand(t *testing.T) {
	t.Parallel()
	help, err := exec.CommandContext(t.Context(), buildCommand(t), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, line := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?) {2,}`).FindAllStringSubmatch(string(help), -1) {
		commands = append(commands, line[1])
	}
	checkNames(t, "commands", tableNames(section(t, "## The command")), commands)
}

// The secrets of the reference, with values in place of each ellipsis, must work.
// useOf has an expression for each refused construct of the reference.
var useOf = []string{"%s", "%s(.)", "%s(.; .)", ".a %s 1", "%s f: f; f"}

func TestReferencesRefusedJqIsRefused(t *testing.T) {
	names := tableNames(section(t, "### Expressions"))
	if len(names) < 15 {
		t.Fatalf("the reference names only %v", names)
	}
	for _, name := range names {
		refused := slices.ContainsFunc(useOf, func(form string) bool {
			expression, err := json.Marshal(strings.Replace(form, "%s", name, 1))
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Parse([]byte(`{"crm": {"scheme": "github", "ref": ` + string(expression) + `}}`))
			return err != nil && (strings.Contains(err.Error(), "is not allowed") || strings.Contains(err.Error(), "calls itself"))
		})
		if !refused {
			t.Errorf("%s is not refused", name)
		}
	}
}

func TestReferencesSecretsAreAccepted(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{Keys: map[string]string{"crm": "whsec_" + oldKey}})
	if b.Secrets == nil {
		t.Skip("steers the local Secrets Manager")
	}
	keys := jsonBlock.FindStringSubmatch(section(t, "### Webhook keys"))[1]
	b.put(t, b.WebhookSecretARN, strings.NewReplacer("whsec_…", b.Keys["crm"], "new key", newKey, "old key", oldKey).Replace(keys))
	var account map[string]any
	if err := json.Unmarshal([]byte(jsonBlock.FindStringSubmatch(section(t, "### VICIdial's account"))[1]), &account); err != nil {
		t.Fatal(err)
	}
	maps.Copy(account, lookupAccount())
	maps.Copy(account, map[string]any{"url": b.VICIdial.URL, "user": vicitest.DefaultUser, "pass": vicitest.DefaultPass})
	delete(account, "ca") // the simulated VICIdial has no certificate
	delete(account, "tls_pin")
	text, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	b.put(t, b.VICIdialSecretARN, string(text))
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "hungup" {
		t.Errorf("got %s; the log:\n%s", got.body, strings.Join(b.Logs(), "\n"))
	}
}
