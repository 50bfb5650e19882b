//go:build unix

package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"vicihook/infra/local/runtimeapi"
)

// process returns the folder in /proc of a function's one instance. It needs Linux.
func process(tb testing.TB, function *runtimeapi.Function) string {
	tb.Helper()
	ids := function.Processes()
	if len(ids) != 1 {
		tb.Fatalf("%d instances run, want 1", len(ids))
	}
	folder := fmt.Sprintf("/proc/%d", ids[0])
	if _, err := os.Stat(folder); err != nil {
		tb.Skip("needs Linux: ", err)
	}
	return folder
}

// cpu is the processor time that an instance has used so far.
func cpu(tb testing.TB, function *runtimeapi.Function) time.Duration {
	tb.Helper()
	var sum time.Duration
	for _, thread := range must(filepath.Glob(process(tb, function) + "/task/*/schedstat"))(tb) {
		text, err := os.ReadFile(thread)
		if os.IsNotExist(err) {
			continue // the thread ended
		}
		nanoseconds, _, _ := bytes.Cut(must(text, err)(tb), []byte(" "))
		sum += time.Duration(must(strconv.ParseInt(string(nanoseconds), 10, 64))(tb))
	}
	return sum
}

// resident returns the memory of an instance in bytes: its own, and the pages of its file that it has touched.
func resident(tb testing.TB, function *runtimeapi.Function) int64 {
	tb.Helper()
	fields := bytes.Fields(must(os.ReadFile(process(tb, function) + "/statm"))(tb))
	pages := must(strconv.ParseInt(string(fields[1]), 10, 64))(tb)
	return pages * int64(os.Getpagesize())
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}
