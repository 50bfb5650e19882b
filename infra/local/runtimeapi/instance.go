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
func startInstance(c Config, emit func(string)) *instance {
	in := &instance{cfg: c, began: time.Now(), calls: make(chan call), exited: make(chan struct{})}
	if in.failed = in.start(emit); in.failed != nil {
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
func (in *instance) start(emit func(string)) (err error) {
	if in.printed, err = newLines(emit); err != nil {
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

// invoke runs one event. An instance that is not alive afterwards takes no other.
func (in *instance) invoke(event []byte) (r Result, alive bool) {
	r.RequestID = newRequestID()
	if in.waiting == nil {
		if fault := in.init(r.RequestID); fault != nil {
			r.Payload, r.FunctionError = fault, true
			return r, false
		}
		r.Init = time.Since(in.began)
	}
	return r, in.run(event, &r)
}

// init waits for the first request for an event. It returns the problem, if any, in Lambda's words.
func (in *instance) init(requestID string) []byte {
	limit := time.NewTimer(in.cfg.InitTimeout)
	defer limit.Stop()
	for {
		select {
		case c := <-in.calls:
			switch c.kind {
			case next:
				in.waiting = &c
				return nil
			case initFailure:
				c.accept()
				return c.body
			default:
				c.refuse(http.StatusForbidden, "InvalidStateTransition", "no event was handed out yet")
			}
		case <-in.exited:
			return in.exitProblem(requestID)
		case <-limit.C:
			return timeoutProblem(requestID, in.cfg.InitTimeout)
		}
	}
}

// run hands the event to the waiting process and serves it until it asks for the next one.
func (in *instance) run(event []byte, r *Result) (alive bool) {
	in.signal(syscall.SIGCONT)
	in.cfg.OnStep(Asked)
	begun := time.Now()
	in.waiting.answer(reply{http.StatusOK, eventHeader(r.RequestID, begun.Add(in.cfg.Timeout)), event})
	in.waiting = nil
	in.cfg.OnStep(Given)
	limit := time.NewTimer(in.cfg.Timeout)
	defer limit.Stop()
	for answered := false; ; {
		select {
		case c := <-in.calls:
			switch {
			case c.kind == next && answered:
				in.freeze(c)
				return true
			case in.take(c, answered, r):
				answered = true
				r.Duration = time.Since(begun)
			}
		case <-in.exited:
			r.fail(answered, in.exitProblem(r.RequestID))
			return false
		case <-limit.C:
			r.fail(answered, timeoutProblem(r.RequestID, in.cfg.Timeout))
			return false
		}
	}
}

// take puts an answer into r and reports whether it did. A call that does not fit is refused.
func (in *instance) take(c call, answered bool, r *Result) bool {
	switch {
	case c.kind == next || c.kind == initFailure || answered:
		c.refuse(http.StatusForbidden, "InvalidStateTransition", "one answer for each event, and then the next event")
		return false
	case c.id != r.RequestID:
		c.refuse(http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return false
	case len(c.body) > maxPayload:
		c.refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		r.fail(false, problem("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)))
	default:
		c.accept()
		r.Payload, r.FunctionError = c.body, c.kind == failure
	}
	return true
}

// fail makes the problem the result, unless an answer was given before.
func (r *Result) fail(answered bool, problem []byte) {
	if !answered {
		r.Payload, r.FunctionError = problem, true
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

func timeoutProblem(requestID string, limit time.Duration) []byte {
	return problem("Sandbox.Timedout", worded(requestID, fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())))
}

func worded(requestID, what string) string { return "RequestId: " + requestID + " Error: " + what }

func eventHeader(requestID string, deadline time.Time) http.Header {
	trace := fmt.Sprintf("Root=1-%x-%s;Parent=%s;Sampled=0", deadline.Unix(), randomHex(12), randomHex(8))
	return http.Header{
		"Lambda-Runtime-Aws-Request-Id":       {requestID},
		"Lambda-Runtime-Deadline-Ms":          {strconv.FormatInt(deadline.UnixMilli(), 10)},
		"Lambda-Runtime-Invoked-Function-Arn": {functionARN},
		"Lambda-Runtime-Trace-Id":             {trace},
	}
}

// newRequestID returns a random UUID.
func newRequestID() string {
	h := randomHex(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return fmt.Sprintf("%x", b)
}
