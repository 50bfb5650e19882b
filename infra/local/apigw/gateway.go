// Package apigw serves a function over HTTP as API Gateway and Function URLs do: their events, their routes, limits and
// time limits, and their answers when the function fails.
//
//	server := apigw.NewServer(apigw.New(apigw.Config{Front: event.HTTPAPI, Invoke: invoke}))
//
// Header names arrive in canonical case, where a REST API keeps the sender's. Package event encodes both.
package apigw

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"

	"vicihook/function/event"
)

// The limits of AWS, in bytes.
const (
	MaxHead    = 10_240    // request line and headers
	MaxPayload = 10 << 20  // body
	MaxEvent   = 6_291_556 // event of a synchronous invocation
)

// Reasons for a gateway's own answer, beside [event.ErrNoRoute].
var (
	ErrTooLarge  = errors.New("apigw: the request is too large")
	ErrThrottled = errors.New("apigw: the function is at its concurrency limit")
	ErrTimedOut  = errors.New("apigw: the function did not answer in time")
	ErrFunction  = errors.New("apigw: the function failed or gave no usable answer")
)

// timeouts is how long each front waits for the function. A Function URL waits as long as Lambda itself.
var timeouts = map[event.Front]time.Duration{
	event.HTTPAPI:     30 * time.Second,
	event.REST:        29 * time.Second,
	event.FunctionURL: 15 * time.Minute,
}

// Config configures a [Gateway].
type Config struct {
	Front event.Front // default event.HTTPAPI
	// Invoke runs the function on one event and returns its answer. It returns ErrThrottled when no instance is free;
	// every other error counts as the function's failure. It must return when ctx is done.
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
}

// A Gateway is an http.Handler that behaves as one of the fronts.
type Gateway struct{ cfg Config }

// New returns a gateway. It does no I/O.
func New(c Config) *Gateway {
	c.Front = cmp.Or(c.Front, event.HTTPAPI)
	return &Gateway{c}
}

// NewServer returns a server with AWS's limit on the head of a request.
func NewServer(h http.Handler) *http.Server {
	const added = 4096 // by net/http, to any limit
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: MaxHead - added}
}

// ServeHTTP encodes the request as an event, runs the function on it, and answers as AWS does.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := g.respond(w, r)
	if err != nil {
		response = Failure(g.cfg.Front, err)
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body) // the sender may be gone
}

func (g *Gateway) respond(w http.ResponseWriter, r *http.Request) (Response, error) {
	received := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return Response{}, ErrTooLarge
	} else if err != nil {
		return Response{}, err
	}
	payload, err := g.cfg.Front.Encode(r, body, event.Options{Time: received})
	if err != nil {
		return Response{}, err
	}
	if len(payload) > MaxEvent {
		return Response{}, ErrTooLarge
	}
	answer, err := g.invoke(r.Context(), payload)
	if err != nil {
		return Response{}, err
	}
	return Answer(g.cfg.Front, answer)
}

// invoke waits for the function. A sender that hangs up does not stop an invocation: AWS can't take one back either.
func (g *Gateway) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeouts[g.cfg.Front])
	defer cancel()
	answer, err := g.cfg.Invoke(ctx, payload)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, ErrTimedOut
	}
	return answer, err
}
