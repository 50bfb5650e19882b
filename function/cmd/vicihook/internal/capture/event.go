package capture

import (
	"context"
	"encoding/json"

	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
)

// place is what an event says about where it came from, beyond what the function needs.
type place struct {
	HTTPMethod     string `json:"httpMethod"`
	RawPath        string `json:"rawPath"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		Stage      string `json:"stage"`
	} `json:"requestContext"`
}

// readEvent reads an event with the decoder of the function, under the domain name in the event.
func readEvent(text []byte) (Request, error) {
	var p place
	if err := json.Unmarshal(text, &p); err != nil {
		return Request{}, unreadable("it starts as JSON does, and can't be read as an API Gateway event")
	}
	if p.HTTPMethod == "" && p.RawPath == "" {
		return Request{}, unreadable("it is JSON, but no API Gateway event: want rawPath or httpMethod; a bare payload goes to --body")
	}
	public := ""
	if p.RequestContext.DomainName != "" {
		public = "https://" + p.RequestContext.DomainName
	}
	var r hangup.Request
	_, err := gateway.Gateway{PublicURL: public, Handle: func(_ context.Context, caught hangup.Request) hangup.Answer {
		r = caught
		return hangup.Answer{}
	}}.Invoke(context.Background(), text)
	switch {
	case err != nil || r.Undecodable:
		return Request{}, unreadable("the event's isBase64Encoded is true, and its body is not base64: something decoded the body and left the flag")
	case r.TooLarge:
		return Request{}, unreadable("the event's body is larger than the function takes, 256 KiB")
	}
	caught := Request{Form: Event, Request: r.Webhook, Source: r.Source, Received: r.Received}
	if p.RequestContext.Stage != "$default" {
		caught.Stage = p.RequestContext.Stage
	}
	return caught, nil
}
