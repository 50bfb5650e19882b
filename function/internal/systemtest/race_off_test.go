//go:build unix && !race

package systemtest_test

import (
	"context"

	"vicihook/infra/local/stack"
)

const raceDetector = false

// build builds the function as it is shipped.
func build(ctx context.Context, folder string) error { return stack.Build(ctx, folder) }
