package gateway_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
)

const queueEvent = `{"Records":[
	{"messageId":"a","receiptHandle":"r","body":"{\"n\":1}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:q"},
	{"messageId":"b","body":"bad","eventSource":"aws:sqs"},
	{"messageId":"c","body":"{\"n\":3}","eventSource":"aws:sqs"}]}`

func TestQueueEventReturnsUnsettledMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad  string // messages with this text are not settled
		want string
	}{
		"all settled": {"nothing", `{"batchItemFailures":[]}`},
		"one is not":  {"bad", `{"batchItemFailures":[{"itemIdentifier":"b"}]}`},
		"two are not": {`"n"`, `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}`},
		"none is":     {"", `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			taken := map[string]int{}
			g := gateway.Gateway{
				Handle: func(context.Context, hangup.Request) hangup.Answer {
					t.Error("the event was taken for a delivery")
					return hangup.Answer{}
				},
				Redeliver: func(_ context.Context, message []byte) bool {
					mu.Lock()
					defer mu.Unlock()
					taken[string(message)]++
					return !strings.Contains(string(message), c.bad)
				},
			}
			answer, err := g.Invoke(t.Context(), []byte(queueEvent))
			if err != nil || string(answer) != c.want {
				t.Errorf("got %s, %v; want %s", answer, err, c.want)
			}
			if len(taken) != 3 || taken["bad"] != 1 {
				t.Errorf("took %v", taken)
			}
		})
	}
}

func TestQueueEventWithoutAQueue(t *testing.T) {
	t.Parallel()
	if got, _ := through(t, "", []byte(queueEvent)); got.Undecodable == nil || !strings.Contains(got.Undecodable.Error(), "aws:sqs") {
		t.Errorf("got %+v", got)
	}
}

// A sender's request is always inside an event of API Gateway.
func TestHTTPRequestIsNeverAQueueEvent(t *testing.T) {
	t.Parallel()
	g := gateway.Gateway{
		Handle:    func(context.Context, hangup.Request) hangup.Answer { return hangup.Answer{Status: 401} },
		Redeliver: func(context.Context, []byte) bool { t.Error("a request was taken for the queue's"); return true },
	}
	for _, payload := range []string{
		`{"httpMethod":"POST","path":"/webhooks/crm","body":"{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}"}`,
		`{"httpMethod":"POST","path":"/webhooks/crm","headers":{"Records":"x","eventSource":"aws:sqs"}}`,
		`{"Records":[{"EventSource":"aws:sns","Sns":{}}]}`,
		`{"Records":[]}`,
	} {
		if _, err := g.Invoke(t.Context(), []byte(payload)); err != nil {
			t.Error(err)
		}
	}
}
