package secret

import (
	"context"
	"errors"
	"time"
)

// A flight is one fetch that may have many waiting for it.
type flight[T any] struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when got and err are final
	got    *holding[T]
	err    error
}

// flying tells that there is a fetch in flight which is still within its limit by the wall clock. s.mu is held.
func (s *Store[T]) flying(now time.Time) bool {
	return s.flight != nil && within(fetchLimit, s.flight.began, now)
}

// join returns the fetch in flight, or begins one when there is none or it died in a freeze. s.mu is held.
func (s *Store[T]) join(ctx context.Context, now time.Time) (f *flight[T], joined bool) {
	if s.flying(now) {
		return s.flight, true
	}
	if s.flight != nil {
		s.flight.cancel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
	s.flight = &flight[T]{began: now, cancel: cancel, done: make(chan struct{})}
	go s.fly(ctx, s.flight, s.usable(now))
	return s.flight, false
}

// fly fetches, keeps what it got and wakes those that wait.
func (s *Store[T]) fly(ctx context.Context, f *flight[T], old *holding[T]) {
	defer close(f.done)
	defer f.cancel()
	f.got, f.err = s.fetch(ctx, f.began, old)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != f { // given up: a younger fetch took its place
		return
	}
	s.flight = nil
	if f.err != nil {
		s.tried, s.pause = s.now(), retryAfter
		s.held = s.held.failed(f.err)
		return
	}
	s.held = f.got
	s.tried, s.pause = f.began, freshFor
	if errors.Is(f.got.PreviousErr, ErrUnavailable) {
		s.tried, s.pause = s.now(), retryAfter
	}
}

// wait returns what a fetch got, or an error that wraps ErrUnavailable and the context's when that ends before.
func (s *Store[T]) wait(ctx context.Context, f *flight[T]) (Snapshot[T], error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return Snapshot[T]{}, s.late(ctx.Err())
	}
	if f.err != nil {
		return Snapshot[T]{}, f.err
	}
	return f.got.Snapshot, nil
}
