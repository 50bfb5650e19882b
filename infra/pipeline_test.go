package infra_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	uses   = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.+)$`)
	pinned = regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

func workflow(t *testing.T) (text string, jobs object) {
	t.Helper()
	const path = "../.github/workflows/pipeline.yaml"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), at(read(t, path), "jobs")
}

func TestActionsArePinnedByCommit(t *testing.T) {
	text, _ := workflow(t)
	found := uses.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Fatal("the pipeline uses no action")
	}
	for _, action := range found {
		if !pinned.MatchString(action[1]) {
			t.Errorf("%s is not pinned by a commit with its version beside it", action[1])
		}
	}
}

func TestStagesRunInOrderAndOnlyTheyGetAWSTokens(t *testing.T) {
	text, jobs := workflow(t)
	order := map[string]string{"test": "", "build": "test", "deploy-testing": "build", "deploy-prod": "deploy-testing"}
	if len(jobs) != len(order) {
		t.Errorf("the pipeline has %d jobs, not %d", len(jobs), len(order))
	}
	for name, before := range order {
		job := at(jobs, name)
		if needs, _ := job["needs"].(string); needs != before {
			t.Errorf("%s comes after %q, not %q", name, needs, before)
		}
		stage, deploys := strings.CutPrefix(name, "deploy-")
		if token := at(job, "permissions")["id-token"]; (token == "write") != deploys {
			t.Errorf("%s has the permission id-token: %v", name, token)
		}
		if deploys && job["environment"] != stage {
			t.Errorf("%s runs in the environment %v, so neither its role nor its approval holds", name, job["environment"])
		}
	}
	if strings.Contains(text, "pull_request_target") {
		t.Error("a stranger's pull request would run with the repository's own rights")
	}
}

func TestEachDeploymentIsExamined(t *testing.T) {
	text, _ := workflow(t)
	for deploy, examine := range map[string]string{
		"make deploy STAGE=testing": "infra/pipeline/examine testing",
		"make canary STAGE=prod":    "infra/pipeline/examine prod",
	} {
		if deployed, examined := strings.Index(text, deploy), strings.Index(text, examine); deployed < 0 || examined < deployed {
			t.Errorf("%q does not follow %q", examine, deploy)
		}
	}
}

// A key in the environment of a whole job is readable by every tool that the job installs.
func TestOnlyProbeStepsGetTheKey(t *testing.T) {
	_, jobs := workflow(t)
	with := 0
	for name := range jobs {
		if at(jobs, name, "env")["VICIHOOK_KEY"] != nil {
			t.Errorf("all steps of %s get the key", name)
		}
		for _, step := range list(at(jobs, name)["steps"]) {
			if at(step, "env")["VICIHOOK_KEY"] == nil {
				continue
			}
			with++
			if command := text(at(step)["run"]); !strings.HasPrefix(command, "infra/pipeline/examine ") && !strings.HasPrefix(command, "make canary ") {
				t.Errorf("%s hands the key to %q", name, command)
			}
		}
	}
	if with != 3 {
		t.Errorf("%d steps get the key, not 3", with)
	}
}

func TestThePipelineBuildsWithTheNewestGo(t *testing.T) {
	text, _ := workflow(t)
	setups := strings.Count(text, "uses: actions/setup-go@")
	if latest := strings.Count(text, "check-latest: true"); setups == 0 || latest != setups {
		t.Errorf("%d of %d jobs ask for the newest release", latest, setups)
	}
}

var hashed = regexp.MustCompile(`(?m)^([a-z0-9._-]+)==(\S+) .*\\$`)

// Packages installed in a job with an AWS token are pinned by hash.
func TestDeployJobsInstallSAMByHashes(t *testing.T) {
	lock, err := os.ReadFile("pipeline/sam.txt")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	version := ""
	pins := hashed.FindAllStringSubmatch(string(lock), -1)
	for _, pin := range pins {
		if pin[1] == "aws-sam-cli" {
			version = pin[2]
		}
	}
	if len(pins) < 50 || !strings.Contains(string(makefile), "SAM := $(TOOLS)/aws-sam-cli-"+version+"/bin/sam\n") {
		t.Errorf("%d packages are pinned, the SAM CLI at %q, which the Makefile does not name", len(pins), version)
	}
	if !strings.Contains(string(makefile), "--require-hashes --no-deps -r infra/pipeline/sam.txt") {
		t.Error("the SAM CLI is installed without hashes")
	}
}
