package hangup

import (
	"time"

	"vicihook/function/internal/webhook"
)

// MaxBody is the size of the largest body that is read, in bytes after decoding.
const MaxBody = 256 << 10

// A Request is one delivery, the same for all gateways.
type Request struct {
	Source      string          // the {source} of /webhooks/{source}, as sent
	Webhook     webhook.Request // what the signature covers
	ContentType string
	ID          string    // the gateway's request id
	Sender      string    // the address that it came from, or its network; empty if the gateway does not report it
	Received    time.Time // when the gateway received it; zero if the gateway does not report it
	TooLarge    bool      // the body was above MaxBody and is left out
	Undecodable error     // why the gateway's event can't be verified; nil if it can
}

// An Answer is the HTTP response to the sender.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}
