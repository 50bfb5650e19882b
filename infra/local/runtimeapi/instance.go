//go:build unix

package runtimeapi

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// An instance is one execution environment: not started, busy with one event, or frozen.
type instance struct {
	cfg   Config
	emit  func(string)
	calls chan call

	waiting *call // the request for an event that a frozen process is held in; nil before the first

	mu      sync.Mutex
	process *process // nil before the first event
	killed  bool
}

func newInstance(c Config, emit func(string)) *instance {
	return &instance{cfg: c, emit: emit, calls: make(chan call)}
}

// invoke runs one event. An instance that is not alive afterwards takes no other.
func (in *instance) invoke(event []byte) (r Result, alive bool) {
	r.RequestID = newRequestID()
	begun := time.Now()
	if in.waiting == nil {
		if fault := in.init(r.RequestID); fault != nil {
			in.end()
			r.Payload, r.FunctionError = fault, true
			return r, false
		}
		r.Init = time.Since(begun)
	}
	return r, in.run(event, &r)
}

// init starts the process and waits for its first request for an event. It gives the problem, if any, as Lambda words it.
func (in *instance) init(requestID string) []byte {
	if err := in.start(); err != nil {
		return problem("Runtime.InvalidEntrypoint", worded(requestID, err.Error()))
	}
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
		case <-in.process.exited:
			return in.exitProblem(requestID)
		case <-limit.C:
			return timeoutProblem(requestID, in.cfg.InitTimeout)
		}
	}
}

func (in *instance) start() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.killed {
		return ErrStopped
	}
	p, err := start(in.cfg, in.calls, in.emit)
	in.process = p
	return err
}

// run hands the event to the waiting process and serves it until it asks for the next one.
func (in *instance) run(event []byte, r *Result) (alive bool) {
	begun := time.Now()
	in.process.signal(syscall.SIGCONT)
	in.waiting.answer(reply{http.StatusOK, eventHeader(r.RequestID, begun.Add(in.cfg.Timeout)), event})
	in.waiting = nil
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
		case <-in.process.exited:
			in.fail(r, answered, in.exitProblem(r.RequestID))
			return false
		case <-limit.C:
			in.fail(r, answered, timeoutProblem(r.RequestID, in.cfg.Timeout))
			return false
		}
	}
}

// take puts an answer into r and says whether it did. A call that does not fit is refused.
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
		r.FunctionError = true
		r.Payload = problem("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload))
	default:
		c.accept()
		r.Payload, r.FunctionError = c.body, c.kind == failure
	}
	return true
}

// freeze stops the process inside its request for the next event. What it printed before is logged then.
func (in *instance) freeze(c call) {
	in.waiting = &c
	in.process.signal(syscall.SIGSTOP)
	in.process.lines.drain()
}

// fail ends the process. An answer that was given before stands.
func (in *instance) fail(r *Result, answered bool, fault []byte) {
	in.end()
	if !answered {
		r.Payload, r.FunctionError = fault, true
	}
}

// kill ends the process without waiting, and prevents a start.
func (in *instance) kill() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.killed = true
	if in.process != nil && !in.process.gone() {
		in.process.signal(syscall.SIGKILL)
	}
}

// end kills the process and waits until it is gone.
func (in *instance) end() {
	if in.process != nil {
		in.process.close()
	}
}

func (in *instance) gone() bool { return in.process.gone() }

func (in *instance) exitProblem(requestID string) []byte {
	how := "Runtime exited without providing a reason"
	if state := in.process.cmd.ProcessState; !state.Success() {
		how = "Runtime exited with error: " + state.String()
	}
	return problem("Runtime.ExitError", worded(requestID, how))
}

func timeoutProblem(requestID string, limit time.Duration) []byte {
	return problem("Sandbox.Timedout", worded(requestID, fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())))
}

func worded(requestID, what string) string { return "RequestId: " + requestID + " Error: " + what }

func eventHeader(requestID string, deadline time.Time) http.Header {
	return http.Header{
		"Lambda-Runtime-Aws-Request-Id":       {requestID},
		"Lambda-Runtime-Deadline-Ms":          {strconv.FormatInt(deadline.UnixMilli(), 10)},
		"Lambda-Runtime-Invoked-Function-Arn": {functionARN},
		"Lambda-Runtime-Trace-Id":             {"Root=1-" + strconv.FormatInt(deadline.Unix(), 16) + "-" + hexText(12) + ";Parent=" + hexText(8) + ";Sampled=0"},
	}
}

// newRequestID gives a random UUID.
func newRequestID() string {
	h := hexText(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func hexText(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return fmt.Sprintf("%x", b)
}
