package secret

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// A fetch is one GetSecretValue, or two, whose result all that wait share.
type fetch[T any] struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when got and err are final
	got    *Snapshot[T]
	err    error
}

// inFlight reports whether there is a fetch within its limit by the wall clock. The caller has locked s.mu.
func (s *Store[T]) inFlight(now time.Time) bool {
	return s.fetch != nil && within(fetchLimit, s.fetch.began, now)
}

// join returns the fetch in flight, or begins one if there is none or it died in a freeze. The caller has locked s.mu.
func (s *Store[T]) join(ctx context.Context, now time.Time) *fetch[T] {
	if s.inFlight(now) {
		return s.fetch
	}
	if s.fetch != nil {
		s.fetch.cancel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
	s.began = now
	s.fetch = &fetch[T]{began: now, cancel: cancel, done: make(chan struct{})}
	go s.run(ctx, s.fetch, s.usable(now))
	return s.fetch
}

// run fetches, caches the result and wakes the requests that wait.
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
		s.cached = f.got
	case s.cached != nil:
		cached := *s.cached // requests share the one before
		cached.RefreshErr = f.err
		s.cached = &cached
	}
	s.since, s.pause = f.began, freshFor
	if f.err != nil || errors.Is(f.got.PreviousErr, ErrUnavailable) {
		s.since, s.pause = s.now(), retryAfter
	}
}

// wait returns the result of a fetch. If ctx ends before, the error wraps ErrUnavailable and that of ctx.
func (s *Store[T]) wait(ctx context.Context, f *fetch[T]) (Snapshot[T], error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return Snapshot[T]{}, s.timeoutError(ctx.Err())
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
	now, err := s.version(ctx, current)
	if err != nil {
		return nil, err
	}
	got := &Snapshot[T]{Current: now, at: began}
	if !now.IsYounger(s.cfg.PreviousFor, began) {
		return got, nil
	}
	same := old != nil && old.Current.ID == now.ID
	if same {
		got.Previous, got.PreviousErr, got.previousAt = old.Previous, old.PreviousErr, old.previousAt
		if within(previousFreshFor, got.previousAt, began) && !errors.Is(got.PreviousErr, ErrUnavailable) {
			return got, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, previousLimit)
	defer cancel()
	switch before, err := s.version(ctx, previous); {
	case err == nil:
		got.Previous, got.PreviousErr, got.previousAt = &before, nil, began
	case errors.Is(err, ErrNotFound): // no previous version is an answer like any other
		got.Previous, got.PreviousErr, got.previousAt = nil, nil, began
	case !same || !errors.Is(err, ErrUnavailable):
		got.Previous, got.PreviousErr, got.previousAt = nil, err, began
	}
	return got, nil
}

// version fetches and parses the version that has a label.
func (s *Store[T]) version(ctx context.Context, label string) (v Version[T], err error) {
	out, err := s.cfg.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     aws.String(s.cfg.ARN),
		VersionStage: aws.String(label),
	}, func(o *secretsmanager.Options) { o.Retryer = s.retryer })
	switch {
	case err != nil:
		return v, s.callError(label, err)
	case out.SecretString == nil:
		return v, s.valueError(label, "it holds no text: store it as SecretString, not as SecretBinary")
	}
	defer func() {
		if p := recover(); p != nil { // the runtime would print its value, which may quote the secret
			v, err = Version[T]{}, s.valueError(label, fmt.Sprintf("its parser panicked with a %T, which is a bug", p))
		}
	}()
	value, err := s.cfg.Parse([]byte(*out.SecretString))
	if err != nil {
		return v, s.valueError(label, err.Error())
	}
	return Version[T]{ID: aws.ToString(out.VersionId), Created: aws.ToTime(out.CreatedDate), Value: value}, nil
}
