//go:build unix

package systemtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
)

// Keys as people paste them, and the fault that must be named. The second source must still work.
var pastedKeys = map[string]struct{ key, fault string }{
	"a blank before it":       {" " + someKey, "a blank"},
	"a tab behind it":         {someKey + "\t", "a tab"},
	"quotes around it":        {`"` + someKey + `"`, "quotes"},
	"a byte order mark":       {"\ufeff" + someKey, "byte order mark"},
	"its label":               {"Signing secret: " + someKey, "label"},
	"two lines":               {someKey + "\n" + someKey, "two lines"},
	"a list as a text":        {`["` + someKey + `","` + otherKey + `"]`, "list"},
	"the mark of its version": {"v1,whsec_" + someKey, "v1,"},
}

func TestReportsPastedKeysDisableTheirOwnSource(t *testing.T) {
	t.Parallel()
	command := buildCommand(t)
	for name, c := range pastedKeys {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t, stack.Config{Keys: map[string]string{"github": c.key, "crm": newKey}})
			if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "hungup" {
				t.Errorf("the other source got %s", got.body)
			}
			log := strings.Join(b.Logs(), "\n")
			if !strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "github") || !strings.Contains(log, c.fault) {
				t.Errorf("no ERROR line names the source and %q:\n%s", c.fault, log)
			}
			if strings.Contains(log, someKey) {
				t.Error("the log shows the key")
			}
			store := filepath.Join(t.TempDir(), "keys.json")
			if err := os.WriteFile(store, []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			sources := filepath.Join(bootstrap, "sources.json")
			status, printed := vicihook(t, command, c.key, "keys", "merge", "github", "--store", store, "--sources", sources)
			if status == 0 || !strings.Contains(printed, c.fault) || strings.Contains(printed, someKey) {
				t.Errorf("keys merge: exit status %d, want %q:\n%s", status, c.fault, printed)
			}
			if text, err := os.ReadFile(store); err != nil || string(text) != "{}" {
				t.Errorf("the store holds %s, %v", text, err)
			}
		})
	}
}
