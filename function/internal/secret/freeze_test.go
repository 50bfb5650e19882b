package secret_test

import (
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/secret"
)

func TestFreeze(t *testing.T) {
	bubbles(t, map[string]func(*testing.T, *api, *secret.Store[string]){
		"a prefetch whose timer slept too is repeated in the request":    timersSlept,
		"an abandoned fetch is cancelled":                                abandoned,
		"a prefetch whose timer ran out in the freeze is repeated":       timersRan,
		"a prefetch whose timer runs out in the request is repeated":     runsOutInside,
		"a refresh that died in the freeze is repeated":                  refreshDied,
		"the answer to an abandoned fetch is dropped":                    lateAnswer,
		"the age of a value counts from the beginning of a frozen fetch": frozenAge,
		"the pauses are over after the freeze":                           pausesOver,
	})
}

func timersSlept(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes, a.deaf = time.Hour, true
	s.Prefetch(t.Context())
	synctest.Wait()
	a.freeze(10 * time.Minute)
	a.set(func() { a.takes = 0 })
	began := time.Now()
	load(t, s, "v1")
	wantTook(t, began, 0)
	wantCalls(t, a, current, 2)
	time.Sleep(time.Hour)
}

func abandoned(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Hour
	s.Prefetch(t.Context())
	synctest.Wait()
	a.freeze(10 * time.Minute)
	a.set(func() { a.takes = 0 })
	load(t, s, "v1")
	synctest.Wait()
	if a.ended != 1 {
		t.Errorf("%d calls were cancelled, want the abandoned one", a.ended)
	}
}

func timersRan(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Hour
	s.Prefetch(t.Context())
	synctest.Wait()
	time.Sleep(10 * time.Minute)
	a.set(func() { a.takes = 0 })
	load(t, s, "v1")
	wantCalls(t, a, current, 2)
}

func runsOutInside(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Hour
	s.Prefetch(t.Context())
	synctest.Wait()
	time.Sleep(2900 * time.Millisecond)
	a.set(func() { a.takes = 0 })
	began := time.Now()
	load(t, s, "v1")
	wantTook(t, began, 100*time.Millisecond)
	wantCalls(t, a, current, 2)
}

func refreshDied(t *testing.T, a *api, s *secret.Store[string]) {
	load(t, s, "v1")
	time.Sleep(time.Minute)
	a.set(func() { a.takes, a.deaf = time.Hour, true })
	load(t, s, "v1")
	a.freeze(10 * time.Minute)
	a.set(func() { a.takes = 0 })
	a.rotate("v2")
	began := time.Now()
	load(t, s, "v2")
	wantTook(t, began, 0)
	time.Sleep(time.Hour)
}

func lateAnswer(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes, a.deaf = time.Second, true
	s.Prefetch(t.Context())
	synctest.Wait()
	a.freeze(10 * time.Minute)
	a.set(func() { a.takes = 0 })
	a.rotate("v2")
	load(t, s, "v2")
	time.Sleep(2 * time.Second)
	load(t, s, "v2")
	wantCalls(t, a, current, 2)
}

func frozenAge(t *testing.T, a *api, s *secret.Store[string]) {
	a.takes = time.Second
	s.Prefetch(t.Context())
	synctest.Wait()
	a.rotate("v2")
	a.freeze(10 * time.Minute)
	time.Sleep(time.Second) // v1 arrives
	synctest.Wait()
	a.set(func() { a.takes = 0 })
	load(t, s, "v2")
}

func pausesOver(t *testing.T, a *api, s *secret.Store[string]) {
	seen := load(t, s, "v1")
	time.Sleep(settled)
	a.fail(current, throttled)
	if _, _, err := s.Refresh(t.Context(), seen, ""); err == nil {
		t.Fatal("Refresh: got no error, want one")
	}
	a.fail(current, nil)
	a.rotate("v2")
	a.freeze(time.Minute)
	load(t, s, "v2")
	a.rotate("v3")
	if got, changed, err := s.Refresh(t.Context(), seen, ""); !changed || err != nil || got.Current.ID != "v2" {
		t.Fatalf("Refresh: got %v, %v, %v, want the cached v2", got, changed, err)
	}
	seen = load(t, s, "v2")
	time.Sleep(settled)
	if got, changed, err := s.Refresh(t.Context(), seen, ""); !changed || err != nil || got.Current.ID != "v3" {
		t.Fatalf("Refresh: got %v, %v, %v, want v3", got, changed, err)
	}
}
