package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/go-json-experiment/json"

	"vicihook/function/internal/hangup"
)

// redeliverAfter is SQS's delay, in seconds: most failures of VICIdial are shorter.
const redeliverAfter = 15

// queue is an SQS queue of orders that are tried again.
type queue struct {
	client *sqs.Client
	url    string
}

// newQueue returns the queue at url, nil without a url: the client would make every start slower.
func newQueue(settings aws.Config, url string) hangup.Queue {
	if url == "" {
		return nil
	}
	return queue{sqs.NewFromConfig(settings), url}
}

// Put implements [hangup.Queue].
func (q queue) Put(ctx context.Context, r hangup.Redelivery) error {
	message, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String(string(message)), DelaySeconds: redeliverAfter,
	})
	return err
}
