package webhook

// A Request is one delivery as its sender sent it.
type Request struct {
	Method string
	URL    string // as the sender sees it, query included: PUBLIC_URL with the request's raw path and query; empty when it can't be known
	Header Header
	Body   []byte // the exact bytes, after the decoding that the gateway's envelope calls for
}

// Header maps lower-cased names to every value that was sent under them, in order.
// Two spellings of one name are two values.
type Header map[string][]string
