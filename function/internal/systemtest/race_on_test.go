//go:build unix && race

package systemtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vicihook/infra/local/stack"
)

// raceDetector reports whether these tests and the function have the race detector.
const raceDetector = true

// build builds the function with the race detector, which needs cgo.
func build(ctx context.Context, folder string) error {
	if err := stack.Build(ctx, folder); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-race", "-tags", "lambda.norpc", "-o", filepath.Join(folder, "bootstrap"), "vicihook/function")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the function with the race detector: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
