package event

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

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

// encodeFormat2 returns the event of an HTTP API with the route POST /webhooks/{source} on the stage $default, or that
// of a Function URL without IAM, where every method and path reaches the function.
func encodeFormat2(f Front, r *http.Request, body []byte, o Options) ([]byte, error) {
	_, lower := receivedHeader(r, o)
	headers := oneValueEach(lower, commaJoined)
	delete(headers, "cookie")
	headers["content-length"] = strconv.Itoa(len(body))
	name, prefix := domain(r)
	p := payload2{
		APIGatewayV2HTTPRequest: events.APIGatewayV2HTTPRequest{
			Version:               "2.0",
			RouteKey:              "$default",
			RawPath:               r.URL.EscapedPath(),
			RawQueryString:        r.URL.RawQuery,
			Cookies:               cookies(lower["cookie"]),
			Headers:               headers,
			QueryStringParameters: oneValueEach(queryParameters(r), commaJoined),
			Body:                  string(body),
		},
		RequestContext: context2{APIGatewayV2HTTPRequestContext: events.APIGatewayV2HTTPRequestContext{
			AccountID:    "anonymous",
			APIID:        apiID,
			DomainName:   name,
			DomainPrefix: prefix,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  o.SourceIP,
				UserAgent: headers["user-agent"],
			},
			RequestID: o.RequestID,
			Stage:     "$default",
			Time:      o.Time.UTC().Format(timeLayout),
			TimeEpoch: o.Time.UnixMilli(),
		}},
	}
	if f == HTTPAPI {
		source, err := sourceIn(r.Method, r.URL.Path)
		if err != nil {
			return nil, err
		}
		p.RouteKey, p.RawPath = http.MethodPost+" "+resource, r.URL.Path
		p.PathParameters = map[string]string{"source": source}
		p.RequestContext.AccountID = accountID
	}
	p.RequestContext.RouteKey = p.RouteKey
	if len(body) > 0 && !isText(headers["content-type"]) {
		p.Body, p.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return json.Marshal(p)
}

func cookies(lines []string) []string {
	var all []string
	for cookie := range strings.SplitSeq(strings.Join(lines, ";"), ";") {
		if cookie = strings.TrimSpace(cookie); cookie != "" {
			all = append(all, cookie)
		}
	}
	return all
}

// isText reports whether format 2.0 leaves a body of this content type as it is.
func isText(contentType string) bool {
	switch media := mediaType(contentType); media {
	case "application/json", "application/xml", "application/javascript":
		return true
	default:
		return strings.HasPrefix(media, "text/")
	}
}
