// Package secret caches the parsed value of one AWS Secrets Manager secret and refreshes it while requests go on.
//
//	keys := secret.New(secret.Config[Keyring]{API: client, ARN: arn, Parse: parseKeyring})
//	keys.Prefetch(ctx)            // at the start
//	cached, err := keys.Load(ctx) // in each request
//
// A [Store] calls GetSecretValue by ARN and nothing else:
//
//   - A value is served for 60 s. Then the next request fetches it again and waits at most 300 ms before it uses the
//     cached value; the fetch goes on for the requests that follow.
//   - A refresh that failed is tried again 10 s later. A value that no fetch confirmed for 1 h is no longer served.
//   - Without a value to serve, requests wait for a fetch, each as long as its own context allows. No failure is cached,
//     but the next fetch begins 1 s after the last one began: strangers must not drive Secrets Manager.
//   - One fetch is in flight at a time, shared by all that wait for it. It ends after 3 s.
//   - [Store.Refresh] fetches before the time: not within 5 s of the last good or forced fetch, and every 40 s
//     in the long run. Up to 24 are saved in quiet times. The last 8 are not for askers that had one within 10 minutes,
//     and the last 4 only for askers that [Store.Verified] named within 24 hours; one that is both leaves 2.
//   - AWSPREVIOUS is fetched while AWSCURRENT is young enough for it to count: at first, when AWSCURRENT changed, and
//     every 10 minutes.
//
// A store in constant use makes 60 calls an hour, 66 while AWSPREVIOUS counts, at most 120 if somebody forces refreshes
// all the time, and 360 while they fail. The SDK makes one more attempt within each for errors that it considers transient.
//
// # Freezes
//
// AWS Lambda stops the whole process between two invocations, for minutes, in the middle of whatever it does in the
// background. A fetch in flight then waits on a dead connection, and whether its timer counted the time of the freeze
// depends on the machine. Therefore ages are measured by the wall clock; a fetch older than its limit is abandoned and
// made again, inside the request that finds it; a request never fails because of a fetch that began before it did; and
// the age of a value counts from the beginning of its fetch. The SDK takes the Date of an answer that it read after a freeze for
// the present: the next call is signed with a wrong time, refused, and succeeds at the second attempt.
//
// API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
package secret

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	freshFor         = 60 * time.Second       // a value is served without a refresh
	refreshWait      = 300 * time.Millisecond // a request with a value to serve waits for a refresh
	retryAfter       = 10 * time.Second       // from a failed refresh to the next
	firstRetryAfter  = time.Second            // from the beginning of a failed fetch to the next, without a value
	cachedFor        = time.Hour              // a value that no fetch confirmed is served
	forceAfter       = 5 * time.Second        // from the beginning of a good or a forced fetch to a forced one
	previousFreshFor = 10 * time.Minute       // AWSPREVIOUS is not fetched again while AWSCURRENT is the same
	fetchLimit       = 3 * time.Second        // for a fetch, retries included
	previousLimit    = time.Second            // of that, for AWSPREVIOUS: requests that could do without it wait too

	// The SDK's own 3 attempts pause for seconds. With a single one it could not correct the time that it signs with.
	attempts = 2
	backoff  = 100 * time.Millisecond
)

// API is the only call of Secrets Manager that a [Store] makes. *secretsmanager.Client implements it.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

var _ API = (*secretsmanager.Client)(nil)

// Config of a [Store].
type Config[T any] struct {
	API API
	ARN string

	// Parse returns the value of the secret's text. Operators read its errors: they must name fields and quote nothing.
	Parse func([]byte) (T, error)

	PreviousFor time.Duration    // AWSPREVIOUS is fetched too while AWSCURRENT is younger; 0 = never
	Now         func() time.Time // the wall clock; nil = time.Now
}

// A Store caches the last good value of a secret. It is safe for concurrent use.
type Store[T any] struct {
	cfg     Config[T]
	retryer aws.Retryer

	mu      sync.Mutex
	cached  *Snapshot[T] // the last good value; nil before the first
	failure error        // of the last fetch
	fetch   *fetch[T]    // in flight; nil when there is none
	began   time.Time    // when the last fetch began
	since   time.Time    // with a cached value, the next refresh is due at since + pause
	pause   time.Duration
	forced  time.Time // when the last forced refresh began
	budget  budget    // of forced refreshes
}

// New returns a Store. It does no I/O.
func New[T any](cfg Config[T]) *Store[T] {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	retryer := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, backoff })
	return &Store[T]{cfg: cfg, retryer: retryer, budget: newBudget()}
}

// Prefetch starts the first fetch, unless a request already did, and returns at once. The fetch does not end with ctx.
func (s *Store[T]) Prefetch(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.usable(now) == nil {
		s.join(ctx, now)
	}
}

// Load returns the value. As long as one is cached that was confirmed within 1 h there is no error. Otherwise it wraps
// [ErrUnavailable], [ErrDenied], [ErrNotFound] or [ErrMalformed].
func (s *Store[T]) Load(ctx context.Context) (Snapshot[T], error) {
	for came := s.now(); ; {
		s.mu.Lock()
		now := s.now()
		have := s.usable(now)
		switch {
		case have != nil && within(s.pause, s.since, now):
			s.mu.Unlock()
			return *have, nil
		case have == nil && !s.inFlight(now) && within(firstRetryAfter, s.began, now):
			failure, wait := s.failure, s.began.Add(firstRetryAfter).Sub(now)
			s.mu.Unlock()
			if err := rest(ctx, wait, failure); err != nil {
				return Snapshot[T]{}, err
			}
			continue
		}
		f := s.join(ctx, now)
		s.mu.Unlock()
		if have != nil {
			ctx, cancel := context.WithTimeout(ctx, refreshWait)
			defer cancel()
			if got, err := s.wait(ctx, f); err == nil {
				return got, nil
			}
			return *have, nil
		}
		got, err := s.wait(ctx, f)
		if err == nil || !f.began.Before(came) || ctx.Err() != nil { // a fetch from before may have died in a freeze
			return got, err
		}
	}
}

// rest waits until the next fetch is due, or returns the last failure if ctx ends before.
func rest(ctx context.Context, d time.Duration, failure error) error {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) <= d {
		return failure
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return failure
	}
}

// Refresh returns a newer value than the one that the caller saw and could not use, and reports whether it changed. It
// fetches unless that was done just now or the budget is spent; asker is whoever caused it, such as a client's address.
// Errors are those of [Store.Load]; the cached value, if any, comes with them.
func (s *Store[T]) Refresh(ctx context.Context, seen Snapshot[T], asker string) (got Snapshot[T], changed bool, err error) {
	for came := s.now(); ; {
		s.mu.Lock()
		now := s.now()
		have := s.usable(now)
		if have == nil {
			s.mu.Unlock()
			got, err = s.Load(ctx)
			return got, err == nil && got.differs(seen), err
		}
		early := within(forceAfter, have.at, now) || within(forceAfter, s.forced, now)
		if have.differs(seen) || !s.inFlight(now) && (early || !s.budget.take(asker, now)) {
			s.mu.Unlock()
			return *have, have.differs(seen), nil
		}
		f := s.join(ctx, now)
		if f.began.Equal(now) { // not that of another request
			s.forced = now
		}
		s.mu.Unlock()
		if got, err = s.wait(ctx, f); err != nil {
			got = *have
		}
		changed = err == nil && got.differs(seen)
		if changed || !f.began.Before(came) || ctx.Err() != nil { // a fetch from before may be older than the change
			return got, changed, err
		}
	}
}

// Verified records that asker proved to know the value, as by a signature of a key in it, so that [Store.Refresh] keeps
// the last refreshes for such askers. An empty asker is nobody in particular.
func (s *Store[T]) Verified(asker string) {
	if asker == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget.verify(asker, s.now())
}

// usable returns the cached value, nil if there is none or it is too old. The caller has locked s.mu.
func (s *Store[T]) usable(now time.Time) *Snapshot[T] {
	if s.cached == nil || now.Sub(s.cached.at) > cachedFor {
		return nil
	}
	return s.cached
}

// now is the wall clock alone, without the monotonic reading, which may stand still in a freeze.
func (s *Store[T]) now() time.Time { return s.cfg.Now().Round(0) }

// within reports whether less than d went by between at and now. It is false when the clock was set back.
func within(d time.Duration, at, now time.Time) bool {
	age := now.Sub(at)
	return 0 <= age && age < d
}
