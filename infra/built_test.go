//go:build unix

package infra_test

import (
	"context"
	"debug/elf"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
)

// SAM does not pass the template's architecture to a makefile build, so make's ARCH must be the same.
func TestMakeBuildsForTheTemplatesArchitecture(t *testing.T) {
	architecture := at(readTemplate(t, "../template.yaml").Parameters, "Architecture")
	machines := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	for _, build := range []struct {
		arguments    []string
		architecture string
	}{
		{nil, text(architecture["Default"])},
		{[]string{"ARCH=amd64"}, "x86_64"},
	} {
		folder := t.TempDir()
		made := exec.Command("make", append([]string{"-s", "-C", "..", "build-VicihookFunction", "ARTIFACTS_DIR=" + folder}, build.arguments...)...)
		made.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "ARCH=") || strings.HasPrefix(v, "GOOS=") || strings.HasPrefix(v, "MAKE")
		})
		if out, err := made.CombinedOutput(); err != nil {
			t.Fatalf("make: %v\n%s", err, out)
		}
		binary, err := elf.Open(filepath.Join(folder, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		defer binary.Close()
		if binary.Machine != machines[build.architecture] || !slices.Contains(texts(architecture["AllowedValues"]), build.architecture) {
			t.Errorf("make %v builds for %v, the template names %s", build.arguments, binary.Machine, build.architecture)
		}
		if _, err := os.Stat(filepath.Join(folder, "sources.json")); err != nil {
			t.Error(err)
		}
	}
}

// The filters select members of the log line by name, so they are tried on a line of the real binary.
func TestFiltersMatchTheFunctionsLogLines(t *testing.T) {
	folder := t.TempDir()
	if err := stack.Build(context.Background(), folder); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Start(context.Background(), stack.Config{Bootstrap: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	send := exec.Command("go", "run", "../function/cmd/vicihook", "send", "--sources", "../function/sources.json", "--disposition", "SALE", "--expect", "hungup")
	send.Env = append(os.Environ(), s.Env()...)
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("send: %v\n%s", err, out)
	}
	answer, err := http.Post(s.URL+"/webhooks/crm", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()

	want := map[string][]string{
		"hungup":       {"Asked", "Deliveries", "Duration", "HungUp", "VICIdialDuration"},
		"unauthorized": {"Asked", "Deliveries", "Duration", "RejectedSignatures"},
	}
	for _, printed := range s.Logs() {
		var line object
		if err := json.Unmarshal([]byte(printed), &line); err != nil || line["outcome"] == nil {
			continue
		}
		outcome := line["outcome"].(string)
		if got := counts(t, line); !slices.Equal(got, want[outcome]) {
			t.Errorf("%s is counted as %v, not %v", printed, got, want[outcome])
		}
		if version, _ := line["function_version"].(string); version == "" {
			t.Errorf("%s does not name its function_version, so no alarm sees a new version fail", printed)
		}
		delete(want, outcome)
	}
	for outcome := range want {
		t.Errorf("the function logged no line with the outcome %s", outcome)
	}
}
