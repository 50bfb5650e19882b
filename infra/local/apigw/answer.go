package apigw

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
)

// A Response is what the sender gets.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// answer is what a function returns, in either format.
type answer struct {
	StatusCode        *int                `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"` // REST API only
	Cookies           []string            `json:"cookies"`           // format 2.0 only
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// Answer turns what the function returned into the response to the sender.
// As on AWS, format 2.0 takes JSON without a statusCode for a 200 with that JSON as its body.
// The error is [ErrFunction]: not JSON, no statusCode for a REST API, a status that HTTP does not have, or broken base64.
func (s Shape) Answer(payload []byte) (Response, error) {
	if !json.Valid(payload) {
		return Response{}, ErrFunction
	}
	var a answer
	err := json.Unmarshal(payload, &a)
	if s != REST && !hasStatus(payload) {
		return Response{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, payload}, nil
	}
	if err != nil || a.StatusCode == nil || *a.StatusCode < 200 || *a.StatusCode > 599 {
		return Response{}, ErrFunction
	}
	return s.response(a)
}

func hasStatus(payload []byte) bool {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields) // anything but an object has no fields
	_, ok := fields["statusCode"]
	return ok
}

func (s Shape) response(a answer) (Response, error) {
	header := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	if s == REST {
		header.Set("Content-Type", "application/json")
		for name, values := range a.MultiValueHeaders {
			header[http.CanonicalHeaderKey(name)] = values
		}
	} else if len(a.Cookies) > 0 {
		header["Set-Cookie"] = a.Cookies
	}
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return Response{}, ErrFunction
		}
	}
	return Response{*a.StatusCode, header, body}, nil
}

// A failure is one answer that a gateway gives by itself.
type failure struct {
	err    error
	status int
	body   string
}

// failures gives them for one door; the last one stands for everything else.
func (s Shape) failures() []failure {
	switch s {
	case REST:
		return []failure{
			{ErrNoRoute, http.StatusForbidden, `{"message":"Missing Authentication Token"}`},
			{ErrHeadTooLarge, http.StatusRequestHeaderFieldsTooLarge, `{"message":"Request Header Fields Too Large"}`},
			{ErrTooLarge, http.StatusRequestEntityTooLarge, `{"message":"Request Too Long"}`},
			{ErrThrottled, http.StatusInternalServerError, `{"message":"Internal server error"}`},
			{ErrTimedOut, http.StatusGatewayTimeout, `{"message":"Endpoint request timed out"}`},
			{nil, http.StatusBadGateway, `{"message":"Internal server error"}`},
		}
	case FunctionURL:
		return []failure{
			{ErrHeadTooLarge, http.StatusRequestHeaderFieldsTooLarge, `{"Message":null}`},
			{ErrTooLarge, http.StatusRequestEntityTooLarge, `{"Message":"Request Too Long"}`},
			{ErrThrottled, http.StatusTooManyRequests, `{"Message":"Rate Exceeded."}`},
			{nil, http.StatusBadGateway, `{"Message":"Internal Server Error"}`},
		}
	default:
		return []failure{
			{ErrNoRoute, http.StatusNotFound, `{"message":"Not Found"}`},
			{ErrHeadTooLarge, http.StatusRequestHeaderFieldsTooLarge, `{"message":"Request Header Fields Too Large"}`},
			{ErrTooLarge, http.StatusRequestEntityTooLarge, `{"message":"Request Too Long"}`},
			{ErrThrottled, http.StatusServiceUnavailable, `{"message":"Service Unavailable"}`},
			{ErrTimedOut, http.StatusServiceUnavailable, `{"message":"Service Unavailable"}`},
			{nil, http.StatusInternalServerError, `{"message":"Internal Server Error"}`},
		}
	}
}

// Failure gives the response of the gateway itself for an error of this package; any other one is the function's fault.
func (s Shape) Failure(err error) Response {
	all := s.failures()
	found := all[len(all)-1]
	for _, f := range all[:len(all)-1] {
		if errors.Is(err, f.err) {
			found = f
			break
		}
	}
	return Response{found.status, http.Header{"Content-Type": {"application/json"}}, []byte(found.body)}
}
