//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Exit statuses that shells use for a command that can't be run.
const (
	statusNotRunnable = 126
	statusNotFound    = 127
	statusSignalled   = 128 // plus the signal
)

// execute runs a command with additional variables, passes signals on to it, and returns its exit status. The error is
// the reason why it could not run.
func execute(command, env []string, stdout, stderr io.Writer, signals <-chan os.Signal) (status int, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	switch err := cmd.Start(); {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return statusNotFound, fmt.Errorf("%s: not found", command[0])
	case err != nil:
		return statusNotRunnable, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended meanwhile
		case <-ended:
			return statusOf(cmd.ProcessState), nil
		}
	}
}

func statusOf(state *os.ProcessState) int {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return statusSignalled + int(wait.Signal())
	}
	return state.ExitCode()
}
