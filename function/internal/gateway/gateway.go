// Package gateway reads the events of API Gateway and answers in their shape.
//
// It takes HTTP API payload 2.0, Function URL (the same shape without a route) and REST API 1.0, with the body plain
// or base64, and gives package hangup the sender's exact bytes. Header names are folded to lower case, since an HTTP
// API lowers them and a REST API does not; two spellings of a name stay two values.
//
// Specification: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/webhook"
)

// A Gateway is a Lambda handler for all three event shapes.
type Gateway struct {
	PublicURL string // base URL as senders see it, for the schemes that sign the URL; empty = such schemes are refused
	Handle    func(context.Context, hangup.Request) hangup.Answer
	Doctor    func(context.Context) ([]byte, error) // the JSON that answers {"vicihook":"doctor"}; nil = that is a delivery like any other
}

// Invoke implements the Lambda runtime's handler. It returns no error for a delivery: an event that does not decode
// gets the answer that a bad signature gets, since nothing of it can be verified. Handle answers its own panics; any
// other is an error that does not quote the panic, which the runtime would print whole.
func (g Gateway) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, hangup.PanicError(p)
		}
	}()
	if g.Doctor != nil && asksDoctor(payload) {
		return g.Doctor(ctx)
	}
	a := g.Handle(ctx, g.request(payload))
	return json.Marshal(response{StatusCode: a.Status, Headers: a.Header, Body: string(a.Body)})
}

// asksDoctor tells {"vicihook":"doctor"}, which only somebody who may invoke the function itself can say: API Gateway
// makes every event, and whatever a sender sends stands inside one.
func asksDoctor(payload []byte) bool {
	const longest = 64
	var direct map[string]string
	return len(payload) <= longest && json.Unmarshal(payload, &direct) == nil &&
		len(direct) == 1 && direct["vicihook"] == "doctor"
}

// response is what both payload versions take.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// event has the fields of all three shapes that a webhook needs: one decode, whichever it is.
type event struct {
	Path              string              `json:"path"`       // REST
	HTTPMethod        string              `json:"httpMethod"` // REST
	RawPath           string              `json:"rawPath"`
	RawQueryString    string              `json:"rawQueryString"`
	QueryParameters   map[string]string   `json:"queryStringParameters"` // REST: decoded and unordered
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"` // REST
	PathParameters    map[string]string   `json:"pathParameters"`
	Body              text                `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    struct {
		RequestID        string `json:"requestId"`
		TimeEpoch        int64  `json:"timeEpoch"`        // ms
		RequestTimeEpoch int64  `json:"requestTimeEpoch"` // REST, ms
		HTTP             struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct { // REST
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	} `json:"requestContext"`
}

// text is a JSON string as bytes: a string would be one more copy of a body.
type text []byte

func (t *text) UnmarshalText(decoded []byte) error {
	*t = bytes.Clone(decoded)
	return nil
}

func (g Gateway) request(payload []byte) hangup.Request {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return hangup.Request{Undecodable: true}
	}
	r := hangup.Request{
		Source:   e.source(),
		ID:       e.RequestContext.RequestID,
		Sender:   e.sender(),
		Received: e.received(),
		Webhook:  webhook.Request{Method: e.method(), URL: e.url(g.PublicURL), Header: e.header()},
	}
	if types := r.Webhook.Header["content-type"]; len(types) == 1 {
		r.ContentType = types[0]
	}
	r.Webhook.Body, r.TooLarge, r.Undecodable = e.body()
	return r
}

// isREST tells the 1.0 payload by a field that 2.0 lacks.
func (e *event) isREST() bool { return e.HTTPMethod != "" }

func (e *event) method() string {
	if e.isREST() {
		return e.HTTPMethod
	}
	return e.RequestContext.HTTP.Method
}

// sender is the address that the gateway saw. Of IPv6 it is the network of 64 bits, which one host may have all of.
func (e *event) sender() string {
	address, err := netip.ParseAddr(cmp.Or(e.RequestContext.HTTP.SourceIP, e.RequestContext.Identity.SourceIP))
	if err != nil {
		return ""
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	network, _ := address.WithZone("").Prefix(64)
	return network.String()
}

func (e *event) received() time.Time {
	ms := max(e.RequestContext.TimeEpoch, e.RequestContext.RequestTimeEpoch)
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

const route = "/webhooks/"

// source is the route's parameter; a Function URL has no route, so there it is read from the path.
func (e *event) source() string {
	if name, routed := e.PathParameters["source"]; routed {
		return name
	}
	_, name, _ := strings.Cut(e.RawPath, route)
	return name
}

// url is the request's URL as its sender sees it: the public base, then the raw path from the route on, since a
// stage or an API mapping before it may or may not show in the event. It is empty where it can't be known: without a
// public base, and for a REST event with a query, which holds it only decoded and unordered.
func (e *event) url(public string) string {
	path, query := e.RawPath, e.RawQueryString
	if e.isREST() {
		path = e.Path
	}
	_, tail, routed := strings.Cut(path, route)
	if public == "" || !routed || e.isREST() && len(e.QueryParameters) > 0 {
		return ""
	}
	url := strings.TrimSuffix(public, "/") + route + tail
	if query != "" {
		url += "?" + query
	}
	return url
}

// header folds names to lower case. The order of two spellings is fixed, so that a request has one reading.
func (e *event) header() webhook.Header {
	folded := make(webhook.Header, max(len(e.Headers), len(e.MultiValueHeaders)))
	if len(e.MultiValueHeaders) > 0 {
		for _, name := range slices.Sorted(maps.Keys(e.MultiValueHeaders)) {
			lower := strings.ToLower(name)
			folded[lower] = append(folded[lower], e.MultiValueHeaders[name]...)
		}
		return folded
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		lower := strings.ToLower(name)
		folded[lower] = append(folded[lower], e.Headers[name])
	}
	return folded
}

// body decodes strictly: a flag that does not hold means that the bytes can't be known.
func (e *event) body() (body []byte, tooLarge, undecodable bool) {
	if !e.IsBase64Encoded {
		if len(e.Body) > hangup.MaxBody {
			return nil, true, false
		}
		return e.Body, false, false
	}
	if len(e.Body) > base64.StdEncoding.EncodedLen(hangup.MaxBody) {
		return nil, true, false
	}
	body, err := base64.StdEncoding.Strict().AppendDecode(nil, e.Body)
	return body, len(body) > hangup.MaxBody, err != nil
}
