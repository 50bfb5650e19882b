package apigw

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"vicihook/function/event"
)

// A Response is the response to the sender.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Answer converts the function's answer to the response to the sender.
// As on AWS, format 2.0 takes JSON without a statusCode for a 200 with that JSON as its body.
// The error is [ErrFunction]: not JSON, no statusCode for a REST API, a status that HTTP does not have, or broken base64.
func Answer(front event.Front, payload []byte) (Response, error) {
	if !json.Valid(payload) {
		return Response{}, ErrFunction
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(payload, &members) // anything but an object has no members
	if members["statusCode"] == nil && front != event.REST {
		return Response{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, payload}, nil
	}
	var a events.APIGatewayV2HTTPResponse // has the members of all three fronts
	if json.Unmarshal(payload, &a) != nil || a.StatusCode < 200 || a.StatusCode > 599 {
		return Response{}, ErrFunction
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return Response{}, ErrFunction
		}
	}
	return Response{a.StatusCode, header(front, a), body}, nil
}

func header(front event.Front, a events.APIGatewayV2HTTPResponse) http.Header {
	h := http.Header{}
	if front == event.REST {
		h.Set("Content-Type", "application/json")
		for name, values := range a.MultiValueHeaders {
			h[http.CanonicalHeaderKey(name)] = values
		}
	} else {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		if len(a.Cookies) > 0 {
			h["Set-Cookie"] = a.Cookies
		}
	}
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	return h
}

// failures are the statuses of each front's own answers: HTTP API, REST API, Function URL.
var failures = []struct {
	err    error
	status map[event.Front]int
}{
	{event.ErrNoRoute, map[event.Front]int{event.HTTPAPI: 404, event.REST: 403}},
	{ErrTooLarge, map[event.Front]int{event.HTTPAPI: 413, event.REST: 413, event.FunctionURL: 413}},
	{ErrThrottled, map[event.Front]int{event.HTTPAPI: 503, event.REST: 500, event.FunctionURL: 429}},
	{ErrTimedOut, map[event.Front]int{event.HTTPAPI: 503, event.REST: 504, event.FunctionURL: 502}},
}

// Failure returns the front's own response to an error of this package or package event; any other error is the
// function's failure.
func Failure(front event.Front, err error) Response {
	status := http.StatusBadGateway
	if front == event.HTTPAPI {
		status = http.StatusInternalServerError
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			status = f.status[front]
		}
	}
	body := fmt.Appendf(nil, `{"message":%q}`, http.StatusText(status))
	return Response{status, http.Header{"Content-Type": {"application/json"}}, body}
}
