//go:build unix

package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// With a bridge without an address the stack would listen on every interface.
func TestSamLocalRefusesABridgeWithoutAnAddress(t *testing.T) {
	for name, test := range map[string]struct{ docker, ip, refused string }{
		"no address at all":                {docker: "", ip: "", refused: "found: none"},
		"the address of all interfaces":    {docker: "0.0.0.0", ip: "", refused: "found: 0.0.0.0"},
		"an address of IPv6 alone":         {docker: "fd00::1", ip: "", refused: "found: fd00::1"},
		"an address that ip alone tells":   {docker: "", ip: "5: docker0    inet 172.18.0.1/16 scope global docker0", refused: ""},
		"an address that the engine tells": {docker: "172.17.0.1", ip: "", refused: ""},
	} {
		folder := t.TempDir()
		for tool, body := range map[string]string{
			"docker": `case "$*" in "network inspect"*) echo "` + test.docker + `" ;; esac`,
			"ip":     `echo "` + test.ip + `"`,
			"sam":    `echo "reached sam build" >&2; exit 1`, // the step after the address
		} {
			if err := os.WriteFile(filepath.Join(folder, tool), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		run := exec.Command("./sam-local", "invoke", "events/crm.json")
		run.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "SAM="+filepath.Join(folder, "sam"))
		out, err := run.CombinedOutput()
		if err == nil {
			t.Fatalf("%s: no error:\n%s", name, out)
		}
		want := test.refused
		if want == "" {
			want = "reached sam build"
		} else if !strings.Contains(string(out), "--bip 172.17.0.1/16") {
			t.Errorf("%s: nothing says what to do:\n%s", name, out)
		}
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: there is no %q in\n%s", name, want, out)
		}
	}
}
