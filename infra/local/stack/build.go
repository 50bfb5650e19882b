//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNoProject means that the working directory is not inside this project, so that there is nothing to build.
var ErrNoProject = errors.New("stack: not inside the vicihook project: change to its folder, or name a folder with a built bootstrap")

// Build builds the function by the recipe that builds it for AWS, for this machine unless make's variables say
// otherwise, such as ARCH=arm64. It leaves bootstrap and sources.json in dir. The working directory must lie in the
// project; it needs Go and make.
func Build(ctx context.Context, dir string, variables ...string) error {
	root, err := projectRoot(ctx)
	if err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("stack: build: %w", err)
	}
	arguments := []string{"-s", "build-VicihookFunction", "ARTIFACTS_DIR=" + dir, "GOOS=" + runtime.GOOS, "ARCH=" + runtime.GOARCH}
	build := exec.CommandContext(ctx, "make", append(arguments, variables...)...)
	build.Dir = root
	build.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { // by which one make steers another
		name, _, _ := strings.Cut(variable, "=")
		return name == "MAKEFLAGS" || name == "MFLAGS" || name == "MAKELEVEL" || name == "MAKEOVERRIDES"
	})
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("stack: build the function: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// BuildCommand builds the vicihook command for this machine into dir and returns its path. The working directory must
// lie in the project.
func BuildCommand(ctx context.Context, dir string) (string, error) {
	root, err := projectRoot(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "vicihook")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./function/cmd/vicihook")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("stack: build the command: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

func projectRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("stack: go env: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !strings.HasPrefix(string(module), "module vicihook\n") {
		return "", ErrNoProject
	}
	return root, nil
}
