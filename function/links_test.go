package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// linked are the modules that the function may link, beside those of the AWS SDK.
var linked = []string{
	"github.com/aws/aws-lambda-go",
	"github.com/go-json-experiment/json", // strict JSON
	"github.com/itchyny/gojq",            // expressions of sources.json
	"github.com/itchyny/timefmt-go",      // of gojq
	"golang.org/x/time",                  // rate limits
	"vicihook",
}

// services are the clients of AWS that it may link: of secrets, of the redelivery queue, and of signing in.
var services = []string{"secretsmanager", "sqs", "sts", "sso", "ssooidc", "signin", "internal"}

// Libraries of the command and the bench must not make the function larger or slower to start.
func TestFunctionLinksNothingElse(t *testing.T) {
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
