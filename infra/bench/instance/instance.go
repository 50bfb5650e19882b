// Package instance is one execution environment of a function, driven by hand, for measuring and for tests of what
// happens between two steps of Lambda's.
//
// It starts the executable "bootstrap" and plays its Runtime API one step at a time, without a front, freezes or
// limits:
//
//	in, err := instance.Start(folder, env)
//	asked, err := in.Asked(ctx)   // GET  …/invocation/next has come
//	given := in.Give(event)       //      and is answered with the event
//	answer, err := in.Answer(ctx) // POST …/invocation/{id}/response has come
//
// Package runtimeapi runs functions as Lambda does; this one only shows when each step happens and what it costs.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// ErrExited means that the process ended by itself.
var ErrExited = errors.New("instance: the bootstrap exited")

// ErrFailed means that the function reported an error in place of an answer.
var ErrFailed = errors.New("instance: the function failed")

// largestAnswer is what Lambda takes, in bytes.
const largestAnswer = 6 << 20

// timeLimit of one invocation, as the function is told.
const timeLimit = 10 * time.Second

// An Instance is one running bootstrap.
type Instance struct {
	Started time.Time // just before the process was

	cmd     *exec.Cmd
	server  *http.Server
	asked   chan time.Time
	events  chan []byte
	answers chan Answer
	exited  chan struct{}
}

// An Answer is what the function made of one event.
type Answer struct {
	Body []byte
	At   time.Time // when it had arrived
	err  error
}

// Start starts the bootstrap in folder with the variables that Lambda sets and with env, which wins.
func Start(folder string, env map[string]string) (*Instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	in := &Instance{
		cmd:     exec.Command(filepath.Join(folder, "bootstrap")),
		asked:   make(chan time.Time, 1),
		events:  make(chan []byte, 1),
		answers: make(chan Answer, 1),
		exited:  make(chan struct{}),
	}
	in.server = &http.Server{Handler: in.api()}
	go in.server.Serve(listener)
	in.cmd.Dir, in.cmd.Env = folder, environment(listener.Addr().String(), env)
	in.cmd.Stderr = os.Stderr
	in.Started = time.Now()
	if err := in.cmd.Start(); err != nil {
		in.server.Close()
		return nil, fmt.Errorf("instance: %w", err)
	}
	go func() {
		_ = in.cmd.Wait() // how it ended makes no difference
		close(in.exited)
	}()
	return in, nil
}

func environment(api string, more map[string]string) []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_REGION=us-east-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_LOG_LEVEL=INFO", "TZ=:UTC",
	}
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return append(env, "AWS_LAMBDA_RUNTIME_API="+api)
}

func (in *Instance) api() http.Handler {
	const base = "/2018-06-01/runtime/invocation/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"next", in.next)
	mux.HandleFunc("POST "+base+"{id}/response", func(w http.ResponseWriter, r *http.Request) { in.take(w, r, nil) })
	mux.HandleFunc("POST "+base+"{id}/error", func(w http.ResponseWriter, r *http.Request) { in.take(w, r, ErrFailed) })
	return mux
}

func (in *Instance) next(w http.ResponseWriter, r *http.Request) {
	in.asked <- time.Now()
	select {
	case event := <-in.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(timeLimit).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:vicihook")
		_, _ = w.Write(event) // a process that is gone shows in the next step
	case <-r.Context().Done():
	}
}

func (in *Instance) take(w http.ResponseWriter, r *http.Request, failed error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestAnswer))
	if err == nil {
		err = failed
	}
	w.WriteHeader(http.StatusAccepted)
	in.answers <- Answer{Body: body, At: time.Now(), err: err}
}

// Asked waits until the process asks for an event and tells when it did.
func (in *Instance) Asked(ctx context.Context) (time.Time, error) { return await(ctx, in, in.asked) }

// Give hands an event to the process, which has asked for it, and tells when it began to.
func (in *Instance) Give(event []byte) time.Time {
	now := time.Now()
	in.events <- event
	return now
}

// Answer waits for the answer to the event that was given. The error is that of ctx, [ErrExited] or [ErrFailed].
func (in *Instance) Answer(ctx context.Context) (Answer, error) {
	a, err := await(ctx, in, in.answers)
	if err == nil && a.err != nil {
		err = fmt.Errorf("%w: %s", a.err, a.Body)
	}
	return a, err
}

// Invoke is all three steps. It tells the time from giving the event to having the answer.
func (in *Instance) Invoke(ctx context.Context, event []byte) (Answer, time.Duration, error) {
	if _, err := in.Asked(ctx); err != nil {
		return Answer{}, 0, err
	}
	given := in.Give(event)
	a, err := in.Answer(ctx)
	return a, a.At.Sub(given), err
}

// Stop kills the process and waits until it is gone.
func (in *Instance) Stop() {
	_ = in.cmd.Process.Kill() // it may be gone
	<-in.exited
	in.server.Close()
}

func await[T any](ctx context.Context, in *Instance, steps <-chan T) (step T, err error) {
	select {
	case step = <-steps:
		return step, nil
	case <-in.exited:
		return step, ErrExited
	case <-ctx.Done():
		return step, ctx.Err()
	}
}
