package secret_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/secret"
)

func TestPrevious(t *testing.T) {
	cases := map[string]func(*testing.T, *api, *secret.Store[string]){
		"it is fetched after AWSCURRENT":                                  fetchedAfter,
		"it is fetched while AWSCURRENT is younger than it counts":        fetchedWhileItCounts,
		"it is fetched when Secrets Manager's clock is ahead":             fetchedWithClockAhead,
		"its absence is cached":                                           absenceCached,
		"an hour of constant use costs 60 calls and 6":                    hourOfUse,
		"a rotation fetches the old value too":                            rotated,
		"a rotation between the two calls is corrected by the next fetch": rotatedBetween,
		"a label that moves while AWSCURRENT stays is seen in 10 minutes": labelMoved,
		"a malformed one disables nothing":                                previousMalformed,
		"a denied one disables nothing":                                   previousDenied,
		"one that is unavailable at first is fetched again after 10 s":    previousLate,
		"one that is unavailable after a rotation is fetched again":       previousLateAfterRotation,
		"one that is unavailable later stays cached with AWSCURRENT":      previousStays,
		"a fetch that gets no answer ends after 1 s":                      previousSilent,
		"it is not fetched when AWSCURRENT fails":                         currentFailsFirst,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI()
				run(t, a, a.store(true))
			})
		})
	}
}

// loadBoth asserts which versions a request gets; an empty wantPrevious means none.
func loadBoth(t *testing.T, s *secret.Store[string], want, wantPrevious string) secret.Snapshot[string] {
	t.Helper()
	got := load(t, s, want)
	value := ""
	if got.Previous != nil {
		value = got.Previous.Value
	}
	if value != wantPrevious {
		t.Fatalf("Previous: got %q, want %q", value, wantPrevious)
	}
	return got
}

func fetchedAfter(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	a.takes = 200 * time.Millisecond
	began := time.Now()
	loadBoth(t, s, "v2", "v1")
	wantTook(t, began, 400*time.Millisecond)
}

func fetchedWhileItCounts(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	a.created = time.Now().Add(-countsFor + 1)
	loadBoth(t, s, "v2", "v1")
	time.Sleep(time.Minute)
	loadBoth(t, s, "v2", "")
	wantCalls(t, a, previous, 1)
}

func fetchedWithClockAhead(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	a.created = time.Now().Add(time.Minute)
	loadBoth(t, s, "v2", "v1")
}

func absenceCached(t *testing.T, a *api, s *secret.Store[string]) {
	if got := loadBoth(t, s, "v1", ""); got.PreviousErr != nil {
		t.Errorf("PreviousErr: got %v, want nil", got.PreviousErr)
	}
	for range 10 {
		time.Sleep(time.Minute)
		loadBoth(t, s, "v1", "")
	}
	wantCalls(t, a, current, 11)
	wantCalls(t, a, previous, 2)
}

func hourOfUse(t *testing.T, a *api, s *secret.Store[string]) {
	for range 3600 {
		loadBoth(t, s, "v1", "")
		time.Sleep(time.Second)
	}
	wantCalls(t, a, current, 60)
	wantCalls(t, a, previous, 6)
}

func rotated(t *testing.T, a *api, s *secret.Store[string]) {
	seen := loadBoth(t, s, "v1", "")
	a.rotate("v2")
	time.Sleep(settled)
	refresh(t, s, seen, "v2", true)
	loadBoth(t, s, "v2", "v1")
	time.Sleep(time.Minute)
	loadBoth(t, s, "v2", "v1")
	wantCalls(t, a, previous, 2)
}

func rotatedBetween(t *testing.T, a *api, s *secret.Store[string]) {
	a.answers = map[string]string{current: "v2", previous: "v2"} // v3 was put between the two calls
	seen := loadBoth(t, s, "v2", "v2")
	a.set(func() { a.answers[current] = "v3" })
	time.Sleep(settled)
	refresh(t, s, seen, "v3", true)
	loadBoth(t, s, "v3", "v2")
}

func labelMoved(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	loadBoth(t, s, "v2", "v1")
	time.Sleep(time.Minute)
	loadBoth(t, s, "v2", "v1")
	a.set(func() { delete(a.answers, previous) })
	time.Sleep(8 * time.Minute)
	loadBoth(t, s, "v2", "v1")
	time.Sleep(time.Minute)
	loadBoth(t, s, "v2", "")
}

func previousMalformed(t *testing.T, a *api, s *secret.Store[string]) {
	a.answers[current] = "bad0"
	a.rotate("v1")
	if got := loadBoth(t, s, "v1", ""); !errors.Is(got.PreviousErr, secret.ErrMalformed) {
		t.Errorf("PreviousErr: got %v, want ErrMalformed", got.PreviousErr)
	}
	time.Sleep(time.Minute - 1)
	loadBoth(t, s, "v1", "")
	wantCalls(t, a, previous, 1)
}

func previousDenied(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(previous, denied)
	if got := loadBoth(t, s, "v1", ""); !errors.Is(got.PreviousErr, secret.ErrDenied) {
		t.Errorf("PreviousErr: got %v, want ErrDenied", got.PreviousErr)
	}
}

func previousLate(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	a.fail(previous, throttled)
	if got := loadBoth(t, s, "v2", ""); !errors.Is(got.PreviousErr, secret.ErrUnavailable) {
		t.Errorf("PreviousErr: got %v, want ErrUnavailable", got.PreviousErr)
	}
	a.fail(previous, nil)
	time.Sleep(10*time.Second - 1)
	loadBoth(t, s, "v2", "")
	time.Sleep(time.Nanosecond)
	loadBoth(t, s, "v2", "v1")
}

func previousSilent(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	a.silent = previous
	began := time.Now()
	if got := loadBoth(t, s, "v2", ""); !errors.Is(got.PreviousErr, secret.ErrUnavailable) {
		t.Errorf("PreviousErr: got %v, want ErrUnavailable", got.PreviousErr)
	}
	wantTook(t, began, time.Second)
}

func previousLateAfterRotation(t *testing.T, a *api, s *secret.Store[string]) {
	loadBoth(t, s, "v1", "")
	a.rotate("v2")
	a.fail(previous, throttled)
	time.Sleep(time.Minute)
	loadBoth(t, s, "v2", "")
	a.fail(previous, nil)
	time.Sleep(10 * time.Second)
	loadBoth(t, s, "v2", "v1")
}

func previousStays(t *testing.T, a *api, s *secret.Store[string]) {
	a.rotate("v2")
	loadBoth(t, s, "v2", "v1")
	a.fail(previous, throttled)
	time.Sleep(10 * time.Minute)
	loadBoth(t, s, "v2", "v1")
	wantCalls(t, a, previous, 2)
}

func currentFailsFirst(t *testing.T, a *api, s *secret.Store[string]) {
	a.fail(current, throttled)
	if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
		t.Fatalf("Load: got %v, want ErrUnavailable", err)
	}
	wantCalls(t, a, previous, 0)
}
