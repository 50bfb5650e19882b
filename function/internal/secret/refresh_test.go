package secret_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"vicihook/function/internal/secret"
)

// settled is how old a value must be before a refresh is forced.
const settled = 5 * time.Second

func TestRefresh(t *testing.T) {
	bubbles(t, map[string]func(*testing.T, *api, *secret.Store[string]){
		"a rotation is seen at once":                                         refreshSees,
		"it asks once in 30 s":                                               refreshLimited,
		"a value that was just fetched is not asked for again":               refreshTooSoon,
		"one that failed counts, and its error comes with the value at hand": refreshFailed,
		"a caller that saw an older value gets the newer one without a call": refreshCaughtUp,
		"a hundred at once share one fetch":                                  refreshShared,
		"a fetch in flight that fails is joined, then made again":            refreshJoined,
		"it waits longer than 300 ms, but no longer than its context":        refreshWaits,
		"without a value it loads, as often as it is called":                 refreshFirst,
		"ten thousand in a hundred seconds cost four calls":                  refreshFlood,
	})
}

// refresh asserts what a Refresh of a caller that saw one version comes to.
func refresh(t *testing.T, s *secret.Store[string], seen secret.Snapshot[string], want string, wantChanged bool) {
	t.Helper()
	got, changed, err := s.Refresh(t.Context(), seen)
	if err != nil || changed != wantChanged || got.Current.ID != want {
		t.Fatalf("Refresh: got %v, %v, %v, want %s, %v", got.Current, changed, err, want, wantChanged)
	}
}

func refreshSees(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.rotate("v2")
	refresh(t, s, seen, "v2", true)
	load(t, s, "v2")
	wantCalls(t, a, current, 2)
}

func refreshLimited(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	refresh(t, s, seen, "v1", false)
	a.rotate("v2")
	time.Sleep(30*time.Second - 1)
	refresh(t, s, seen, "v1", false)
	wantCalls(t, a, current, 2)
	time.Sleep(time.Nanosecond)
	refresh(t, s, seen, "v2", true)
	wantCalls(t, a, current, 3)
}

func refreshFailed(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.fail(current, throttled)
	got, changed, err := s.Refresh(t.Context(), seen)
	if !errors.Is(err, secret.ErrUnavailable) || changed || got.Current.ID != "v1" {
		t.Fatalf("Refresh: got %v, %v, %v, want v1, false, ErrUnavailable", got, changed, err)
	}
	a.fail(current, nil)
	a.rotate("v2")
	refresh(t, s, seen, "v1", false)
	wantCalls(t, a, current, 2)
	time.Sleep(10 * time.Second)
	load(t, s, "v2")
}

func refreshCaughtUp(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.rotate("v2")
	refresh(t, s, seen, "v2", true)
	refresh(t, s, seen, "v2", true)
	wantCalls(t, a, current, 2)
}

func refreshShared(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.rotate("v2")
	a.set(func() { a.takes = time.Second })
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { refresh(t, s, seen, "v2", true) })
	}
	wg.Wait()
	wantCalls(t, a, current, 2)
}

func refreshJoined(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	time.Sleep(time.Minute)
	a.set(func() { a.takes = time.Second })
	a.fail(current, throttled)
	seen := load(t, s, "v1") // a refresh is in flight, and will fail
	a.fail(current, nil)
	a.rotate("v2")
	refresh(t, s, seen, "v2", true)
	wantCalls(t, a, current, 3)
}

func refreshTooSoon(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	a.rotate("v2")
	time.Sleep(settled - 1)
	refresh(t, s, seen, "v1", false)
	wantCalls(t, a, current, 1)
	time.Sleep(time.Nanosecond)
	refresh(t, s, seen, "v2", true)
}

func refreshWaits(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.rotate("v2")
	a.set(func() { a.takes = 2 * time.Second })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if _, changed, err := s.Refresh(ctx, seen); changed || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Refresh: got %v, %v, want the context's error", changed, err)
	}
	wantTook(t, began, time.Second)
	refresh(t, s, seen, "v2", true) // joins
	wantTook(t, began, 2*time.Second)
	wantCalls(t, a, current, 2)
}

func refreshFirst(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	for range 3 {
		if _, changed, err := s.Refresh(t.Context(), secret.Snapshot[string]{}); changed || !errors.Is(err, secret.ErrUnavailable) {
			t.Fatalf("Refresh: got %v, %v, want ErrUnavailable", changed, err)
		}
	}
	wantCalls(t, a, current, 3)
	a.fail(current, nil)
	refresh(t, s, secret.Snapshot[string]{}, "v1", true)
}

func refreshFlood(t *testing.T, a *api, s *secret.Store[string]) {
	for range 10_000 {
		refresh(t, s, load(t, s, "v1"), "v1", false)
		time.Sleep(10 * time.Millisecond)
	}
	wantCalls(t, a, current, 1+4) // the first, and forced at 0, 30, 60 and 90 s, which renew the value too
}
