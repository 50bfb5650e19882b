//go:build unix

package pipeline_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stubs are the commands that the pipeline's scripts call. Each records its call; sam runs until it is stopped.
var stubs = map[string]string{
	"sam": `[ -z "$FAILS" ] || for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$STUBS/stopped" ] && exit 1; sleep 0.1; done`,
	"aws": `case "$*" in
*WebhookUrl*) echo "https://hooks.example.com/webhooks/{source}" ;;
*list-stack-resources*) echo name ;;
*list-deployments*) echo d-1 ;;
*stop-deployment*) touch "$STUBS/stopped" ;;
esac`,
	"vicihook": `case "$*" in *unauthorized*) exit 0 ;; esac
[ -z "$FAILS" ]`,
}

// script runs a script of the pipeline with the stubs on its path, and returns its output and the calls.
func script(t *testing.T, env []string, arguments ...string) (printed, called string, status int) {
	t.Helper()
	folder := t.TempDir()
	for name, body := range stubs {
		text := "#!/bin/sh\necho \"" + name + " $*\" >>\"$STUBS/calls\"\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("./"+arguments[0], arguments[1:]...)
	run.Env = append([]string{"PATH=" + folder + ":" + os.Getenv("PATH"), "STUBS=" + folder, "HOME=" + folder, "PAUSE=0"}, env...)
	out, err := run.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	calls, _ := os.ReadFile(filepath.Join(folder, "calls"))
	return string(out), string(calls), run.ProcessState.ExitCode()
}

// deployable writes all that a deployment needs, with the header of an arm64 binary by this release of Go as the build.
func deployable(t *testing.T, release string) []string {
	t.Helper()
	built := t.TempDir()
	header := make([]byte, 64)
	header[18] = 0xb7
	binary := string(header) + "\xff Go buildinf:\x08\x02" + strings.Repeat("\x00", 16) + "\x09" + release + "\x00path\tvicihook/function\n"
	if err := os.Mkdir(filepath.Join(built, "VicihookFunction"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(built, "VicihookFunction", "bootstrap"), []byte(binary), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{
		"BUILD_DIR=" + built, "AWS_REGION=eu-central-1", "AWS_PROFILE=x", "ARTIFACT_BUCKET=bucket",
		"CLOUDFORMATION_ROLE_ARN=role", "PERMISSIONS_BOUNDARY_ARN=boundary", "PARAMETERS=AlarmEmail=ops@example.com DryRun=true",
	}
}

var leastGo = regexp.MustCompile(`(?m)^LEAST_GO := (.+)$`)

// least returns the oldest release of Go that the Makefile accepts for a deployment.
func least(t *testing.T) string {
	t.Helper()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := leastGo.FindSubmatch(makefile)
	if found == nil {
		t.Fatal("the Makefile no longer names LEAST_GO")
	}
	return "go" + string(found[1])
}

func TestDeployRefusesABuildByAnOldGo(t *testing.T) {
	for release, refused := range map[string]bool{"go1.26.8": true, "go1.25.20": true, "go1.26.0": true, least(t): false, "go1.26.99": false, "go1.27.0": false} {
		printed, called, _ := script(t, deployable(t, release), "deploy", "prod")
		if (called == "") != refused || refused && !strings.Contains(printed, "is with Go "+release[2:]+", which has known faults") {
			t.Errorf("%s: %s%s", release, printed, called)
		}
	}
}

func TestDeployNamesEverythingThatIsMissing(t *testing.T) {
	printed, called, status := script(t, []string{"BUILD_DIR=nowhere", "ARCH=mips"}, "deploy", "somewhere")
	if status != 2 || called != "" {
		t.Errorf("status %d, and called %s", status, called)
	}
	for _, name := range []string{
		"STAGE", "ARCH", "make sam-build", "AWS_REGION", "AWS_PROFILE", "ARTIFACT_BUCKET", "CLOUDFORMATION_ROLE_ARN", "PERMISSIONS_BOUNDARY_ARN",
	} {
		if !strings.Contains(printed, name) {
			t.Errorf("%s is missing, and deploy says only\n%s", name, printed)
		}
	}
	if printed, called, _ := script(t, append(deployable(t, least(t)), "ARCH=amd64"), "deploy", "prod"); called != "" || !strings.Contains(printed, "for x86_64") {
		t.Errorf("a build for the other processor is deployed: %s%s", printed, called)
	}
}

func TestDeployPassesTheStagesParameters(t *testing.T) {
	printed, called, status := script(t, deployable(t, least(t)), "deploy", "prod")
	want := "--parameter-overrides file://infra/stages/prod.yaml Architecture=arm64 PermissionsBoundaryArn=boundary AlarmEmail=ops@example.com DryRun=true"
	if status != 0 || !strings.Contains(called, want) {
		t.Errorf("status %d, %s%s", status, printed, called)
	}
}

func TestCanarySendsSixtyProbes(t *testing.T) {
	printed, called, status := script(t, deployable(t, least(t)), "canary", "prod")
	if probes := strings.Count(called, "--expect no_active_call"); status != 0 || probes != 60 || strings.Contains(called, "stop-deployment") {
		t.Errorf("status %d after %d probes: %s", status, probes, printed)
	}
}

func TestAFailedProbeStopsTheDeployment(t *testing.T) {
	printed, called, status := script(t, append(deployable(t, least(t)), "FAILS=1"), "canary", "prod")
	if status == 0 || !strings.Contains(called, "aws deploy stop-deployment --deployment-id d-1 --auto-rollback-enabled") {
		t.Errorf("status %d, %s%s", status, printed, called)
	}
}

func TestOnlyProbesGetTheKey(t *testing.T) {
	defer func(before string) { stubs["sam"] = before }(stubs["sam"])
	stubs["sam"] = `[ -z "$VICIHOOK_KEY" ] || echo "sam has the key" >>"$STUBS/calls"`
	_, called, status := script(t, append(deployable(t, least(t)), "VICIHOOK_KEY=k"), "canary", "prod")
	if status != 0 || strings.Contains(called, "sam has the key") {
		t.Errorf("status %d, %s", status, called)
	}
}
