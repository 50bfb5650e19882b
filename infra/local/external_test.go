//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A second simulated VICIdial is in place of the integrator's own: the stack must send its requests there.
func TestOwnVICIdialIsUsed(t *testing.T) {
	folder := t.TempDir()
	if err := stack.Build(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	command, err := stack.BuildCommand(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	real := vicitest.NewServer(vicitest.Config{})
	defer real.Close()
	real.AddRemoteAgent(1028, 1)
	real.AddCall(vicitest.Call{ID: stack.SampleCall, Agent: "1028"})
	account := filepath.Join(folder, "account.json")
	if err := os.WriteFile(account, []byte(`{"user":"`+vicitest.DefaultUser+`","pass":"`+vicitest.DefaultPass+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := local("--bootstrap", folder, "--vicidial", real.URL, "--account", account, "--dry-run", "--budget", "3s", "--",
		command, "send", "--sources", filepath.Join(folder, "sources.json"), "--call-id", stack.SampleCall, "--agent-user", "1028",
		"--disposition", "SALE", "--expect", "would_hang_up")
	if status != 0 || real.Count("CHECK") != 1 || real.Count("HANGUP") != 0 {
		t.Errorf("status %d, %d CHECK, %d HANGUP: %s%s", status, real.Count("CHECK"), real.Count("HANGUP"), stdout, stderr)
	}
	if strings.Contains(stderr, "VICIdial  call") || strings.Contains(stdout+stderr, vicitest.DefaultPass) {
		t.Errorf("simulated calls or the password are shown: %s%s", stdout, stderr)
	}
}

func TestFlagsOfAnOwnVICIdialAreChecked(t *testing.T) {
	account := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(account, []byte(`{"pass":"S3cret",}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"no account":             {"--vicidial", "http://127.0.0.1:1"},
		"no VICIdial":            {"--account", account},
		"a fault":                {"--vicidial", "http://127.0.0.1:1", "--account", account, "--fault", "reset"},
		"a file that is no JSON": {"--vicidial", "http://127.0.0.1:1", "--account", account, "--bootstrap", built(t), "--", "true"},
		"a page for everybody":   {"--workbench", "0.0.0.0:8080"},
		"a page without a port":  {"--workbench", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, stdout, stderr := local(args...); status != statusUsage || !strings.Contains(stderr, "local: --") || strings.Contains(stderr, "S3cret") {
				t.Errorf("status %d: %s%s", status, stdout, stderr)
			}
		})
	}
}
