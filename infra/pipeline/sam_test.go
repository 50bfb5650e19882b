//go:build unix

package pipeline_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The tests of this file run the pinned SAM CLI, on what `make sam-build` has built. `make pipeline` names it in SAM.

func TestSAMReachesTheNetwork(t *testing.T) {
	sam := realSAM(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, target := range []string{"deploy STAGE=testing", "deploy STAGE=prod", "canary STAGE=testing", "canary STAGE=prod"} {
		printed, status := deploy(t, sam, closed.URL, target)
		if status == 0 || !strings.Contains(printed, `Could not connect to the endpoint URL: "`+closed.URL) {
			t.Errorf("make %s ends with status %d before it asks AWS:\n%s", target, status, printed)
		}
		if !strings.Contains(printed, "continue-update-rollback") {
			t.Errorf("make %s does not say how to go on:\n%s", target, printed)
		}
	}
}

func TestSAMRequestsAChangeSetOfTheStage(t *testing.T) {
	sam := realSAM(t)
	aws := &recorder{}
	server := httptest.NewServer(aws)
	defer server.Close()
	for stage, own := range map[string]string{"testing": "AllAtOnce", "prod": "Canary10Percent5Minutes"} {
		aws.changeSet = nil
		printed, status := deploy(t, sam, server.URL, "deploy STAGE="+stage)
		if status == 0 || aws.changeSet == nil {
			t.Fatalf("status %d, and no change set was asked for:\n%s", status, printed)
		}
		want := map[string]string{
			"StackName": "vicihook-" + stage, "ChangeSetType": "CREATE", "RoleARN": cloudFormationRole,
			"Capabilities.member.1": "CAPABILITY_IAM", "Tags.member.2.Key": "stage", "Tags.member.2.Value": stage,
		}
		for name, value := range want {
			if got := aws.changeSet.Get(name); got != value {
				t.Errorf("%s: %s is %q, not %q", stage, name, got, value)
			}
		}
		parameters := parametersOf(aws.changeSet)
		for name, value := range map[string]string{
			"DeploymentType": own, "Architecture": "arm64", "PermissionsBoundaryArn": boundary,
			"AlarmEmail": "ops@example.com", "VICIdialUrl": "https://dialer.example.com",
			"ReservedConcurrency": "0", // prod.yaml has 8; PARAMETERS overrides it
		} {
			if parameters[name] != value {
				t.Errorf("%s: parameter %s is %q, not %q", stage, name, parameters[name], value)
			}
		}
	}
}

const (
	cloudFormationRole = "arn:aws:iam::123456789012:role/cloudformation"
	boundary           = "arn:aws:iam::123456789012:policy/boundary"
)

// realSAM returns the SAM CLI that `make pipeline` names. `make test` needs only Go and make, and skips these tests.
func realSAM(t *testing.T) string {
	t.Helper()
	sam := os.Getenv("SAM")
	if sam == "" {
		t.Skip("`make pipeline` runs this with the pinned SAM CLI")
	}
	if _, err := exec.LookPath(sam); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../../.aws-sam/build/template.yaml"); err != nil {
		t.Fatal(err)
	}
	return sam
}

// deploy runs a target of the Makefile against an address in place of AWS. The AWS CLI and vicihook are stubs.
func deploy(t *testing.T, sam, address, target string) (printed string, status int) {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"aws", "vicihook"} {
		script := "#!/bin/sh\n" + stubs[name]
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("make", append([]string{"-s", "-C", "../..", "SAM=" + sam}, strings.Fields(target)...)...)
	ours := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	run.Env = append(ours,
		"PATH="+folder+":"+os.Getenv("PATH"), "STUBS="+folder, "PAUSE=0", "MAKEFLAGS=", "MAKELEVEL=", "ARCH=arm64",
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x",
		"AWS_ENDPOINT_URL="+address, "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0",
		"ARTIFACT_BUCKET=artifacts", "CLOUDFORMATION_ROLE_ARN="+cloudFormationRole, "PERMISSIONS_BOUNDARY_ARN="+boundary,
		"PARAMETERS=AlarmEmail=ops@example.com VICIdialUrl=https://dialer.example.com ReservedConcurrency=0")
	out, err := run.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), run.ProcessState.ExitCode()
}

// A recorder replaces S3, which accepts everything, and CloudFormation, which has no stack yet and refuses to create the
// change set.
type recorder struct {
	mu        sync.Mutex
	changeSet url.Values
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(request.Body)
	form, _ := url.ParseQuery(string(body))
	switch {
	case request.Method == http.MethodHead:
		w.WriteHeader(http.StatusNotFound)
	case request.Method == http.MethodPut:
		w.Header().Set("ETag", `"0"`)
	case form.Get("Action") == "DescribeStacks":
		fault(w, "ValidationError", "Stack with id "+form.Get("StackName")+" does not exist")
	case form.Get("Action") == "CreateChangeSet":
		r.changeSet = form
		fault(w, "AccessDenied", "this is a test")
	default:
		fault(w, "InvalidAction", request.Method+" "+request.URL.Path+" "+form.Get("Action"))
	}
}

func fault(w http.ResponseWriter, code, message string) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message)
}

// parametersOf returns the template's parameters in a request to CloudFormation.
func parametersOf(form url.Values) map[string]string {
	parameters := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("Parameters.member.%d.ParameterKey", i)); i++ {
		parameters[form.Get(fmt.Sprintf("Parameters.member.%d.ParameterKey", i))] = form.Get(fmt.Sprintf("Parameters.member.%d.ParameterValue", i))
	}
	return parameters
}
