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

func TestEveryActionIsPinnedByItsCommit(t *testing.T) {
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

func TestTheStagesFollowOneAnotherAndOnlyTheirJobsGetATokenForAWS(t *testing.T) {
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

func TestEachStageIsExaminedAfterItsDeployment(t *testing.T) {
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
