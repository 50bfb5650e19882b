package secret_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/secret"
)

// settled is the age at which a value may be refreshed by force.
const settled = 5 * time.Second

func TestRefresh(t *testing.T) {
	bubbles(t, map[string]func(*testing.T, *api, *secret.Store[string]){
		"a rotation is seen at once":                                         refreshSees,
		"a value that was just fetched is not fetched again":                 refreshTooSoon,
		"a failed fetch counts, and its error comes with the cached value":   refreshFailed,
		"a caller that saw an older value gets the newer one without a call": refreshCaughtUp,
		"a hundred at once share one fetch":                                  refreshShared,
		"a fetch in flight is joined, and repeated if it fails":              refreshJoined,
		"it waits for more than 300 ms, until its context ends":              refreshWaits,
		"without a cached value it loads, each time":                         refreshFirst,
		"a flood costs two calls a minute, for hours":                        floodCost,
		"a key that is put in a flood of 80 s counts 5 s later":              floodBegins,
		"an hour of flood leaves refreshes to other addresses":               floodElsewhere,
		"a flood from many addresses costs two calls a minute, for hours":    floodFromMany,
	})
}

// refresh asserts the result of Refresh for a caller that saw one version.
func refresh(t *testing.T, s *secret.Store[string], seen secret.Snapshot[string], want string, wantChanged bool) {
	t.Helper()
	got, changed, err := s.Refresh(t.Context(), seen, "")
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

func refreshFailed(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.fail(current, throttled)
	got, changed, err := s.Refresh(t.Context(), seen, "")
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
	if _, changed, err := s.Refresh(ctx, seen, ""); changed || !errors.Is(err, context.DeadlineExceeded) {
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
		if _, changed, err := s.Refresh(t.Context(), secret.Snapshot[string]{}, ""); changed || !errors.Is(err, secret.ErrUnavailable) {
			t.Fatalf("Refresh: got %v, %v, want ErrUnavailable", changed, err)
		}
	}
	wantCalls(t, a, current, 3)
	a.fail(current, nil)
	refresh(t, s, secret.Snapshot[string]{}, "v1", true)
}

// flood forces a refresh every 10 ms for d, as somebody at one address.
func flood(t *testing.T, s *secret.Store[string], want string, d time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < d; time.Sleep(10 * time.Millisecond) {
		refresh(t, s, load(t, s, want), want, false)
	}
}

func floodCost(t *testing.T, a *api, s *secret.Store[string]) {
	for hour := range 3 {
		before := a.count(current)
		flood(t, s, "v1", time.Hour)
		if calls := a.count(current) - before; calls < 60 || calls > 114 {
			t.Errorf("%d calls in hour %d, want 60 to 114", calls, hour)
		}
	}
}

func floodBegins(t *testing.T, a *api, s *secret.Store[string]) {
	time.Sleep(time.Hour)
	flood(t, s, "v1", 80*time.Second)
	a.rotate("v2")
	time.Sleep(settled)
	refresh(t, s, secret.Snapshot[string]{Current: secret.Version[string]{ID: "v1"}}, "v2", true)
}

func floodElsewhere(t *testing.T, a *api, s *secret.Store[string]) {
	flood(t, s, "v1", time.Hour)
	for i, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		seen := load(t, s, fmt.Sprintf("v%d", i+1))
		next := fmt.Sprintf("v%d", i+2)
		a.rotate(next)
		time.Sleep(settled)
		if got, changed, err := s.Refresh(t.Context(), seen, address); err != nil || !changed || got.Current.ID != next {
			t.Fatalf("Refresh: got %v, %v, %v, want %s", got.Current, changed, err, next)
		}
	}
}

func floodFromMany(t *testing.T, a *api, s *secret.Store[string]) {
	for hour := range 3 {
		before := a.count(current)
		spend(t, s, time.Hour)
		if calls := a.count(current) - before; calls < 60 || calls > 120 {
			t.Errorf("%d calls in hour %d, want 60 to 120", calls, hour)
		}
	}
}

// spend forces a refresh every second for d, each from a new address.
func spend(t *testing.T, s *secret.Store[string], d time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < d; time.Sleep(time.Second) {
		seen, err := s.Load(t.Context())
		if err == nil {
			_, _, err = s.Refresh(t.Context(), seen, began.String()+time.Since(began).String())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifiedAskers asserts how many refreshes an asker has after an hour's flood from many addresses.
func TestVerifiedAskers(t *testing.T) {
	for name, c := range map[string]struct {
		verify func(*secret.Store[string])
		asker  string
		want   int
	}{
		"a verified one has two":            {func(s *secret.Store[string]) { s.Verified("192.0.2.1") }, "192.0.2.1", 2},
		"another has none":                  {func(s *secret.Store[string]) { s.Verified("192.0.2.1") }, "192.0.2.2", 0},
		"one without an address has none":   {func(s *secret.Store[string]) { s.Verified("") }, "", 0},
		"after a day it has none":           {func(s *secret.Store[string]) { s.Verified("192.0.2.1"); time.Sleep(24 * time.Hour) }, "192.0.2.1", 0},
		"the latest of 257 has two":         {func(s *secret.Store[string]) { verifyMany(s, 257) }, "256", 2},
		"the second of 257 has two":         {func(s *secret.Store[string]) { verifyMany(s, 257) }, "1", 2},
		"the first of 257 has none":         {func(s *secret.Store[string]) { verifyMany(s, 257) }, "0", 0},
		"the first that came again has two": {func(s *secret.Store[string]) { verifyMany(s, 256); s.Verified("0"); s.Verified("256") }, "0", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI()
				s := a.store(false)
				c.verify(s)
				spend(t, s, time.Hour-20*time.Second) // between two refreshes that are saved
				time.Sleep(settled)
				got := 0
				for seen := load(t, s, "v1"); ; got++ {
					a.rotate(fmt.Sprintf("v%d", got+2))
					now, changed, err := s.Refresh(t.Context(), seen, c.asker)
					if err != nil {
						t.Fatal(err)
					}
					if !changed {
						break
					}
					seen = now
					time.Sleep(settled)
				}
				if got != c.want {
					t.Errorf("got %d refreshes, want %d", got, c.want)
				}
			})
		})
	}
}

// verifyMany verifies askers that are named by their number, a second after each other.
func verifyMany(s *secret.Store[string], n int) {
	for i := range n {
		s.Verified(fmt.Sprint(i))
		time.Sleep(time.Second)
	}
}
