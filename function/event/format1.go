package event

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// payload1 is payload format 1.0. On AWS an absent body is null, and isBase64Encoded is always there.
type payload1 struct {
	events.APIGatewayProxyRequest
	Body            *string `json:"body"`
	IsBase64Encoded bool    `json:"isBase64Encoded"`
}

// encodeFormat1 returns the event of a REST API with the resource /webhooks/{source} on the stage [RESTStage].
// The stage leads the path of r, or is absent as behind a custom domain; the event's path is without it.
func encodeFormat1(r *http.Request, body []byte, o Options) ([]byte, error) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/"+RESTStage+"/"); ok {
		path = "/" + rest
	}
	source, err := sourceIn(r.Method, path)
	if err != nil {
		return nil, err
	}
	header, lower := receivedHeader(r, o)
	query := queryParameters(r)
	name, prefix := domain(r)
	p := payload1{APIGatewayProxyRequest: events.APIGatewayProxyRequest{
		Resource:                        resource,
		Path:                            path,
		HTTPMethod:                      r.Method,
		Headers:                         oneValueEach(header, last),
		MultiValueHeaders:               header,
		QueryStringParameters:           oneValueEach(query, last),
		MultiValueQueryStringParameters: query,
		PathParameters:                  map[string]string{"source": source},
		RequestContext: events.APIGatewayProxyRequestContext{
			ResourceID:        "res123",
			ResourcePath:      resource,
			HTTPMethod:        r.Method,
			ExtendedRequestID: o.RequestID,
			RequestTime:       o.Time.UTC().Format(timeLayout),
			Path:              r.URL.Path,
			AccountID:         accountID,
			Protocol:          r.Proto,
			Stage:             RESTStage,
			DomainName:        name,
			DomainPrefix:      prefix,
			RequestTimeEpoch:  o.Time.UnixMilli(),
			RequestID:         o.RequestID,
			Identity:          events.APIGatewayRequestIdentity{SourceIP: o.SourceIP, UserAgent: commaJoined(lower["user-agent"])},
			APIID:             apiID,
		},
	}}
	if len(body) > 0 {
		text := string(body)
		if isBinary(commaJoined(lower["content-type"]), o.BinaryMediaTypes) {
			text, p.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
		}
		p.Body = &text
	}
	return json.Marshal(p)
}

// isBinary reports whether bodies of this content type are among the media types that a REST API encodes.
func isBinary(contentType string, binary []string) bool {
	media := mediaType(contentType)
	group, _, _ := strings.Cut(media, "/")
	return slices.ContainsFunc(binary, func(b string) bool { return b == "*/*" || b == group+"/*" || b == media })
}
