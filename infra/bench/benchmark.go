//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A benchmark is what Go's benchmark of one name found, run by run.
type benchmark struct{ nanoseconds, bytes, allocations sample }

// suites are the benchmarks that the table tells of. They are run again and again in short turns.
var suites = []struct{ pkg, pattern string }{
	{"./function", "^BenchmarkWebhook$/^1024$"},
	{"./function/internal/webhook", "^(BenchmarkVerify|BenchmarkBareHMAC)$/^(standard-webhooks|sha256)$/^65536$"},
}

func measureBenchmarks(ctx context.Context, folder string, rounds int) (map[string]benchmark, error) {
	found := map[string]benchmark{}
	for _, suite := range suites {
		binary := filepath.Join(folder, strings.ReplaceAll(suite.pkg[2:], "/", "-")+".test")
		if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, suite.pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go test -c %s: %w\n%s", suite.pkg, err, out)
		}
		for range rounds {
			run := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", suite.pattern,
				"-test.benchtime", "50ms", "-test.benchmem")
			run.Dir = suite.pkg
			out, err := run.CombinedOutput()
			if err != nil {
				return nil, fmt.Errorf("benchmark %s: %w\n%s", suite.pkg, err, out)
			}
			if err := read(string(out), found); err != nil {
				return nil, fmt.Errorf("benchmark %s: %w", suite.pkg, err)
			}
		}
	}
	return found, nil
}

var result = regexp.MustCompile(`(?m)^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op.*?(\d+) B/op\s+(\d+) allocs/op$`)

// read adds the results in a benchmark's output to those that were found before.
func read(output string, found map[string]benchmark) error {
	results := result.FindAllStringSubmatch(output, -1)
	if len(results) == 0 {
		return fmt.Errorf("no result in %q", output)
	}
	for _, fields := range results {
		var values [3]float64
		for i := range values {
			value, err := strconv.ParseFloat(fields[2+i], 64)
			if err != nil {
				return err
			}
			values[i] = value
		}
		b := found[fields[1]]
		b.nanoseconds = append(b.nanoseconds, values[0])
		b.bytes = append(b.bytes, values[1])
		b.allocations = append(b.allocations, values[2])
		found[fields[1]] = b
	}
	return nil
}
