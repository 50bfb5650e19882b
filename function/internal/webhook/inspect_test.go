package webhook_test

import (
	"errors"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
)

// Inspect must reject a request without its headers, and nothing that Verify would accept with some key.
func TestInspect(t *testing.T) {
	t.Parallel()
	inspected := 0
	for _, v := range vectors(t) {
		verifier, err := webhook.NewVerifier(v.Scheme)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(v.Now, 0)
		verdict := v.Verify()
		got := verifier.Inspect(v.Request(), now)
		switch {
		case v.SkipFreshness:
			continue
		case verdict == nil && got != nil:
			t.Errorf("%s: refused: %v", v.Name, got)
		case got != nil && !errors.Is(verdict, errors.Unwrap(got)) && got.Error() != verdict.Error():
			t.Errorf("%s: Inspect returned %v, Verify %v", v.Name, got, verdict)
		}
		inspected++
		bare := v.Request()
		clear(bare.Header)
		if verifier.Inspect(bare, now) == nil {
			t.Errorf("%s: a request without headers passes", v.Name)
		}
	}
	if inspected < 40 {
		t.Errorf("only %d vectors were inspected", inspected)
	}
}
