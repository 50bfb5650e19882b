//go:build unix

package systemtest_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// sqs accepts messages by AWS's JSON protocol. The SDK compares the MD5 of the body.
type sqs struct {
	*httptest.Server
	mu       sync.Mutex
	messages []string
	delays   []int
	denied   bool
}

const queuePath = "/123456789012/redelivery"

func newSQS(t *testing.T) *sqs {
	t.Helper()
	q := &sqs{}
	q.Server = httptest.NewServer(http.HandlerFunc(q.serve))
	t.Cleanup(q.Close)
	return q
}

func (q *sqs) serve(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	var sent struct {
		QueueURL     string `json:"QueueUrl"`
		MessageBody  string
		DelaySeconds int
	}
	err := json.NewDecoder(r.Body).Decode(&sent)
	signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") && strings.Contains(r.Header.Get("Authorization"), "/sqs/aws4_request")
	switch {
	case q.denied, !signed:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized"}`)
	case err != nil, r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessage", sent.QueueURL != q.URL+queuePath:
		w.WriteHeader(http.StatusBadRequest)
	default:
		q.messages, q.delays = append(q.messages, sent.MessageBody), append(q.delays, sent.DelaySeconds)
		sum := md5.Sum([]byte(sent.MessageBody))
		_ = json.NewEncoder(w).Encode(map[string]string{"MessageId": fmt.Sprint(len(q.messages)), "MD5OfMessageBody": hex.EncodeToString(sum[:])})
	}
}

// take removes and returns all messages.
func (q *sqs) take() (messages []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	messages, q.messages = q.messages, nil
	return messages
}

// newQueueFixture returns a function with a queue.
func newQueueFixture(t *testing.T) (*fixture, *sqs) {
	t.Helper()
	q := newSQS(t)
	return newFixture(t, stack.Config{Env: map[string]string{"REDELIVERY_QUEUE_URL": q.URL + queuePath, "AWS_ENDPOINT_URL_SQS": q.URL}}), q
}

// redeliver invokes the function with messages as SQS does, and returns the ids of those that failed.
func (b *fixture) redeliver(t *testing.T, messages ...string) (failed []string) {
	t.Helper()
	var records []map[string]any
	for i, message := range messages {
		records = append(records, map[string]any{
			"messageId": fmt.Sprint(i), "receiptHandle": "handle", "body": message, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
			"eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:redelivery", "attributes": map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	var response struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal([]byte(b.answerTo(t, payload)), &response); err != nil {
		t.Fatal(err)
	}
	for _, item := range response.BatchItemFailures {
		failed = append(failed, item.ItemIdentifier)
	}
	return failed
}

func TestRedeliveryEndsACallThatStayedListed(t *testing.T) {
	t.Parallel()
	b, q := newQueueFixture(t)
	b.inject(t, vicitest.Fault{Name: "does-nothing", Times: 4})
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "still_listed" || got.status != http.StatusServiceUnavailable {
		t.Fatalf("got %s", got.body)
	}
	for _, want := range []string{"still_listed", "hungup"} {
		messages := q.take()
		if len(messages) != 1 || strings.Contains(messages[0], b.Keys["crm"]) {
			t.Fatalf("the queue holds %q", messages)
		}
		if failed := b.redeliver(t, messages...); len(failed) != 0 {
			t.Errorf("not settled: %v", failed)
		}
		if line := b.lastLine(); !strings.Contains(line, `"outcome":"`+want+`"`) || !strings.Contains(line, `"redelivery":`) {
			t.Errorf("the line does not say %s: %s", want, line)
		}
	}
	b.checkCall(t, b.call, "hungup")
	if messages := q.take(); len(messages) != 0 {
		t.Errorf("the queue holds %q of a call that has ended", messages)
	}
	for _, delay := range q.delays {
		if delay != 15 {
			t.Errorf("a message is kept back for %d s, want 15", delay)
		}
	}
}

func TestUnreadableQueueMessageStopsNoOther(t *testing.T) {
	t.Parallel()
	b, q := newQueueFixture(t)
	b.inject(t, vicitest.Fault{Name: "does-nothing", Times: 2})
	b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	messages := q.take()
	if len(messages) != 1 {
		t.Fatalf("the queue holds %q", messages)
	}
	const secret = "4111 1111"
	if failed := b.redeliver(t, secret, messages[0], `{"source":"`+secret+`"}`); fmt.Sprint(failed) != "[0 2]" {
		t.Errorf("not settled: %v, want 0 and 2", failed)
	}
	b.checkCall(t, b.call, "hungup")
	if log := strings.Join(b.Logs(), "\n"); strings.Count(log, "a redelivery can't be read") != 2 || strings.Contains(log, secret) {
		t.Errorf("the log:\n%s", log)
	}
}

func TestUnwritableQueueIsLogged(t *testing.T) {
	t.Parallel()
	b, q := newQueueFixture(t)
	q.denied = true
	b.inject(t, vicitest.Fault{Name: "does-nothing"})
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "still_listed" || got.header.Get("Retry-After") != "30" {
		t.Errorf("got %v %s", got.header, got.body)
	}
	if line := b.lastLine(); !strings.Contains(line, `"queue_error":"`) || !strings.Contains(line, "AccessDenied") {
		t.Errorf("the line does not say it: %s", line)
	}
}

func (b *fixture) inject(t *testing.T, fault vicitest.Fault) {
	t.Helper()
	if err := b.VICIdial.Inject(fault); err != nil {
		t.Fatal(err)
	}
}
