package gateway

import (
	"context"
	"sync"

	"github.com/aws/aws-lambda-go/events"
)

// record is one record of an event by another service than API Gateway.
type record struct {
	EventSource string `json:"eventSource"`
	MessageID   string `json:"messageId"` // SQS
	Body        string `json:"body"`      // SQS
}

func (e *event) isQueue() bool { return len(e.Records) > 0 && e.Records[0].EventSource == "aws:sqs" }

// redeliver takes all messages of an event at once, so that one time limit is enough for them. The response names the
// messages that SQS has to keep; it deletes the others.
//
// Specification: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func (e *event) redeliver(ctx context.Context, take func(context.Context, []byte) bool) events.SQSEventResponse {
	settled := make([]bool, len(e.Records)) // at most 10
	var running sync.WaitGroup
	for i, r := range e.Records {
		running.Go(func() { settled[i] = take(ctx, []byte(r.Body)) })
	}
	running.Wait()
	failures := []events.SQSBatchItemFailure{}
	for i, r := range e.Records {
		if !settled[i] {
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageID})
		}
	}
	return events.SQSEventResponse{BatchItemFailures: failures}
}
