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

// attempts is how often one call is tried inside its fetch. The SDK's own 3 attempts pause for seconds; with a single
// one it could not correct the time that it signs with.
const attempts = 2

// A holding is a fetched value and how old its parts are.
type holding[T any] struct {
	Snapshot[T]
	at     time.Time // when its fetch began
	lookup lookup[T] // where Previous comes from
}

// A lookup is one answer about AWSPREVIOUS. That there is none is an answer like others.
type lookup[T any] struct {
	version *Version[T]
	err     error
	of      string    // the version that was current
	at      time.Time // when its fetch began
}

// fetch asks for AWSCURRENT, and then for AWSPREVIOUS where that counts and could have changed: nearly every start,
// with a secret that was not put just now, makes do with one call. A rotation between the two gives AWSCURRENT twice,
// and the next fetch makes it good.
func (s *Store[T]) fetch(ctx context.Context, began time.Time, old *holding[T]) (*holding[T], error) {
	now, err := s.version(ctx, current, old)
	switch {
	case err != nil:
		return nil, err
	case !now.IsYounger(s.cfg.PreviousFor, began):
		return hold(now, lookup[T]{}, began), nil
	case old != nil && old.lookup.answers(now.ID, began):
		return hold(now, old.lookup, began), nil
	}
	before := s.lookUp(ctx, now.ID, began, old)
	if old != nil && now.ID == old.Current.ID && errors.Is(before.err, ErrUnavailable) {
		before = old.lookup
	}
	return hold(now, before, began), nil
}

func hold[T any](now Version[T], before lookup[T], at time.Time) *holding[T] {
	return &holding[T]{
		Snapshot: Snapshot[T]{Current: now, Previous: before.version, PreviousErr: before.err},
		at:       at,
		lookup:   before,
	}
}

// failed is the holding after a refresh that failed.
func (h *holding[T]) failed(err error) *holding[T] {
	if h == nil {
		return nil
	}
	same := *h
	same.RefreshErr = err
	return &same
}

// answers tells whether the lookup still stands for a current version.
func (l lookup[T]) answers(current string, now time.Time) bool {
	return l.of == current && within(previousFreshFor, l.at, now) && !errors.Is(l.err, ErrUnavailable)
}

func (s *Store[T]) lookUp(ctx context.Context, of string, began time.Time, old *holding[T]) lookup[T] {
	ctx, cancel := context.WithTimeout(ctx, previousLimit)
	defer cancel()
	found, err := s.version(ctx, previous, old)
	switch {
	case errors.Is(err, ErrNotFound):
		return lookup[T]{of: of, at: began}
	case err != nil:
		return lookup[T]{err: err, of: of, at: began}
	}
	return lookup[T]{version: &found, of: of, at: began}
}

// version gets the version that has a label. What is known of it already is not parsed again: versions never change.
func (s *Store[T]) version(ctx context.Context, label string, old *holding[T]) (Version[T], error) {
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
		return Version[T]{}, s.malformed(label, shown(err))
	}
	return Version[T]{ID: id, Created: aws.ToTime(out.CreatedDate), Value: value}, nil
}

// parse lets a panic of Parse be an error that shows its type: the runtime would print its value, and end the process.
func (s *Store[T]) parse(text string) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it ended in a %T, which is a fault of the reader", p)
		}
	}()
	return s.cfg.Parse([]byte(text))
}

// find returns the version of that id which is at hand, nil when it is not.
func (h *holding[T]) find(id string) *Version[T] {
	switch {
	case h == nil || id == "":
		return nil
	case h.Current.ID == id:
		return &h.Current
	case h.Previous != nil && h.Previous.ID == id:
		return h.Previous
	}
	return nil
}

// newRetryer tries again what the SDK holds for passing, after 50 to 150 ms.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
			return 50*time.Millisecond + rand.N(100*time.Millisecond), nil
		})
	})
}
