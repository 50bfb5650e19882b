package hangup

import (
	"time"

	"vicihook/function/internal/webhook"
)

// MaxBody is the largest body that is read, in bytes, after decoding.
const MaxBody = 256 << 10

// A Request is one delivery, whatever gateway it came through.
type Request struct {
	Source      string          // the {source} of /webhooks/{source}, as sent
	Webhook     webhook.Request // what the signature covers
	ContentType string
	ID          string    // the gateway's request id
	Sender      string    // the address that it came from, or its network; empty when the gateway does not say
	Received    time.Time // when the gateway took the request; zero when it does not say
	TooLarge    bool      // the body was above MaxBody and is not held
	Undecodable error     // why the gateway's event is no delivery that can be verified; nil when it is one
}

// An Answer is what goes back to the sender.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}
