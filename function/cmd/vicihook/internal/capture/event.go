package capture

import (
	"encoding/json"

	"vicihook/function/internal/gateway"
)

// place has the members of an event that only explain needs.
type place struct {
	RequestContext struct {
		DomainName string `json:"domainName"`
		Stage      string `json:"stage"`
	} `json:"requestContext"`
}

// readEvent reads an event with the decoder of the function, under the domain name in the event.
func readEvent(text []byte) (Request, error) {
	var p place
	if err := json.Unmarshal(text, &p); err != nil {
		return Request{}, unreadable("it begins like JSON, but can't be read as an API Gateway event")
	}
	public := ""
	if p.RequestContext.DomainName != "" {
		public = "https://" + p.RequestContext.DomainName
	}
	r := gateway.Decode(text, public)
	switch {
	case r.Undecodable != nil:
		return Request{}, unreadable(r.Undecodable.Error() + "; give a bare payload by --body")
	case r.TooLarge:
		return Request{}, unreadable("the event's body is larger than 256 KiB, the function's limit")
	}
	caught := Request{Form: Event, Request: r.Webhook, Source: r.Source, Received: r.Received}
	if p.RequestContext.Stage != "$default" {
		caught.Stage = p.RequestContext.Stage
	}
	return caught, nil
}
