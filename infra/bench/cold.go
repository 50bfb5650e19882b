//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/bench/instance"
	local "vicihook/infra/local/secretsmanager"
)

// A start is one way to start a program and deliver a first webhook.
type start struct {
	program string
	secrets timing
}

// timing says when the secrets arrive.
type timing int

const (
	atOnce timing = iota // as soon as they are asked for; of no matter to a program that asks for none
	before               // well before the webhook is there
	after                // only once the function has the webhook
)

var starts = []start{{empty, atOnce}, {posts, atOnce}, {ours, before}, {ours, after}}

// secretCalls is how many secret versions the function fetches when it starts, with keys that were put longer ago than
// the ones before them count.
const secretCalls = 2

// cold is what starts cost: wall time in milliseconds until a program asked for its first event, until its first
// answer was there (less the time that it was let wait between the two), and CPU time until then.
type cold struct{ asked, answered, cpu map[start]sample }

// measureCold starts every program in turns, in an order that changes. With each turn it fetches one secret, on a new
// connection.
func (w *world) measureCold(ctx context.Context, rounds int) (c cold, secret sample, err error) {
	c = cold{map[start]sample{}, map[start]sample{}, map[start]sample{}}
	for range rounds {
		for _, i := range rand.Perm(len(starts)) {
			if err := w.startOnce(ctx, starts[i], &c); err != nil {
				return c, nil, err
			}
		}
		trip, err := w.fetchOnce(ctx)
		if err != nil {
			return c, nil, err
		}
		secret = append(secret, trip)
	}
	return c, secret, nil
}

func (w *world) startOnce(ctx context.Context, s start, c *cold) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	release := w.holdSecrets(s.secrets)
	defer release()
	event, err := w.webhook()
	if err != nil {
		return err
	}
	w.ring()
	fetched := w.fetched()
	in, err := w.start(s.program)
	if err != nil {
		return err
	}
	defer in.Stop()
	asked, err := in.Asked(ctx)
	if err != nil {
		return err
	}
	if s.secrets == before {
		if err := w.settle(ctx, fetched+secretCalls); err != nil {
			return err
		}
	}
	given := in.Give(event)
	release()
	answer, err := in.Answer(ctx)
	if err != nil {
		return err
	}
	if _, err := in.Asked(ctx); err != nil { // the next event: now it is at rest
		return err
	}
	return w.note(s, c, in, asked, given, answer)
}

func (w *world) note(s start, c *cold, in *instance.Instance, asked, given time.Time, answer instance.Answer) error {
	if err := w.right(s.program, answer); err != nil {
		return err
	}
	in.Stop()
	cpu, err := in.CPU()
	if err != nil {
		return err
	}
	toAsk := asked.Sub(in.Started)
	c.asked[s] = append(c.asked[s], milliseconds(toAsk))
	c.answered[s] = append(c.answered[s], milliseconds(toAsk+answer.At.Sub(given)))
	c.cpu[s] = append(c.cpu[s], milliseconds(cpu))
	return nil
}

// holdSecrets lets Secrets Manager answer only after release, if the secrets are to arrive so late.
func (w *world) holdSecrets(when timing) (release func()) {
	if when != after {
		return func() {}
	}
	gate := make(chan struct{})
	clear := w.Secrets.Fail(local.Fault{Hold: func(ctx context.Context) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}})
	return sync.OnceFunc(func() { close(gate); clear() })
}

// fetched counts what was asked of Secrets Manager so far.
func (w *world) fetched() int {
	return w.Secrets.Calls(w.WebhookSecretARN, local.Current) + w.Secrets.Calls(w.WebhookSecretARN, local.Previous) +
		w.Secrets.Calls(w.VICIdialSecretARN, local.Current) + w.Secrets.Calls(w.VICIdialSecretARN, local.Previous)
}

// settle waits until so many calls were made, and then for their answers to be read.
func (w *world) settle(ctx context.Context, calls int) error {
	const pause = 20 * time.Millisecond
	for {
		enough := w.fetched() >= calls
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for call %d of Secrets Manager: %w", calls, ctx.Err())
		}
		if enough {
			return nil
		}
	}
}

// fetchOnce is one GetSecretValue on a new connection, by a client that has done it before.
func (w *world) fetchOnce(ctx context.Context) (float64, error) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := secretsmanager.New(secretsmanager.Options{
		Region: local.Region, BaseEndpoint: &w.SecretsURL, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	begun := time.Now()
	got, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(w.VICIdialSecretARN)})
	if err == nil && got.SecretString == nil {
		err = errors.New("the secret has no value")
	}
	return milliseconds(time.Since(begun)), err
}
