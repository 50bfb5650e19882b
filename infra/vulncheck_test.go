//go:build unix

package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestVulncheckFailsOnKnownFaultsOnly(t *testing.T) {
	for name, test := range map[string]struct {
		curl, govulncheck string
		fails             bool
		says              string
	}{
		"no known fault":              {"exit 0", "echo No vulnerabilities found.", false, "No vulnerabilities found."},
		"a known fault":               {"exit 0", "echo GO-2026-6809; exit 3", true, "GO-2026-6809"},
		"a database that is far away": {"exit 6", "exit 3", false, "nothing was checked"},
	} {
		folder := t.TempDir()
		for tool, body := range map[string]string{
			"curl": test.curl,
			"go":   `case "$1" in env) echo go1.26.8 ;; *) echo "with $GOTOOLCHAIN"; ` + test.govulncheck + " ;; esac",
		} {
			if err := os.WriteFile(filepath.Join(folder, tool), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		check := exec.Command("./vulncheck", "1.26.11")
		check.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
		out, err := check.CombinedOutput()
		if (err != nil) != test.fails || !strings.Contains(string(out), test.says) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if strings.Contains(string(out), "with ") && !strings.Contains(string(out), "with go1.26.11") {
			t.Errorf("%s: another release than the deployed one was checked:\n%s", name, out)
		}
	}
}
