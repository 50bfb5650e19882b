// Package secret keeps the value of one AWS Secrets Manager secret at hand, parsed, and renews it while requests go on.
//
// A [Store] calls GetSecretValue by ARN and nothing else:
//
//   - A value is good for 60 s. Then the next request asks again, and waits at most 300 ms for the answer before it
//     makes do with the value at hand; the fetch goes on for those that follow.
//   - After a refresh that failed the next one is tried 10 s later. A value that nobody could confirm for 1 h is
//     served no more.
//   - With no value to serve, each request fetches: no failure is kept. One fetch is in flight at a time and shared by
//     all that wait, each for as long as its own context allows; the fetch itself ends after 3 s.
//   - [Store.Refresh] asks before the time, at most once in 30 s, and not for a value that is younger than 5 s: what
//     comes with the first webhooks after a start causes no call.
//   - AWSPREVIOUS, where it is wanted, is asked for while AWSCURRENT is young enough for it to count: at first, when
//     AWSCURRENT changed, and every 10 minutes.
//
// A store in constant use so makes 60 calls an hour, 66 while AWSPREVIOUS counts, twice as many when somebody forces it
// all the time, and 360 while they fail. What the SDK holds for passing is tried a second time within each.
//
// # Freezes
//
// AWS Lambda stops the whole process between two invocations, for minutes, in the middle of whatever it does in the
// background. A fetch that was in flight then waits on a connection that is dead, and whether its timer counted the
// time that it slept through depends on the machine. Therefore ages are told by the wall clock; a fetch that is older
// than its limit is given up and made again, inside the request that finds it; a request never takes failure from a
// fetch that began before it did; and a value is as old as the beginning of its fetch, not as its arrival.
// The SDK measures how far its clock is off, and an answer that was read after the freeze misleads it: the next call
// is signed with a wrong time, refused, and made good by the second attempt.
//
// API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
package secret

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	freshFor         = 60 * time.Second       // a value is served without a question
	refreshWait      = 300 * time.Millisecond // a request with a value to serve waits for a newer one
	retryAfter       = 10 * time.Second       // from a failed refresh to the next
	heldFor          = time.Hour              // a value that could not be confirmed is served all the same
	forceEvery       = 30 * time.Second       // from one forced refresh to the next
	newEnough        = 5 * time.Second        // a value just fetched is not asked for again by force
	previousFreshFor = 10 * time.Minute       // AWSPREVIOUS is not asked for again while AWSCURRENT stays
	fetchLimit       = 3 * time.Second        // a fetch may take, retries included
	previousLimit    = time.Second            // of that, AWSPREVIOUS: requests wait for it that could do without
)

// API is the one call of Secrets Manager that a [Store] makes; *secretsmanager.Client has it.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

var _ API = (*secretsmanager.Client)(nil)

// Config of a [Store].
type Config[T any] struct {
	API API
	ARN string

	// Parse makes a value of the secret's text. Its error is shown to operators, so it must name fields, never what
	// stands in them; errors of encoding/json, which quote, are put in other words.
	Parse func([]byte) (T, error)

	PreviousFor time.Duration    // ask for AWSPREVIOUS too while AWSCURRENT is younger; 0 is never
	Now         func() time.Time // the wall clock; nil is time.Now
}

// A Store holds the last good value of a secret. It may be used by several goroutines at once.
type Store[T any] struct {
	cfg     Config[T]
	retryer aws.Retryer

	mu     sync.Mutex
	held   *holding[T]   // the last good value; nil before the first
	flight *flight[T]    // the fetch in flight; nil when there is none
	tried  time.Time     // the last refresh, and
	pause  time.Duration // how long after it the next one is due
	forced time.Time     // when the last forced refresh began
}

// New makes a Store. It does no I/O.
func New[T any](cfg Config[T]) *Store[T] {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store[T]{cfg: cfg, retryer: newRetryer()}
}

// Prefetch starts the first fetch, unless a request was quicker, and returns at once. The fetch keeps the values of
// ctx, but not its end.
func (s *Store[T]) Prefetch(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.usable(now) == nil {
		s.join(ctx, now)
	}
}

// Load returns the value. The error wraps [ErrUnavailable], [ErrDenied], [ErrNotFound] or [ErrMalformed], and there is
// none as long as a value younger than 1 h is at hand.
func (s *Store[T]) Load(ctx context.Context) (Snapshot[T], error) {
	s.mu.Lock()
	now := s.now()
	have := s.usable(now)
	if have != nil && within(s.pause, s.tried, now) {
		s.mu.Unlock()
		return have.Snapshot, nil
	}
	f, joined := s.join(ctx, now)
	s.mu.Unlock()
	if have != nil {
		return s.newer(ctx, f, have.Snapshot), nil
	}
	got, err := s.wait(ctx, f)
	if err == nil || !joined || ctx.Err() != nil {
		return got, err
	}
	s.mu.Lock()
	f, _ = s.join(ctx, s.now())
	s.mu.Unlock()
	return s.wait(ctx, f)
}

// Refresh returns a value newer than the one that the caller saw and could do nothing with, changed, if there is one.
// It asks Secrets Manager at most once in 30 s, tries that failed included, and not within 5 s of the last fetch;
// otherwise it returns what is at hand.
// Errors are those of [Store.Load]; the value at hand, if any, comes with them.
func (s *Store[T]) Refresh(ctx context.Context, seen Snapshot[T]) (got Snapshot[T], changed bool, err error) {
	got, joined, err := s.force(ctx, seen)
	if joined && (err != nil || !got.differs(seen)) && ctx.Err() == nil {
		got, _, err = s.force(ctx, seen) // the fetch that it joined may have been older than the change
	}
	return got, err == nil && got.differs(seen), err
}

// force is one try of Refresh. Joined tells that the fetch was somebody else's.
func (s *Store[T]) force(ctx context.Context, seen Snapshot[T]) (got Snapshot[T], joined bool, err error) {
	s.mu.Lock()
	now := s.now()
	have := s.usable(now)
	flying := s.flying(now)
	if have == nil {
		s.mu.Unlock()
		got, err = s.Load(ctx)
		return got, false, err
	}
	settled := within(forceEvery, s.forced, now) || within(newEnough, have.at, now)
	if have.differs(seen) || !flying && settled {
		s.mu.Unlock()
		return have.Snapshot, false, nil
	}
	f, joined := s.join(ctx, now)
	if !joined {
		s.forced = now
	}
	s.mu.Unlock()
	if got, err = s.wait(ctx, f); err != nil {
		got = have.Snapshot
	}
	return got, joined, err
}

// usable is the value at hand unless it is too old. s.mu is held.
func (s *Store[T]) usable(now time.Time) *holding[T] {
	if s.held == nil || now.Sub(s.held.at) > heldFor {
		return nil
	}
	return s.held
}

// newer waits a moment for a fetch; have is good enough.
func (s *Store[T]) newer(ctx context.Context, f *flight[T], have Snapshot[T]) Snapshot[T] {
	ctx, cancel := context.WithTimeout(ctx, refreshWait)
	defer cancel()
	if got, err := s.wait(ctx, f); err == nil {
		return got
	}
	return have
}

// now is the wall clock alone: without the monotonic reading, which may stand still in a freeze.
func (s *Store[T]) now() time.Time { return s.cfg.Now().Round(0) }

// within tells that less than d went by between at and now. A clock that was set back tells nothing.
func within(d time.Duration, at, now time.Time) bool {
	age := now.Sub(at)
	return 0 <= age && age < d
}
