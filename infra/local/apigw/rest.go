package apigw

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// event1 is the REST API's proxy event. What is empty is null, as on AWS.
type event1 struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  context1            `json:"requestContext"`
	Body                            *string             `json:"body"`
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type context1 struct {
	ResourceID        string    `json:"resourceId"`
	ResourcePath      string    `json:"resourcePath"`
	HTTPMethod        string    `json:"httpMethod"`
	ExtendedRequestID string    `json:"extendedRequestId"`
	RequestTime       string    `json:"requestTime"`
	Path              string    `json:"path"`
	AccountID         string    `json:"accountId"`
	Protocol          string    `json:"protocol"`
	Stage             string    `json:"stage"`
	DomainPrefix      string    `json:"domainPrefix"`
	RequestTimeEpoch  int64     `json:"requestTimeEpoch"` // milliseconds
	RequestID         string    `json:"requestId"`
	Identity          identity1 `json:"identity"`
	DomainName        string    `json:"domainName"`
	APIID             string    `json:"apiId"`
}

type identity1 struct {
	AccessKey *string `json:"accessKey"`
	AccountID *string `json:"accountId"`
	Caller    *string `json:"caller"`
	SourceIP  string  `json:"sourceIp"`
	User      *string `json:"user"`
	UserAgent string  `json:"userAgent"`
	UserARN   *string `json:"userArn"`
}

// RESTEvent gives the event of a REST API with the resource /webhooks/{source} on the stage [RESTStage].
// The stage leads the path of r, or is absent as behind a custom domain; the event's path has none.
func RESTEvent(r *http.Request, body []byte, o Options) ([]byte, error) {
	path := withoutStage(r.URL.Path)
	source, err := routed(r.Method, path)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults(r)
	headers, query := arrived(r, o), parameters(r.URL.RawQuery)
	e := event1{
		Resource:                        resource,
		Path:                            path,
		HTTPMethod:                      r.Method,
		Headers:                         each(headers, last),
		MultiValueHeaders:               headers,
		QueryStringParameters:           each(query, last),
		MultiValueQueryStringParameters: query,
		PathParameters:                  map[string]string{"source": source},
		RequestContext:                  newContext1(r, o, commaJoined(valuesOf(headers, "User-Agent"))),
	}
	if len(query) == 0 {
		e.MultiValueQueryStringParameters = nil
	}
	e.Body, e.IsBase64Encoded = restBody(body, commaJoined(valuesOf(headers, "Content-Type")), o.BinaryMediaTypes)
	return json.Marshal(e)
}

func withoutStage(path string) string {
	if rest, ok := strings.CutPrefix(path, "/"+RESTStage+"/"); ok {
		return "/" + rest
	}
	return path
}

func newContext1(r *http.Request, o Options, userAgent string) context1 {
	c := context1{
		ResourceID:        "res123",
		ResourcePath:      resource,
		HTTPMethod:        r.Method,
		ExtendedRequestID: o.RequestID,
		RequestTime:       o.Time.UTC().Format(timeLayout),
		Path:              r.URL.Path,
		AccountID:         accountID,
		Protocol:          r.Proto,
		Stage:             RESTStage,
		RequestTimeEpoch:  o.Time.UnixMilli(),
		RequestID:         o.RequestID,
		Identity:          identity1{SourceIP: o.SourceIP, UserAgent: userAgent},
		APIID:             apiID,
	}
	c.DomainName, c.DomainPrefix = domain(r)
	return c
}

func restBody(body []byte, contentType string, binary []string) (*string, bool) {
	if len(body) == 0 {
		return nil, false
	}
	text := string(body)
	media := mediaType(contentType)
	group, _, _ := strings.Cut(media, "/")
	isBinary := slices.ContainsFunc(binary, func(b string) bool { return b == "*/*" || b == group+"/*" || b == media })
	if isBinary {
		text = base64.StdEncoding.EncodeToString(body)
	}
	return &text, isBinary
}
