package event

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// payload2 is payload format 2.0, of HTTP APIs and Function URLs alike.
type payload2 struct {
	events.APIGatewayV2HTTPRequest
	RequestContext context2 `json:"requestContext"`
}

// context2 lacks the client certificate, which AWS leaves out where there is none and the embedded type does not.
type context2 struct {
	events.APIGatewayV2HTTPRequestContext
	Authentication *struct{} `json:"authentication,omitempty"`
}

// encodeHTTPAPI returns the event of an HTTP API with the route POST /webhooks/{source} on the stage $default.
func encodeHTTPAPI(r *http.Request, body []byte, o Options) ([]byte, error) {
	source, err := sourceIn(r.Method, r.URL.Path)
	if err != nil {
		return nil, err
	}
	p := newPayload2(r, body, o)
	p.RouteKey = http.MethodPost + " " + resource
	p.RequestContext.RouteKey = p.RouteKey
	p.PathParameters = map[string]string{"source": source}
	return json.Marshal(p)
}

// encodeFunctionURL returns the event of a Function URL without IAM: every method and path reaches the function.
func encodeFunctionURL(r *http.Request, body []byte, o Options) ([]byte, error) {
	p := newPayload2(r, body, o)
	p.RawPath = r.URL.EscapedPath()
	p.RequestContext.AccountID = "anonymous"
	return json.Marshal(p)
}

func newPayload2(r *http.Request, body []byte, o Options) payload2 {
	header := receivedHeader(r, o)
	headers := lowerCased(header, len(body))
	p := payload2{
		APIGatewayV2HTTPRequest: events.APIGatewayV2HTTPRequest{
			Version:               "2.0",
			RouteKey:              "$default",
			RawPath:               r.URL.Path,
			RawQueryString:        r.URL.RawQuery,
			Cookies:               cookies(header),
			Headers:               headers,
			QueryStringParameters: oneValueEach(queryParameters(r.URL.RawQuery), commaJoined),
			Body:                  string(body),
		},
		RequestContext: newContext2(r, o, headers["user-agent"]),
	}
	if len(body) > 0 && !isText(headers["content-type"]) {
		p.Body, p.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return p
}

func newContext2(r *http.Request, o Options, userAgent string) context2 {
	name, prefix := domain(r)
	return context2{APIGatewayV2HTTPRequestContext: events.APIGatewayV2HTTPRequestContext{
		AccountID:    accountID,
		APIID:        apiID,
		DomainName:   name,
		DomainPrefix: prefix,
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
			Method:    r.Method,
			Path:      r.URL.Path,
			Protocol:  r.Proto,
			SourceIP:  o.SourceIP,
			UserAgent: userAgent,
		},
		RequestID: o.RequestID,
		RouteKey:  "$default",
		Stage:     "$default",
		Time:      o.Time.UTC().Format(timeLayout),
		TimeEpoch: o.Time.UnixMilli(),
	}}
}
