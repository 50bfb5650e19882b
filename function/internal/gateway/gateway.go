// Package gateway reads the events of API Gateway and answers in their shape.
//
//	lambda.Start(gateway.Gateway{PublicURL: "https://hooks.example.com", Handle: handler.Handle}.Invoke)
//
// It takes payload format 2.0 of an HTTP API or a Function URL and 1.0 of a REST or HTTP API, on any route that leads to
// /webhooks/{source}, with the body plain or base64, and passes the sender's exact bytes on. Header names are folded to
// lower case, since an HTTP API lowers them and a REST API does not; two spellings of a name stay two values. Any other
// event is answered like a bad signature, and the log says what it looks like. An event of SQS has orders that the
// function itself has put into its queue.
//
// Specification: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package gateway

import (
	"context"
	"encoding/json"

	"vicihook/function/internal/hangup"
)

// A Gateway is a Lambda handler.
type Gateway struct {
	PublicURL string // base URL as senders see it, for the schemes that sign the URL; empty = such schemes are refused
	Handle    func(context.Context, hangup.Request) hangup.Answer
	Doctor    func(context.Context) ([]byte, error)                    // the JSON that answers {"vicihook":"doctor"}; nil = that is no delivery
	Redeliver func(ctx context.Context, message []byte) (settled bool) // takes a message of the queue; nil = such events are no deliveries
}

// Invoke implements the Lambda runtime's handler. It returns no error for an event: one that is no delivery is answered
// like a bad signature, since nothing of it can be verified. Handle answers its own panics; any other is an
// error that does not quote the panic, which the runtime would print whole.
func (g Gateway) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, hangup.PanicError(p)
		}
	}()
	if g.Doctor != nil && isDoctorRequest(payload) {
		return g.Doctor(ctx)
	}
	e := parse(payload)
	if g.Redeliver != nil && e.isQueue() {
		return json.Marshal(e.redeliver(ctx, g.Redeliver))
	}
	a := g.Handle(ctx, e.request(g.PublicURL))
	return json.Marshal(response{StatusCode: a.Status, Headers: a.Header, Body: string(a.Body)})
}

// isDoctorRequest reports whether payload is {"vicihook":"doctor"}, which only somebody who may invoke the function
// itself can send: API Gateway makes every event, and whatever a sender sends is inside one.
func isDoctorRequest(payload []byte) bool {
	const longest = 64
	var direct map[string]string
	return len(payload) <= longest && json.Unmarshal(payload, &direct) == nil &&
		len(direct) == 1 && direct["vicihook"] == "doctor"
}

// response is what both payload formats take.
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}
