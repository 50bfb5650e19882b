// Package apigw turns an HTTP request into the event that AWS hands to a function, and the function's answer into an HTTP response.
//
// AWS has three doors for a function, each with its own event:
//
//	HTTP API       payload format 2.0: names lower-cased, duplicates comma-joined, the query raw and decoded
//	REST API       proxy event 1.0: names in the case they were sent in, every value kept, the query decoded only
//	Function URL   payload format 2.0 without a route
//
// In format 2.0 a body is plain text only when its content type is text/*, application/json, application/xml or
// application/javascript; every other one, a form and a missing content type included, is base64.
// A REST API encodes only the media types that it was told of.
//
// [Gateway] puts the routes, limits and failures of AWS around that, and [Start] serves it.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
package apigw

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Shape is one of the doors that AWS has for a function.
type Shape string

// The doors.
const (
	HTTPAPI     Shape = "http"
	REST        Shape = "rest"
	FunctionURL Shape = "url"
)

// RESTStage is the stage of the REST API: the first part of its URLs.
const RESTStage = "Prod"

// Why a gateway answers by itself.
var (
	ErrNoRoute      = errors.New("apigw: no such route: only POST /webhooks/{source}")
	ErrTooLarge     = errors.New("apigw: the request is too large")
	ErrHeadTooLarge = errors.New("apigw: request line and headers are too large")
	ErrThrottled    = errors.New("apigw: the function is at its concurrency limit")
	ErrTimedOut     = errors.New("apigw: the function did not answer in time")
	ErrFunction     = errors.New("apigw: the function failed or gave no usable answer")
)

const (
	accountID  = "123456789012"
	apiID      = "vicihook01"
	resource   = "/webhooks/{source}"
	timeLayout = "02/Jan/2006:15:04:05 +0000"
)

// Options are what the gateway itself knows of a request. The zero value is useful.
type Options struct {
	RequestID        string    // default: random
	Time             time.Time // when the gateway got the request; default: now
	SourceIP         string    // default: the request's RemoteAddr, else 127.0.0.1
	BinaryMediaTypes []string  // REST API only: media types to encode in base64, for example "*/*"; default: none
}

// Event gives the JSON event for r, whose body is given apart. Its header may hold names in any case.
// The error is [ErrNoRoute], except for a Function URL, which has no routes.
func (s Shape) Event(r *http.Request, body []byte, o Options) ([]byte, error) {
	switch s {
	case HTTPAPI:
		return HTTPAPIEvent(r, body, o)
	case REST:
		return RESTEvent(r, body, o)
	case FunctionURL:
		return FunctionURLEvent(r, body, o)
	}
	return nil, fmt.Errorf("apigw: no such shape: %q", string(s))
}

func (o Options) withDefaults(r *http.Request) Options {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	o.SourceIP = cmp.Or(o.SourceIP, remote, "127.0.0.1")
	o.RequestID = cmp.Or(o.RequestID, rand.Text()[:15]+"=")
	return o
}

// routed gives the source that a path names, or ErrNoRoute.
func routed(method, path string) (string, error) {
	source, ok := strings.CutPrefix(path, "/webhooks/")
	if !ok || method != http.MethodPost || source == "" || strings.Contains(source, "/") {
		return "", ErrNoRoute
	}
	return source, nil
}

// domain gives the host name that the sender used, and its first label.
func domain(r *http.Request) (name, prefix string) {
	host := cmp.Or(r.Host, r.URL.Host)
	name = host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	prefix, _, _ = strings.Cut(name, ".")
	return name, prefix
}
