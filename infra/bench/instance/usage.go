package instance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// CPU is the time that the process has used so far, on all processors. While it lives this needs Linux; after Stop
// every system tells.
func (in *Instance) CPU() (time.Duration, error) {
	select {
	case <-in.exited:
		return in.cmd.ProcessState.UserTime() + in.cmd.ProcessState.SystemTime(), nil
	default:
	}
	threads, err := filepath.Glob(in.proc("task/*/schedstat"))
	if err != nil || len(threads) == 0 {
		return 0, errors.New("instance: /proc tells nothing of the process: Linux is needed")
	}
	var sum time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, os.ErrNotExist) {
			continue // it ended
		}
		if err != nil {
			return 0, fmt.Errorf("instance: %w", err)
		}
		nanoseconds, _, _ := bytes.Cut(text, []byte(" "))
		ran, err := strconv.ParseInt(string(nanoseconds), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("instance: %s: %w", thread, err)
		}
		sum += time.Duration(ran)
	}
	return sum, nil
}

// Resident is the memory that the process holds, in bytes: its own and the pages of its file that it has touched.
// It needs Linux.
func (in *Instance) Resident() (int64, error) {
	text, err := os.ReadFile(in.proc("statm"))
	if err != nil {
		return 0, fmt.Errorf("instance: %w", err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("instance: statm is %q", text)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("instance: statm: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

func (in *Instance) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(in.cmd.Process.Pid), file)
}
