//go:build unix

package runtimeapi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// An instance is one execution environment: a process, its Runtime API and what it prints. It is busy with one event,
// or frozen.
type instance struct {
	cfg     Config
	began   time.Time
	cmd     *exec.Cmd
	server  *http.Server
	printed *lines
	calls   chan call
	exited  chan struct{} // closed when the process is gone; how it ended is in cmd.ProcessState
	failed  error         // why it could not start
	waiting *call         // the request for an event that the process waits in; nil before the first one
}

// startInstance starts the bootstrap. If that fails, the first event is answered with the reason.
func startInstance(c Config) *instance {
	in := &instance{cfg: c, began: time.Now(), calls: make(chan call), exited: make(chan struct{})}
	if in.failed = in.start(); in.failed != nil {
		close(in.exited)
		return in
	}
	go func() {
		_ = in.cmd.Wait() // how it ended is in cmd.ProcessState
		in.signal(syscall.SIGKILL)
		close(in.exited)
	}()
	return in
}

// start runs the bootstrap in a process group of its own.
func (in *instance) start() (err error) {
	if in.printed, err = newLines(in.cfg.Log); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	in.server = &http.Server{Handler: api(in.calls)}
	go func() { _ = in.server.Serve(listener) }() // ends with ErrServerClosed
	in.cmd = exec.Command(filepath.Join(in.cfg.TaskRoot, "bootstrap"))
	in.cmd.Dir, in.cmd.Env = in.cfg.TaskRoot, environment(in.cfg, listener.Addr().String())
	in.cmd.Stdout, in.cmd.Stderr = in.printed.file, in.printed.file
	in.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return in.cmd.Start()
}

// invoke runs one event, and first waits until a new process has asked for it. An instance that is not alive afterwards
// takes no other.
func (in *instance) invoke(event []byte) (r Result, alive bool) {
	r.RequestID = newRequestID()
	if in.waiting == nil {
		c, err := in.await(in.cfg.InitTimeout, r.RequestID, func(c call) bool { return c.isNext() })
		if err != nil {
			r.Payload, r.FunctionError = err, true
			return r, false
		}
		in.waiting = &c
		r.Init = time.Since(in.began)
	}
	in.signal(syscall.SIGCONT)
	in.cfg.OnStep(Asked)
	begun := time.Now()
	in.waiting.reply <- reply{http.StatusOK, eventHeader(r.RequestID, begun.Add(in.cfg.Timeout)), event}
	in.waiting = nil
	in.cfg.OnStep(Given)
	answer := "invocation/" + r.RequestID
	c, err := in.await(in.cfg.Timeout, r.RequestID, func(c call) bool {
		return c.path == answer+"/response" || c.path == answer+"/error"
	})
	if err != nil {
		r.Payload, r.FunctionError = err, true
		return r, false
	}
	c.accept()
	r.Duration = time.Since(begun)
	r.Payload, r.FunctionError = c.body, c.path == answer+"/error"
	next, err := in.await(in.cfg.Timeout-r.Duration, r.RequestID, func(c call) bool { return c.isNext() })
	if err != nil {
		return r, false
	}
	in.freeze(next)
	return r, true
}

// await returns the process's next call that fits, and refuses others. If the process exits or the time is up before
// that, it returns the problem in Lambda's words.
func (in *instance) await(most time.Duration, requestID string, fits func(call) bool) (call, []byte) {
	limit := time.NewTimer(most)
	defer limit.Stop()
	for {
		select {
		case c := <-in.calls:
			if fits(c) {
				return c, nil
			}
			c.refuse()
		case <-in.exited:
			return call{}, in.exitProblem(requestID)
		case <-limit.C:
			return call{}, problem("Sandbox.Timedout", worded(requestID, fmt.Sprintf("Task timed out after %.2f seconds", most.Seconds())))
		}
	}
}

// freeze stops the process inside its request for the next event. What it printed before is logged then.
func (in *instance) freeze(c call) {
	in.waiting = &c
	in.signal(syscall.SIGSTOP)
	in.printed.flush()
}

// signal reaches the bootstrap and everything that it started.
func (in *instance) signal(s syscall.Signal) {
	if in.failed == nil {
		_ = syscall.Kill(-in.cmd.Process.Pid, s) // a group that is gone needs no signal
	}
}

// gone reports whether the process has ended, be it a moment ago.
func (in *instance) gone() bool {
	select {
	case <-in.exited:
		return true
	default:
		return errors.Is(syscall.Kill(in.cmd.Process.Pid, 0), syscall.ESRCH)
	}
}

// end kills the process and waits until nothing of it is left.
func (in *instance) end() {
	in.kill()
	<-in.exited
	if in.printed != nil {
		in.printed.close()
	}
	if in.server != nil {
		_ = in.server.Close()
	}
}

// kill ends the process without waiting.
func (in *instance) kill() {
	if in.failed == nil && !in.gone() {
		in.signal(syscall.SIGKILL)
	}
}

func (in *instance) exitProblem(requestID string) []byte {
	if in.failed != nil {
		return problem("Runtime.InvalidEntrypoint", worded(requestID, in.failed.Error()))
	}
	how := "Runtime exited without providing a reason"
	if state := in.cmd.ProcessState; !state.Success() {
		how = "Runtime exited with error: " + state.String()
	}
	return problem("Runtime.ExitError", worded(requestID, how))
}

func worded(requestID, what string) string { return "RequestId: " + requestID + " Error: " + what }

func eventHeader(requestID string, deadline time.Time) http.Header {
	return http.Header{
		"Lambda-Runtime-Aws-Request-Id":       {requestID},
		"Lambda-Runtime-Deadline-Ms":          {strconv.FormatInt(deadline.UnixMilli(), 10)},
		"Lambda-Runtime-Invoked-Function-Arn": {functionARN},
	}
}

// newRequestID returns a random UUID.
func newRequestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
