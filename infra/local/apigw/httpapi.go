package apigw

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// event2 is payload format 2.0. Fields that AWS leaves out when empty are left out.
type event2 struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        context2          `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type context2 struct {
	AccountID    string   `json:"accountId"`
	APIID        string   `json:"apiId"`
	DomainName   string   `json:"domainName"`
	DomainPrefix string   `json:"domainPrefix"`
	HTTP         request2 `json:"http"`
	RequestID    string   `json:"requestId"`
	RouteKey     string   `json:"routeKey"`
	Stage        string   `json:"stage"`
	Time         string   `json:"time"`
	TimeEpoch    int64    `json:"timeEpoch"` // milliseconds
}

type request2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// HTTPAPIEvent gives the event of an HTTP API with the route POST /webhooks/{source} on the stage $default.
func HTTPAPIEvent(r *http.Request, body []byte, o Options) ([]byte, error) {
	source, err := routed(r.Method, r.URL.Path)
	if err != nil {
		return nil, err
	}
	e := newEvent2(r, body, o.withDefaults(r))
	e.RouteKey = http.MethodPost + " " + resource
	e.RequestContext.RouteKey = e.RouteKey
	e.PathParameters = map[string]string{"source": source}
	return json.Marshal(e)
}

// FunctionURLEvent gives the event of a Function URL without IAM: every method and path reaches the function.
func FunctionURLEvent(r *http.Request, body []byte, o Options) ([]byte, error) {
	e := newEvent2(r, body, o.withDefaults(r))
	e.RawPath = r.URL.EscapedPath()
	e.RequestContext.AccountID = "anonymous"
	return json.Marshal(e)
}

func newEvent2(r *http.Request, body []byte, o Options) event2 {
	headers, cookies := folded(arrived(r, o), len(body))
	e := event2{
		Version:               "2.0",
		RouteKey:              "$default",
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies,
		Headers:               headers,
		QueryStringParameters: each(parameters(r.URL.RawQuery), commaJoined),
		RequestContext:        newContext2(r, o, headers["user-agent"]),
		Body:                  string(body),
	}
	if len(body) > 0 && !isText(headers["content-type"]) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

func newContext2(r *http.Request, o Options, userAgent string) context2 {
	c := context2{
		AccountID: accountID,
		APIID:     apiID,
		HTTP: request2{
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
	}
	c.DomainName, c.DomainPrefix = domain(r)
	return c
}
