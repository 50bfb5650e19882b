package gateway_test

import (
	"strings"
	"testing"
)

func TestOtherEventsAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ event, says string }{
		"nothing":                       {``, "not JSON"},
		"an event that is cut off":      {`{"httpMethod":"POST"`, "not JSON"},
		"null":                          {`null`, "no HTTP method and no path"},
		"a list":                        {`[]`, "the whole of the event is not of the type"},
		"a body of another type":        {`{"body":{"card":"4111"}}`, "body of the event is not of the type"},
		"a payload without an event":    {`{"call_id":"Y1221052110000402027","agent_user":"1028"}`, "a payload without an event"},
		"a load balancer's":             {`{"httpMethod":"POST","path":"/webhooks/crm","requestContext":{"elb":{"targetGroupArn":"arn:aws:x"}},"body":"{}"}`, "Application Load Balancer"},
		"the console's test":            {`{"key1":"value1","key2":"value2","key3":"value3"}`, "test event of Lambda's console"},
		"a queue's":                     {`{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"4111"}]}`, "aws:sqs"},
		"a topic's":                     {`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"4111"}}]}`, "aws:sns"},
		"CloudFront's":                  {`{"Records":[{"cf":{"request":{"method":"POST"}}}]}`, "records of another service"},
		"records of an unknown service": {`{"Records":[{"eventSource":"4111 1111"}]}`, "records of another service"},
		"a schedule's":                  {`{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, "EventBridge"},
		"a WebSocket's":                 {`{"requestContext":{"eventType":"MESSAGE","routeKey":"$default"},"body":"{}"}`, "no HTTP method and no path"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := through(t, "", []byte(c.event))
			if got.Undecodable == nil || !strings.Contains(got.Undecodable.Error(), c.says) || strings.Contains(got.Undecodable.Error(), "4111") {
				t.Errorf("got %v, want it to say %q", got.Undecodable, c.says)
			}
			if got.Source != "" || got.Webhook.Body != nil {
				t.Errorf("got %+v of it", got)
			}
		})
	}
}

// An event has the source only if its route has the parameter.
func TestSourceFromThePath(t *testing.T) {
	for name, c := range map[string]struct{ event, source, url string }{
		"REST, {proxy+} at the root":      {`{"httpMethod":"POST","resource":"/{proxy+}","path":"/webhooks/crm","pathParameters":{"proxy":"webhooks/crm"}}`, "crm", "https://h/webhooks/crm"},
		"REST, {proxy+} under /webhooks":  {`{"httpMethod":"POST","resource":"/webhooks/{proxy+}","path":"/webhooks/crm","pathParameters":{"proxy":"crm"}}`, "crm", "https://h/webhooks/crm"},
		"REST, a fixed resource":          {`{"httpMethod":"POST","resource":"/webhooks/crm","path":"/webhooks/crm","pathParameters":null}`, "crm", "https://h/webhooks/crm"},
		"REST, behind a mapping":          {`{"httpMethod":"POST","resource":"/{proxy+}","path":"/map/webhooks/crm","pathParameters":{"proxy":"webhooks/crm"}}`, "crm", "https://h/webhooks/crm"},
		"HTTP API 1.0 on $default":        {`{"version":"1.0","httpMethod":"POST","resource":"$default","path":"/webhooks/crm","pathParameters":null}`, "crm", "https://h/webhooks/crm"},
		"HTTP API 1.0 in a named stage":   {`{"version":"1.0","httpMethod":"POST","resource":"$default","path":"/dev/webhooks/crm"}`, "crm", "https://h/webhooks/crm"},
		"HTTP API 2.0 on $default":        {`{"version":"2.0","routeKey":"$default","rawPath":"/webhooks/crm","requestContext":{"http":{"method":"POST"}}}`, "crm", "https://h/webhooks/crm"},
		"HTTP API 2.0, {proxy+}":          {`{"version":"2.0","rawPath":"/webhooks/crm","pathParameters":{"proxy":"crm"},"requestContext":{"http":{"method":"POST"}}}`, "crm", "https://h/webhooks/crm"},
		"a stage that is called webhooks": {`{"version":"2.0","rawPath":"/webhooks/webhooks/crm","requestContext":{"http":{"method":"POST"}}}`, "crm", "https://h/webhooks/crm"},
		"a parameter wins over the path":  {`{"httpMethod":"POST","path":"/x/webhooks/desk","pathParameters":{"source":"crm"}}`, "crm", "https://h/webhooks/desk"},
		"another path":                    {`{"httpMethod":"POST","path":"/other/crm"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := through(t, "https://h", []byte(c.event))
			if got.Undecodable != nil || got.Source != c.source || got.Webhook.URL != c.url {
				t.Errorf("got source %q, URL %q, %v", got.Source, got.Webhook.URL, got.Undecodable)
			}
		})
	}
}
