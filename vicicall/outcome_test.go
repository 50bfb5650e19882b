package vicicall_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/vicicall"
)

func TestOutcomesListsEveryConstant(t *testing.T) {
	t.Parallel()
	declared := outcomeConstants(t, ".")
	for _, o := range vicicall.Outcomes() {
		if !slices.Contains(declared, o) {
			t.Errorf("%s is not a constant of this package", o)
		}
	}
	for _, o := range declared {
		if listed := slices.Contains(vicicall.Outcomes(), o); listed == (o == vicicall.Ambiguous) {
			t.Errorf("%s: listed %v", o, listed)
		}
	}
}

func TestOutcomesHaveAdviceThatFitsAnAnswer(t *testing.T) {
	t.Parallel()
	seen := map[string]vicicall.Outcome{}
	for _, o := range append(vicicall.Outcomes(), vicicall.Ambiguous) {
		text := o.Advice()
		if text == vicicall.Outcome("").Advice() || len(text) > 150 || strings.Contains(text, "|") {
			t.Errorf("%s: %d characters: %s", o, len(text), text)
		}
		if seen[text] != "" {
			t.Errorf("%s has the advice of %s", o, seen[text])
		}
		seen[text] = o
	}
}

// outcomeConstants returns the outcomes that a folder's source declares.
func outcomeConstants(t *testing.T, folder string) []vicicall.Outcome {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []vicicall.Outcome
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\bOutcome(?: = |\()"(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, vicicall.Outcome(m[1]))
		}
	}
	if len(found) == 0 {
		t.Fatal("no constants found")
	}
	return found
}
