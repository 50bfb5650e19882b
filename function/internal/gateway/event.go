package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/webhook"
)

// event has the fields of both payload formats that a webhook needs, and some that only other events have.
type event struct {
	Path              string              `json:"path"`       // format 1.0
	HTTPMethod        string              `json:"httpMethod"` // format 1.0
	RawPath           string              `json:"rawPath"`
	RawQueryString    string              `json:"rawQueryString"`
	QueryParameters   map[string]string   `json:"queryStringParameters"` // format 1.0: decoded and unordered
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"` // format 1.0
	PathParameters    map[string]string   `json:"pathParameters"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    struct {
		RequestID        string `json:"requestId"`
		TimeEpoch        int64  `json:"timeEpoch"`        // ms
		RequestTimeEpoch int64  `json:"requestTimeEpoch"` // format 1.0, ms
		HTTP             struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct { // format 1.0
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		ELB any `json:"elb"` // a load balancer
	} `json:"requestContext"`
	DetailType string   `json:"detail-type"` // EventBridge
	Key1       any      `json:"key1"`        // the test event that Lambda's console offers
	Records    []record `json:"Records"`     // SQS, SNS, S3 and others

	fault string // why this is no delivery
}

// Decode returns the request in an event. If it is no delivery, or its body can't be known, Undecodable says why.
// publicURL is as in [Gateway].
func Decode(payload []byte, publicURL string) hangup.Request {
	return parse(payload).request(publicURL)
}

// parse drops the text of a JSON error, which may quote the event.
func parse(payload []byte) *event {
	var e event
	err := json.Unmarshal(payload, &e)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &event{fault: cmp.Or(wrong.Field, "the whole") + " of the event is not of the type that API Gateway sends"}
	}
	if err != nil {
		return &event{fault: "the event is not JSON"}
	}
	if other := e.otherEvent(); other != "" {
		e.fault = other + "; want one of API Gateway or a Function URL"
	}
	return &e
}

func (e *event) request(publicURL string) hangup.Request {
	if e.fault != "" {
		return hangup.Request{Undecodable: errors.New("no delivery: " + e.fault)}
	}
	r := hangup.Request{
		Source:   e.source(),
		ID:       e.RequestContext.RequestID,
		Sender:   e.sender(),
		Received: e.received(),
		Webhook:  webhook.Request{Method: e.method(), URL: e.url(publicURL), Header: e.header()},
	}
	if types := r.Webhook.Header["content-type"]; len(types) == 1 {
		r.ContentType = types[0]
	}
	r.Webhook.Body, r.TooLarge, r.Undecodable = e.body()
	return r
}

var serviceName = regexp.MustCompile(`^aws:[a-z0-9-]+$`)

// otherEvent describes an event of another service; it returns "" for one of API Gateway.
func (e *event) otherEvent() string {
	switch {
	case e.RequestContext.ELB != nil:
		return "it looks like an event of an Application Load Balancer"
	case len(e.Records) > 0 && len(e.Records[0].EventSource) < 50 && serviceName.MatchString(e.Records[0].EventSource):
		return "it looks like an event of " + e.Records[0].EventSource
	case len(e.Records) > 0:
		return "it looks like records of another service"
	case e.DetailType != "":
		return "it looks like an event of EventBridge"
	case e.method()+e.RawPath == "" && e.Key1 != nil:
		return "it looks like the test event of Lambda's console"
	case e.method()+e.RawPath == "":
		return "it has no HTTP method and no path, and looks like a payload without an event around it"
	}
	return ""
}

func (e *event) method() string { return cmp.Or(e.HTTPMethod, e.RequestContext.HTTP.Method) }

// sender returns the address that the gateway saw. For IPv6 it is the /64 network, since one host may have all of it.
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
	if ms := max(e.RequestContext.TimeEpoch, e.RequestContext.RequestTimeEpoch); ms > 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// source returns the route's parameter. A route such as {proxy+}, $default or a fixed path has none, and a Function URL has
// no route: there it is read from the path.
func (e *event) source() string {
	if name, routed := e.PathParameters["source"]; routed {
		return name
	}
	name, _ := e.afterRoute()
	return name
}

// afterRoute returns the path after /webhooks/. A stage or an API mapping may come before that.
func (e *event) afterRoute() (tail string, ok bool) {
	const route = "/webhooks/"
	path := cmp.Or(e.RawPath, e.Path)
	i := strings.LastIndex(path, route)
	if i < 0 {
		return "", false
	}
	return path[i+len(route):], true
}

// url returns the request's URL as its sender sees it. It is empty where it can't be known: without a public base, and in
// format 1.0 with a query, which it has only decoded and unordered.
func (e *event) url(public string) string {
	tail, routed := e.afterRoute()
	if public == "" || !routed || e.HTTPMethod != "" && len(e.QueryParameters) > 0 {
		return ""
	}
	url := strings.TrimSuffix(public, "/") + "/webhooks/" + tail
	if e.RawQueryString != "" {
		url += "?" + e.RawQueryString
	}
	return url
}

// header folds names to lower case. The order of two spellings is fixed, so that a request has one reading.
func (e *event) header() webhook.Header {
	received := e.MultiValueHeaders
	if len(received) == 0 {
		received = make(map[string][]string, len(e.Headers))
		for name, value := range e.Headers {
			received[name] = []string{value}
		}
	}
	folded := make(webhook.Header, len(received))
	for _, name := range slices.Sorted(maps.Keys(received)) {
		lower := strings.ToLower(name)
		folded[lower] = append(folded[lower], received[name]...)
	}
	return folded
}

var errNoBase64 = errors.New("the event's isBase64Encoded is true, and its body is not base64: something decoded the body and left the flag")

// body decodes strictly: with a wrong isBase64Encoded the signed bytes can't be known.
func (e *event) body() (body []byte, tooLarge bool, err error) {
	if !e.IsBase64Encoded {
		if len(e.Body) > hangup.MaxBody {
			return nil, true, nil
		}
		return []byte(e.Body), false, nil
	}
	if len(e.Body) > base64.StdEncoding.EncodedLen(hangup.MaxBody) {
		return nil, true, nil
	}
	if body, err = base64.StdEncoding.Strict().DecodeString(e.Body); err != nil {
		err = errNoBase64
	}
	return body, len(body) > hangup.MaxBody, err
}
