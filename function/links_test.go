package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// linked are the modules that may be part of the function, without the parts of the AWS SDK and its dependencies.
var linked = []string{
	"github.com/aws/aws-lambda-go",
	"github.com/go-json-experiment/json", // strict JSON
	"github.com/itchyny/gojq",            // expressions of sources.json
	"github.com/itchyny/timefmt-go",      // of gojq
	"golang.org/x/time",                  // rate limits
	"vicihook",
}

// services are the clients of AWS that may be part of it: the secrets, the queue of orders that are tried again, and what
// configuration takes to sign in.
var services = []string{"secretsmanager", "sqs", "sts", "sso", "ssooidc", "signin", "internal"}

// The command and the bench have libraries of their own, which must not make the function larger or slower to start.
func TestTheFunctionLinksNothingElse(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(list))
	if !slices.Contains(modules, "vicihook") {
		t.Fatalf("go list says %q", modules)
	}
	for _, module := range slices.Compact(slices.Sorted(slices.Values(modules))) {
		service, ofAWS := strings.CutPrefix(module, "github.com/aws/aws-sdk-go-v2/service/")
		first, _, _ := strings.Cut(service, "/")
		sdk := strings.HasPrefix(module, "github.com/aws/aws-sdk-go-v2") || module == "github.com/aws/smithy-go"
		if ofAWS && !slices.Contains(services, first) || !sdk && !slices.Contains(linked, module) {
			t.Errorf("the function links %s: keep it to the command or the bench, or add it to this list with the reason", module)
		}
	}
}
