//go:build unix

package systemtest_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// motoSQS is the SQS at SQS_URL, which is moto's server.
func motoSQS(t *testing.T) (url string, client *sdk.Client) {
	t.Helper()
	url = os.Getenv("SQS_URL")
	if url == "" {
		t.Skip("SQS_URL is not set: make moto runs this")
	}
	return url, sdk.New(sdk.Options{BaseEndpoint: &url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")})
}

// A heldMessage is one that moto keeps, also while its delay lasts. Times are Unix milliseconds.
type heldMessage struct {
	Body         string
	Sent         float64 `json:"sent_timestamp"`
	DelayedUntil float64 `json:"delayed_until"`
}

// messagesWith returns the messages of all queues whose body has text.
func messagesWith(t *testing.T, moto, text string) (found []heldMessage) {
	t.Helper()
	response, err := http.Get(moto + "/moto-api/data.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var held struct {
		SQS struct{ Message []heldMessage } `json:"sqs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&held); err != nil {
		t.Fatal(err)
	}
	for _, m := range held.SQS.Message {
		if strings.Contains(m.Body, text) {
			found = append(found, m)
		}
	}
	return found
}

func TestRedeliveryThroughSQS(t *testing.T) {
	t.Parallel()
	moto, client := motoSQS(t)
	queue, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: new(rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	b := newFixture(t, stack.Config{Env: map[string]string{"REDELIVERY_QUEUE_URL": *queue.QueueUrl, "AWS_ENDPOINT_URL_SQS": moto}})
	b.inject(t, vicitest.Fault{Name: "does-nothing", Times: 2})
	ticket := rand.Text()
	if got := b.send(t, b.delivery(t, "crm", strings.Replace(payloadOf(b.call), "T-1", ticket, 1))); got.Outcome != "still_listed" {
		t.Fatalf("got %s", got.body)
	}
	attributes, err := client.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || attributes.Attributes["ApproximateNumberOfMessagesDelayed"] != "1" {
		t.Errorf("the queue has %v, %v; want one delayed message", attributes, err)
	}
	messages := messagesWith(t, moto, ticket)
	if len(messages) != 1 || messages[0].DelayedUntil-messages[0].Sent < 15_000 || messages[0].DelayedUntil-messages[0].Sent > 16_000 {
		t.Fatalf("the queue holds %+v, want one message delayed by 15 s", messages)
	}
	if failed := b.redeliver(t, messages[0].Body); len(failed) != 0 {
		t.Errorf("not settled: %v", failed)
	}
	b.checkCall(t, b.call, "hungup")
}

func TestRedeliveryToAnAbsentQueue(t *testing.T) {
	t.Parallel()
	moto, _ := motoSQS(t)
	b := newFixture(t, stack.Config{Env: map[string]string{
		"REDELIVERY_QUEUE_URL": moto + "/123456789012/absent", "AWS_ENDPOINT_URL_SQS": moto,
	}})
	b.inject(t, vicitest.Fault{Name: "does-nothing"})
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "still_listed" || got.status != http.StatusServiceUnavailable {
		t.Errorf("got %s", got.body)
	}
	var line struct {
		QueueError string `json:"queue_error"`
	}
	if err := json.Unmarshal([]byte(b.lastLine()), &line); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(line.QueueError, "NonExistentQueue") || strings.Contains(line.QueueError, b.call) || strings.Contains(line.QueueError, "T-1") {
		t.Errorf("the log says of the queue: %s", line.QueueError)
	}
}
