package gateway

import (
	"context"
	"sync"
)

// record is one record of an event by another service than API Gateway.
type record struct {
	EventSource string `json:"eventSource"`
	MessageID   string `json:"messageId"` // SQS
	Body        text   `json:"body"`      // SQS
}

func (e *event) isQueue() bool { return len(e.Records) > 0 && e.Records[0].EventSource == "aws:sqs" }

// A partial batch response names the messages that SQS must keep; the others are deleted.
//
// Specification: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
type batchResponse struct {
	Failures []itemFailure `json:"batchItemFailures"`
}

type itemFailure struct {
	ID string `json:"itemIdentifier"`
}

// redeliver handles all messages of an event concurrently, so that one budget is enough for all.
func (e *event) redeliver(ctx context.Context, take func(context.Context, []byte) bool) batchResponse {
	settled := make([]bool, len(e.Records)) // at most 10
	var running sync.WaitGroup
	for i, r := range e.Records {
		running.Go(func() { settled[i] = take(ctx, r.Body) })
	}
	running.Wait()
	response := batchResponse{Failures: []itemFailure{}}
	for i, r := range e.Records {
		if !settled[i] {
			response.Failures = append(response.Failures, itemFailure{r.MessageID})
		}
	}
	return response
}
