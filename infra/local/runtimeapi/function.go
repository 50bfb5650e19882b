//go:build unix

// Package runtimeapi runs a function's bootstrap as AWS Lambda does: the binary that is shipped, unchanged.
//
//	f, err := runtimeapi.New(runtimeapi.Config{TaskRoot: ".build"})
//	defer f.Stop()
//	result, err := f.Invoke(ctx, event)
//
// Each instance is one process with a Runtime API of its own:
//
//	GET  /2018-06-01/runtime/invocation/next            waits for the next event
//	POST /2018-06-01/runtime/invocation/{id}/response   the answer
//	POST /2018-06-01/runtime/invocation/{id}/error      the function failed on this event
//
// An instance starts when an event finds none idle, takes one event at a time, and is frozen (SIGSTOP to its process
// group) from the moment it asks for the next event until there is one. One that exits or exceeds the function's timeout
// is killed and replaced by the next event. It needs a Unix system.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
package runtimeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Why an event was not run.
var (
	ErrThrottled = errors.New("runtimeapi: throttled: every instance is busy and the concurrency limit is reached")
	ErrStopped   = errors.New("runtimeapi: the function was stopped")
)

// Config configures a function.
type Config struct {
	TaskRoot     string            // directory with the executable "bootstrap"; the working directory of every instance
	Env          map[string]string // the function's variables; they win over those that Lambda sets, the Runtime API's address excepted
	Timeout      time.Duration     // limit of one invocation; default 10 s
	InitTimeout  time.Duration     // limit from the start of an instance to its first request for an event; default 10 s
	MaxInstances int               // concurrency limit; default 10
	Log          func(line string) // gets each line that an instance prints, at most 256 KiB, and several at a time; nil drops them
	OnStep       func(Step)        // is called in the course of an invocation, which waits for it to return; nil does nothing
}

// A Step is a moment in an invocation, for tests and benchmarks.
type Step int

// The steps, for every event.
const (
	Asked Step = iota // the instance has asked for an event, and has not got it yet
	Given             // the event was handed over
)

// A Result is the answer to one event.
type Result struct {
	RequestID     string
	Payload       []byte
	FunctionError bool          // Payload is {"errorType":…,"errorMessage":…}
	Init          time.Duration // how long a new instance took until it asked for its first event; 0 on a warm one
	Duration      time.Duration // from handing over the event to the answer
}

// A Function is a bootstrap and its instances.
type Function struct {
	cfg  Config
	work sync.WaitGroup // invocations under way

	mu        sync.Mutex
	stopped   bool
	instances map[*instance]bool
	idle      []*instance
}

// New checks that there is a bootstrap to run. It starts nothing.
func New(c Config) (*Function, error) {
	bootstrap := filepath.Join(c.TaskRoot, "bootstrap")
	info, err := os.Stat(bootstrap)
	if err != nil {
		return nil, fmt.Errorf("runtimeapi: no bootstrap: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("runtimeapi: %s is not an executable file", bootstrap)
	}
	if c.TaskRoot, err = filepath.Abs(c.TaskRoot); err != nil {
		return nil, fmt.Errorf("runtimeapi: task root: %w", err)
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.InitTimeout = cmp.Or(c.InitTimeout, 10*time.Second)
	c.MaxInstances = cmp.Or(c.MaxInstances, 10)
	if c.OnStep == nil {
		c.OnStep = func(Step) {}
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	return &Function{cfg: c, instances: map[*instance]bool{}}, nil
}

// Invoke runs one event on an idle instance, or on a new one. It returns once the instance is ready for the next event or
// gone, and its output has been logged. A function that fails is a Result with FunctionError set; errors are
// [ErrThrottled], [ErrStopped] and that of ctx. When ctx ends the invocation goes on without its caller.
func (f *Function) Invoke(ctx context.Context, event []byte) (Result, error) {
	in, err := f.acquire()
	if err != nil {
		return Result{}, err
	}
	done := make(chan Result, 1)
	go func() {
		defer f.work.Done()
		result, alive := in.invoke(event)
		f.release(in, alive)
		done <- result
	}()
	select {
	case result := <-done:
		return result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// Stop kills every instance, busy ones included, and waits until they are gone.
func (f *Function) Stop() {
	f.mu.Lock()
	f.stopped = true
	for in := range f.instances {
		in.kill()
	}
	idle := f.idle
	f.idle = nil
	f.mu.Unlock()
	for _, in := range idle {
		in.end()
	}
	f.work.Wait()
}

func (f *Function) acquire() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, ErrStopped
	}
	in := f.takeIdle()
	if in == nil {
		if len(f.instances) >= f.cfg.MaxInstances {
			return nil, ErrThrottled
		}
		in = startInstance(f.cfg)
		f.instances[in] = true
	}
	f.work.Add(1)
	return in, nil
}

// Processes returns the ids of the instances' processes.
func (f *Function) Processes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []int
	for in := range f.instances {
		if in.failed == nil {
			ids = append(ids, in.cmd.Process.Pid)
		}
	}
	return ids
}

// takeIdle returns the instance that was used last, or nil. Those that have ended are dropped.
func (f *Function) takeIdle() *instance {
	for len(f.idle) > 0 {
		in := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if !in.gone() {
			return in
		}
		in.end()
		delete(f.instances, in)
	}
	return nil
}

func (f *Function) release(in *instance, alive bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if alive && !f.stopped {
		f.idle = append(f.idle, in)
		return
	}
	in.end()
	delete(f.instances, in)
}
