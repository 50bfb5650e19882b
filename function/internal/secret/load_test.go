package secret_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/secret"
)

// bubbles runs each case in a bubble of its own, with a store that fetches AWSCURRENT only.
func bubbles(t *testing.T, cases map[string]func(*testing.T, *api, *secret.Store[string])) {
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI()
				run(t, a, a.store(false))
			})
		})
	}
}

func TestLoadCached(t *testing.T) {
	bubbles(t, map[string]func(*testing.T, *api, *secret.Store[string]){
		"a value below 60 s is served without a call":            servedFresh,
		"a value of 60 s is fetched again by the next request":   fetchedAgain,
		"requests wait 300 ms for a slow refresh, which goes on": slowRefresh,
		"a failed refresh is tried again 10 s later":             failedRefresh,
		"a malformed new value leaves the old one in use":        malformedRefresh,
		"a value unconfirmed for 1 h is an error, then recovers": hardCap,
		"a clock that is set back makes the value stale":         clockSetBack,
	})
}

func servedFresh(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.rotate("v2")
	time.Sleep(60*time.Second - 1)
	load(t, s, "v1")
	wantCalls(t, a, current, 1)
	wantCalls(t, a, previous, 0)
}

func fetchedAgain(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.rotate("v2")
	time.Sleep(60 * time.Second)
	if got := load(t, s, "v2"); !got.Current.Created.Equal(created) {
		t.Errorf("Created: got %v, want %v", got.Current.Created, created)
	}
	wantCalls(t, a, current, 2)
}

func slowRefresh(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.rotate("v2")
	a.set(func() { a.takes = 500 * time.Millisecond })
	time.Sleep(60 * time.Second)
	began := time.Now()
	load(t, s, "v1")
	wantTook(t, began, 300*time.Millisecond)
	load(t, s, "v2") // joins the fetch, which needs 200 ms more
	wantTook(t, began, 500*time.Millisecond)
	load(t, s, "v2")
	wantTook(t, began, 500*time.Millisecond)
	wantCalls(t, a, current, 2)
}

func failedRefresh(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.fail(current, throttled)
	time.Sleep(60 * time.Second)
	load(t, s, "v1")
	load(t, s, "v1")
	time.Sleep(10*time.Second - 1)
	load(t, s, "v1")
	wantCalls(t, a, current, 2)
	time.Sleep(time.Nanosecond)
	load(t, s, "v1")
	wantCalls(t, a, current, 3)
}

func malformedRefresh(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.rotate("bad2")
	time.Sleep(60 * time.Second)
	load(t, s, "v1")
	if held := load(t, s, "v1"); !errors.Is(held.RefreshErr, secret.ErrMalformed) {
		t.Errorf("RefreshErr: got %v, want ErrMalformed", held.RefreshErr)
	}
	a.rotate("v3")
	time.Sleep(10 * time.Second)
	if held := load(t, s, "v3"); held.RefreshErr != nil {
		t.Errorf("RefreshErr: got %v, want none after a refresh that went well", held.RefreshErr)
	}
}

func hardCap(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.fail(current, throttled)
	time.Sleep(time.Hour)
	load(t, s, "v1")
	time.Sleep(time.Nanosecond)
	for range 3 {
		if got, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) || got.Current.Value != "" {
			t.Fatalf("Load: got %v, %v, want nothing and ErrUnavailable", got, err)
		}
	}
	wantCalls(t, a, current, 1+1+3)
	a.fail(current, nil)
	load(t, s, "v1")
}

func clockSetBack(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.rotate("v2")
	a.freeze(-24 * time.Hour)
	load(t, s, "v2")
	load(t, s, "v2")
	wantCalls(t, a, current, 2)
}

func TestLoadUncached(t *testing.T) {
	bubbles(t, map[string]func(*testing.T, *api, *secret.Store[string]){
		"a failure is not cached, but the next fetch begins 1 s later": failureNotCached,
		"a request without that time gets the last failure":            noTimeToRest,
		"a hundred requests whose fetch failed share the next":         failedTogether,
		"a value that expires in an outage is fetched by requests":     expiredInOutage,
		"a panic of the parser is an error that quotes no value":       panicked,
		"a prefetch that comes after a request fetches nothing":        prefetchLate,
		"a hundred requests share one fetch":                           shared,
		"a request returns when its context ends, the fetch goes on":   contextEnds,
		"a fetch ends after 3 s":                                       fetchLimited,
		"a request joins a prefetch, and fetches again if that fails":  prefetchFailed,
		"a prefetch outlives its context":                              prefetchDetached,
	})
}

func failureNotCached(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	began := time.Now()
	for range 3 {
		if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
			t.Fatalf("Load: got %v, want ErrUnavailable", err)
		}
	}
	wantCalls(t, a, current, 3)
	wantTook(t, began, 2*time.Second)
	a.fail(current, nil)
	load(t, s, "v1")
	wantTook(t, began, 3*time.Second)
}

func noTimeToRest(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
		t.Fatalf("Load: got %v, want ErrUnavailable", err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.Load(ctx); !errors.Is(err, secret.ErrUnavailable) || !strings.Contains(err.Error(), "Throttling") {
		t.Fatalf("Load: got %v, want the last failure", err)
	}
	wantTook(t, began, 0)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	if _, err := s.Load(ctx); !errors.Is(err, secret.ErrUnavailable) || !strings.Contains(err.Error(), "Throttling") {
		t.Fatalf("Load: got %v, want the last failure", err)
	}
	wantTook(t, began, 300*time.Millisecond)
	wantCalls(t, a, current, 1)
}

func failedTogether(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	a.takes = 200 * time.Millisecond
	began := time.Now()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
				t.Errorf("Load: got %v, want ErrUnavailable", err)
			}
		})
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	wantTook(t, began, 1200*time.Millisecond)
	wantCalls(t, a, current, 2)
}

func expiredInOutage(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	a.fail(current, throttled)
	time.Sleep(time.Hour - 5*time.Second)
	load(t, s, "v1") // the refresh failed, and the next is due in 10 s
	time.Sleep(5*time.Second + 1)
	began := time.Now()
	if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
		t.Fatalf("Load: got %v, want ErrUnavailable", err)
	}
	wantTook(t, began, 0)
	wantCalls(t, a, current, 3)
}

func shared(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Second
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { load(t, s, "v1") })
	}
	wg.Wait()
	wantCalls(t, a, current, 1)
}

func contextEnds(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	_, err := s.Load(ctx)
	if !errors.Is(err, secret.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Load: got %v, want ErrUnavailable and the context's error", err)
	}
	wantTook(t, began, time.Second)
	load(t, s, "v1")
	wantTook(t, began, 2*time.Second)
	wantCalls(t, a, current, 1)
}

func fetchLimited(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Hour
	began := time.Now()
	if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
		t.Fatalf("Load: got %v, want ErrUnavailable", err)
	}
	wantTook(t, began, 3*time.Second)
}

func prefetchFailed(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	a.takes = time.Second
	began := time.Now()
	s.Prefetch(t.Context())
	s.Prefetch(t.Context())
	synctest.Wait()
	wantCalls(t, a, current, 1)
	a.fail(current, nil)
	time.Sleep(time.Millisecond)
	load(t, s, "v1")
	wantTook(t, began, 2*time.Second)
	wantCalls(t, a, current, 2)
}

func prefetchLate(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	s.Prefetch(t.Context())
	synctest.Wait()
	wantCalls(t, a, current, 1)
}

func panicked(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("panic-with-the-password")
	_, err := s.Load(t.Context())
	if !errors.Is(err, secret.ErrMalformed) || strings.Contains(err.Error(), "password") {
		t.Fatalf("Load: got %v, want ErrMalformed without the panic's value", err)
	}
	a.rotate("v2")
	time.Sleep(time.Second)
	load(t, s, "v2")
}

func prefetchDetached(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Second
	ctx, cancel := context.WithCancel(t.Context())
	s.Prefetch(ctx)
	cancel()
	load(t, s, "v1")
	wantCalls(t, a, current, 1)
}
