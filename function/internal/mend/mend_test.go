package mend_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/mend"
	"vicihook/vicicall"
)

func TestEveryOutcomeHasItsMeaningAndMend(t *testing.T) {
	rules := hangup.Rules()
	for _, o := range mend.Outcomes() {
		if _, known := rules[o]; !known {
			t.Errorf("%s is no outcome", o)
		}
		delete(rules, o)
		if mend.Meaning(o) == "" || mend.Meaning(o) == vicicall.Outcome("nonsense").Advice() {
			t.Errorf("%s has no meaning", o)
		}
	}
	for o := range rules {
		t.Errorf("%s has no mend", o)
	}
	if mend.Meaning("nonsense") != "" || mend.Of("nonsense") != "" {
		t.Error("nonsense has a meaning")
	}
}

// What senders see leads to its mend, and the mend is the one that `vicihook outcome` prints.
func TestTheREADMELinksEachOutcomeToItsMend(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	rows := regexp.MustCompile("(?m)^\\| <a id=\"mend-([a-z_]+)\"></a>`([a-z_]+)` \\| (.+) \\|$").FindAllStringSubmatch(readme, -1)
	if len(rows) != len(mend.Outcomes()) {
		t.Errorf("the README has %d mends, the code %d", len(rows), len(mend.Outcomes()))
	}
	for _, row := range rows {
		if row[1] != row[2] || row[3] != mend.Of(hangup.Outcome(row[2])) {
			t.Errorf("%s: the README says %q, the code %q", row[2], row[3], mend.Of(hangup.Outcome(row[2])))
		}
	}
	for _, o := range mend.Outcomes() {
		link := regexp.MustCompile("(?m)^\\| `" + string(o) + "` \\| .*\\]\\(#mend-" + string(o) + "\\).* \\| [0-9]{3} \\|")
		if !link.MatchString(readme) {
			t.Errorf("the README's outcome %s does not lead to its mend", o)
		}
		if strings.Contains(mend.Of(o), "|") {
			t.Errorf("%s: a bar breaks the table", o)
		}
	}
}
