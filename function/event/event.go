// Package event encodes an HTTP request as the event that AWS hands to a function. It is the one encoder of such events:
// the command signs samples with it, infra/local serves with it, and the tests decode what it made.
//
//	payload, err := event.HTTPAPI.Encode(r, body, event.Options{})
//
// AWS has three fronts for a function, each with its own event:
//
//	HTTP API       payload format 2.0: header names in lower case, duplicates joined by comma, the query raw and decoded
//	REST API       payload format 1.0: header names as sent, every value kept, the query decoded only
//	Function URL   payload format 2.0 without a route
//
// In format 2.0 a body is plain text only when its content type is text/*, application/json, application/xml or
// application/javascript; any other body, a form or one without a content type included, is base64.
// A REST API encodes only the media types that it was told of.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
package event

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Front is what AWS puts before a function.
type Front string

// The fronts.
const (
	HTTPAPI     Front = "http"
	REST        Front = "rest"
	FunctionURL Front = "url"
)

// Fronts returns all of them.
func Fronts() []Front { return []Front{HTTPAPI, REST, FunctionURL} }

// RESTStage is the stage of the REST API: the first part of its URLs.
const RESTStage = "Prod"

// ErrNoRoute is returned for a request that an HTTP or REST API does not pass on.
var ErrNoRoute = errors.New("event: no such route: only POST /webhooks/{source}")

// What AWS assigns to an API. The values are made up; a function that depends on them is wrong.
const (
	accountID  = "123456789012"
	apiID      = "vicihook01"
	resource   = "/webhooks/{source}"
	timeLayout = "02/Jan/2006:15:04:05 +0000"
)

// Options are what the front itself knows of a request. The zero value is useful.
type Options struct {
	RequestID        string    // default: random
	Time             time.Time // when the front received the request; default: now
	SourceIP         string    // default: the request's RemoteAddr, else 127.0.0.1
	BinaryMediaTypes []string  // REST API only: media types to encode in base64, for example "*/*"; default: none
}

// Encode returns the JSON event for r and its body. Names in r.Header may have any case; r.Body is not read.
// The error is [ErrNoRoute]. A Function URL has no routes and passes everything on.
func (f Front) Encode(r *http.Request, body []byte, o Options) ([]byte, error) {
	o = o.withDefaults(r)
	switch f {
	case HTTPAPI, FunctionURL:
		return encodeFormat2(f, r, body, o)
	case REST:
		return encodeFormat1(r, body, o)
	}
	return nil, fmt.Errorf("event: no such front: %q", string(f))
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

// sourceIn returns the source that the route's path names, or ErrNoRoute.
func sourceIn(method, path string) (string, error) {
	source, ok := strings.CutPrefix(path, "/webhooks/")
	if !ok || method != http.MethodPost || source == "" || strings.Contains(source, "/") {
		return "", ErrNoRoute
	}
	return source, nil
}

// domain returns the host name that the sender used, and its first label.
func domain(r *http.Request) (name, prefix string) {
	name = (&url.URL{Host: cmp.Or(r.Host, r.URL.Host)}).Hostname()
	prefix, _, _ = strings.Cut(name, ".")
	return name, prefix
}
