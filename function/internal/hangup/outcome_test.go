package hangup_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vicihook/function/internal/hangup"
)

// The README's table is the specification that senders read; the code's must equal it row by row.
func TestTheREADMEsOutcomesAreTheCodes(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|[^|]+\\| ([0-9]{3}) \\| ([0-9]*) ?\\| ?([a-z]*) ?\\|$").FindAllStringSubmatch(string(text), -1)
	if len(rows) == 0 {
		t.Fatal("the README has no table of outcomes")
	}
	rules := hangup.Rules()
	for _, row := range rows {
		outcome := hangup.Outcome(row[1])
		rule, known := rules[outcome]
		if !known {
			t.Errorf("the README has %s, the code has not", outcome)
			continue
		}
		delete(rules, outcome)
		status, _ := strconv.Atoi(row[2])
		retry, _ := strconv.Atoi(row[3])
		if want := (hangup.Rule{Status: status, RetryAfter: retry, Fault: hangup.Fault(row[4])}); rule != want {
			t.Errorf("%s: the code has %+v, the README %+v", outcome, rule, want)
		}
	}
	for outcome := range rules {
		t.Errorf("the code has %s, the README has not", outcome)
	}
}

func TestEveryRuleIsOneThatSendersUnderstand(t *testing.T) {
	for outcome, rule := range hangup.Rules() {
		if rule.Status/100 == 3 || rule.Status == 410 {
			t.Errorf("%s: senders unsubscribe on %d", outcome, rule.Status)
		}
		if (rule.Status == 503) != (rule.RetryAfter > 0) {
			t.Errorf("%s: %d with Retry-After %d", outcome, rule.Status, rule.RetryAfter)
		}
		if (rule.Status == 200) != (rule.Fault == "") {
			t.Errorf("%s: %d with fault %q", outcome, rule.Status, rule.Fault)
		}
		if word := string(outcome); word != strings.ToLower(word) {
			t.Errorf("%s is no word of the wire", word)
		}
	}
}
