package hangup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

func ruleOf(t *testing.T, o hangup.Outcome) hangup.Rule {
	t.Helper()
	rule, known := hangup.RuleOf(o)
	if !known {
		t.Fatalf("%s is not an outcome", o)
	}
	return rule
}

// A new outcome is a constant and a row of the table.
func TestRulesHaveEveryDeclaredOutcome(t *testing.T) {
	t.Parallel()
	declared := map[hangup.Outcome]bool{}
	for _, o := range vicicall.Outcomes() { // which another test compares with its constants
		declared[o] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\bOutcome(?: = |\()"(\w+)"`).FindAllStringSubmatch(readFile(t, name), -1) {
			declared[hangup.Outcome(m[1])] = true
		}
	}
	if !declared[hangup.Paused] || !declared[hangup.TooLarge] {
		t.Fatalf("this package's own constants were not found: %v", declared)
	}
	for _, rule := range hangup.Rules() {
		if !declared[rule.Outcome] {
			t.Errorf("%s is not a constant, or has two rules", rule.Outcome)
		}
		delete(declared, rule.Outcome)
	}
	for o := range declared {
		t.Errorf("%s has no rule", o)
	}
}

func TestRulesAreWhatSendersUnderstand(t *testing.T) {
	t.Parallel()
	for _, rule := range hangup.Rules() {
		if rule.Status/100 == 3 || rule.Status == 410 {
			t.Errorf("%s: senders unsubscribe on %d", rule.Outcome, rule.Status)
		}
		if (rule.Status == 503) != (rule.RetryAfter > 0) {
			t.Errorf("%s: %d with Retry-After %d", rule.Outcome, rule.Status, rule.RetryAfter)
		}
		if (rule.Status == 200) != (rule.Fault == "") {
			t.Errorf("%s: %d with fault %q", rule.Outcome, rule.Status, rule.Fault)
		}
		if word := string(rule.Outcome); word != strings.ToLower(word) {
			t.Errorf("%s is not in lower case", word)
		}
		if rule.Meaning == "" || rule.Remedy == "" || rule.Meaning == vicicall.Outcome("").Advice() {
			t.Errorf("%s lacks a meaning or a remedy", rule.Outcome)
		}
	}
}

// The test prints each row that differs, to be copied into the document.
func TestRulesAreInTheDocuments(t *testing.T) {
	t.Parallel()
	const outcomes, remedies = "../../../README.md", "../../docs/reference.md"
	var answers, fixes []string
	for _, rule := range hangup.Rules() {
		retry := ""
		if rule.RetryAfter > 0 {
			retry = strconv.Itoa(rule.RetryAfter) + " "
		}
		fault := rule.Fault
		if fault != "" {
			fault += " "
		}
		answers = append(answers, fmt.Sprintf("| `%[1]s` | [%[2]s](function/docs/reference.md#remedy-%[1]s) | %[3]d | %[4]s| %[5]s|", rule.Outcome, rule.Meaning, rule.Status, retry, fault))
		fixes = append(fixes, fmt.Sprintf("| <a id=\"remedy-%s\"></a>`%[1]s` | %s |", rule.Outcome, rule.Remedy))
	}
	checkTable(t, outcomes, "| outcome | meaning | status | Retry-After | fault |\n|---|---|---|---|---|", answers)
	checkTable(t, remedies, "| outcome | remedy |\n|---|---|", fixes)
}

func checkTable(t *testing.T, file, head string, want []string) {
	t.Helper()
	_, table, found := strings.Cut(readFile(t, file), head+"\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if !found || len(rows) != len(want) {
		t.Errorf("%s: the table below %q has %d rows and must be\n%s", file, head, len(rows), strings.Join(want, "\n"))
		return
	}
	for i, row := range rows {
		if row != want[i] {
			t.Errorf("%s: a row of the table below %q must be\n%s", file, head, want[i])
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
