package secret

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// attempts bounds the tries of one call. The SDK's own 3 attempts pause for seconds; with a single one it could not
// correct the time that it signs with.
const attempts = 2

// A fetch is in flight until done, shared by all that wait for it.
type fetch[T any] struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when got and err are final
	got    *Snapshot[T]
	err    error
}

// inFlight reports whether there is a fetch within its limit by the wall clock. s.mu is held.
func (s *Store[T]) inFlight(now time.Time) bool {
	return s.fetch != nil && within(fetchLimit, s.fetch.began, now)
}

// join returns the fetch in flight, or begins one when there is none or it died in a freeze. s.mu is held.
func (s *Store[T]) join(ctx context.Context, now time.Time) (f *fetch[T], joined bool) {
	if s.inFlight(now) {
		return s.fetch, true
	}
	if s.fetch != nil {
		s.fetch.cancel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
	s.began = now
	s.fetch = &fetch[T]{began: now, cancel: cancel, done: make(chan struct{})}
	go s.run(ctx, s.fetch, s.usable(now))
	return s.fetch, false
}

// run fetches, keeps the result and wakes those that wait.
func (s *Store[T]) run(ctx context.Context, f *fetch[T], old *Snapshot[T]) {
	defer close(f.done)
	defer f.cancel()
	f.got, f.err = s.get(ctx, f.began, old)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetch != f { // abandoned: a younger fetch took its place
		return
	}
	s.fetch, s.failure = nil, f.err
	switch {
	case f.err == nil:
		s.held = f.got
	case s.held != nil:
		held := *s.held
		held.RefreshErr = f.err
		s.held = &held
	}
	s.since, s.pause = f.began, freshFor
	if f.err != nil || errors.Is(f.got.PreviousErr, ErrUnavailable) {
		s.since, s.pause = s.now(), retryAfter
	}
}

// wait returns the result of a fetch, or an error that wraps ErrUnavailable and the context's when that ends before.
func (s *Store[T]) wait(ctx context.Context, f *fetch[T]) (Snapshot[T], error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return Snapshot[T]{}, s.late(ctx.Err())
	}
	if f.err != nil {
		return Snapshot[T]{}, f.err
	}
	return *f.got, nil
}

// get fetches AWSCURRENT, and then AWSPREVIOUS where that counts and may have changed: nearly every start, with a
// secret that was not put just now, needs one call. A rotation between the two calls returns the same version twice,
// and the next fetch corrects it.
func (s *Store[T]) get(ctx context.Context, began time.Time, old *Snapshot[T]) (*Snapshot[T], error) {
	now, err := s.version(ctx, current, old)
	if err != nil {
		return nil, err
	}
	got := &Snapshot[T]{Current: now, at: began}
	if !now.IsYounger(s.cfg.PreviousFor, began) {
		return got, nil
	}
	same := old != nil && old.Current.ID == now.ID
	if same && within(previousFreshFor, old.previousAt, began) && !errors.Is(old.PreviousErr, ErrUnavailable) {
		got.takePrevious(old)
		return got, nil
	}
	ctx, cancel := context.WithTimeout(ctx, previousLimit)
	defer cancel()
	before, err := s.version(ctx, previous, old)
	got.previousAt = began
	switch {
	case err == nil:
		got.Previous = &before
	case same && errors.Is(err, ErrUnavailable):
		got.takePrevious(old)
	case !errors.Is(err, ErrNotFound): // no previous version is an answer like any other
		got.PreviousErr = err
	}
	return got, nil
}

// version fetches the version that has a label. A version never changes, so that a cached one is not parsed again.
func (s *Store[T]) version(ctx context.Context, label string, old *Snapshot[T]) (Version[T], error) {
	out, err := s.cfg.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     aws.String(s.cfg.ARN),
		VersionStage: aws.String(label),
	}, func(o *secretsmanager.Options) { o.Retryer = s.retryer })
	if err != nil {
		return Version[T]{}, s.refused(label, err)
	}
	id := aws.ToString(out.VersionId)
	if known := old.find(id); known != nil {
		return *known, nil
	}
	if out.SecretString == nil {
		return Version[T]{}, s.malformed(label, "it holds no text: store it as SecretString, not as SecretBinary")
	}
	value, err := s.parse(*out.SecretString)
	if err != nil {
		return Version[T]{}, s.malformed(label, err.Error())
	}
	return Version[T]{ID: id, Created: aws.ToTime(out.CreatedDate), Value: value}, nil
}

// parse turns a panic in Parse into an error that names only its type: the runtime would print its value.
func (s *Store[T]) parse(text string) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it ended in a %T, which is a fault of the reader", p)
		}
	}()
	return s.cfg.Parse([]byte(text))
}

// newRetryer tries again what the SDK considers transient, after 50 to 150 ms.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
			return 50*time.Millisecond + rand.N(100*time.Millisecond), nil
		})
	})
}
