package apigw

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"
)

// The limits of AWS, in bytes.
const (
	MaxHead    = 10_240    // request line and headers
	MaxPayload = 10 << 20  // body
	MaxEvent   = 6_291_556 // event of a synchronous invocation
)

// timeouts is how long each door waits for the function. A Function URL waits as long as Lambda itself.
var timeouts = map[Shape]time.Duration{
	HTTPAPI:     30 * time.Second,
	REST:        29 * time.Second,
	FunctionURL: 15 * time.Minute,
}

// Config says what stands behind a [Gateway].
type Config struct {
	Shape Shape // default HTTPAPI
	// Invoke runs the function on one event and gives its answer. It returns ErrThrottled when no instance is free;
	// every other error counts as the function's failure. It must return when ctx is done.
	Invoke  func(ctx context.Context, event []byte) ([]byte, error)
	Timeout time.Duration    // how long to wait for the function; default: as AWS
	Now     func() time.Time // default time.Now
}

// A Gateway is an http.Handler that stands for one of the doors, with the routes and limits of AWS.
type Gateway struct {
	Config
}

// New gives a gateway. It does no I/O.
func New(c Config) *Gateway {
	c.Shape = cmp.Or(c.Shape, HTTPAPI)
	c.Timeout = cmp.Or(c.Timeout, timeouts[c.Shape])
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Gateway{c}
}

// ServeHTTP turns the request into an event, has the function run on it, and answers as AWS would.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := g.Now()
	response, err := g.respond(w, r, received)
	if err != nil {
		response = g.Shape.Failure(err)
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body) // a sender that is gone gets nothing
}

func (g *Gateway) respond(w http.ResponseWriter, r *http.Request, received time.Time) (Response, error) {
	body, err := readBody(w, r)
	if err != nil {
		return Response{}, err
	}
	if err := restoreHead(r); err != nil {
		return Response{}, err
	}
	event, err := g.Shape.Event(r, body, Options{Time: received})
	if err != nil {
		return Response{}, err
	}
	if len(event) > MaxEvent {
		return Response{}, ErrTooLarge
	}
	payload, err := g.invoke(r.Context(), event)
	if err != nil {
		return Response{}, err
	}
	return g.Shape.Answer(payload)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, ErrTooLarge
	}
	return body, err
}

// invoke waits for the function. A sender that hangs up does not stop an invocation: AWS can't take one back either.
func (g *Gateway) invoke(ctx context.Context, event []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.Timeout)
	defer cancel()
	payload, err := g.Config.Invoke(ctx, event)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, ErrTimedOut
	}
	return payload, err
}
