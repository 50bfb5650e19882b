package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMakeNamesATooOldGo(t *testing.T) {
	for have, refused := range map[string]bool{"go1.19.8": true, "go1.25.9": true, "go1.26.0": false, "go1.26.8": false, "go1.30.1": false, "": true} {
		folder := t.TempDir()
		script := "#!/bin/sh\necho " + have + "\n"
		if err := os.WriteFile(filepath.Join(folder, "go"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		check := exec.Command("make", "-s", "go-version")
		check.Dir = ".."
		check.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=")
		out, err := check.CombinedOutput()
		if (err != nil) != refused {
			t.Errorf("Go %q: %v, %s", have, err, out)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		if refused && !strings.Contains(first, "vicihook needs Go 1.26 or newer") {
			t.Errorf("Go %q: %s", have, out)
		}
	}
}

func TestMakeListsItsTargets(t *testing.T) {
	list := exec.Command("make", "-s")
	list.Dir = ".."
	list.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, target := range []string{"run", "test", "serve", "check", "build"} {
		if !strings.Contains(string(out), "make "+target+" ") {
			t.Errorf("%s is not listed:\n%s", target, out)
		}
	}
}

// SAM would deploy a binary for the wrong architecture without a warning.
func TestMakeRefusesTwoArchitecturesInSamconfig(t *testing.T) {
	build := exec.Command("make", "-s", "build-VicihookFunction", "NAMED=arm64 x86_64", "ARTIFACTS_DIR="+t.TempDir())
	build.Dir = ".."
	build.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ARCH=") || strings.HasPrefix(v, "MAKE") })
	out, err := build.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "samconfig.toml names two processors (arm64 x86_64)") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestSamconfigHasTheTemplatesArchitecture(t *testing.T) {
	config, err := os.ReadFile("../samconfig.toml")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`Architecture=(\w+)`).FindAllStringSubmatch(string(config), -1)
	own := text(at(readTemplate(t, "../template.yaml").Parameters, "Architecture")["Default"])
	if len(named) != 1 || named[0][1] != own {
		t.Errorf("samconfig.toml names %v, the template %s", named, own)
	}
}
