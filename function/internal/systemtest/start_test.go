//go:build unix

package systemtest_test

import (
	"context"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"vicihook/infra/local/runtimeapi"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
)

const (
	versionsFetched = 2 // by a start: the keys and the account
	startLimit      = 20 * time.Second
)

// A start is a function that has not started yet, whose secrets are withheld until release.
type start struct {
	*fixture
	asked   chan struct{} // one for each version that was asked for
	release func()
	given   func() // is called once the function has the webhook
}

func newStart(t *testing.T, env map[string]string) *start {
	t.Helper()
	if os.Getenv("SECRETSMANAGER_URL") != "" {
		t.Skip("holds the answers of the local Secrets Manager")
	}
	gate := make(chan struct{})
	s := &start{asked: make(chan struct{}, 100), release: sync.OnceFunc(func() { close(gate) })}
	variables := map[string]string{"PREVIOUS_KEYS_FOR": "1ns"} // the keys are older, as on nearly every start
	maps.Copy(variables, env)
	awaitSecrets := sync.OnceFunc(func() { s.awaitSecrets(t) })
	s.fixture = newFixture(t, stack.Config{Env: variables, OnStep: func(step runtimeapi.Step) {
		switch step {
		case runtimeapi.Asked:
			awaitSecrets()
		case runtimeapi.Given:
			s.given()
		}
	}})
	s.Secrets.Fail(secretsmanager.Fault{Hold: func(ctx context.Context) {
		s.asked <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}})
	t.Cleanup(s.release)
	return s
}

// awaitSecrets waits until all versions were requested while none was answered.
func (s *start) awaitSecrets(t *testing.T) {
	limit := time.After(startLimit)
	for n := range versionsFetched {
		select {
		case <-s.asked:
		case <-limit:
			t.Errorf("%d versions were asked for at once, want %d", n, versionsFetched)
			return
		}
	}
}

// want sends a webhook, and checks its outcome and that it caused no other fetch.
func (s *start) want(t *testing.T, outcome string, given func()) {
	t.Helper()
	s.given = given
	if got := s.send(t, s.delivery(t, "crm", payloadOf(s.call))); got.Outcome != outcome {
		t.Fatalf("got %s, want %s", got.body, outcome)
	}
	if n := len(s.asked); n != 0 {
		t.Errorf("%d further versions were fetched", n)
	}
}

func TestInitFetchesBothSecrets(t *testing.T) {
	t.Parallel()
	s := newStart(t, nil)
	s.want(t, "hungup", s.release)
}

func TestFirstWebhookWaitsForTheFetchOfInit(t *testing.T) {
	t.Parallel()
	s := newStart(t, map[string]string{"REQUEST_BUDGET": "1s"})
	s.want(t, "unavailable", func() {}) // it has waited for all of its budget
	s.want(t, "hungup", s.release)
}

func TestFirstWebhookAfterARotationHasThePreviousKeys(t *testing.T) {
	t.Parallel()
	s := newStart(t, map[string]string{"PREVIOUS_KEYS_FOR": "24h"})
	s.given = s.release
	got := s.send(t, s.delivery(t, "crm", payloadOf(s.call)))
	select {
	case <-s.asked: // AWSPREVIOUS, once AWSCURRENT had told its age
	default:
		t.Error("the version before was not asked for")
	}
	if got.Outcome != "hungup" || len(s.asked) != 0 {
		t.Errorf("got %s, and %d further versions were fetched", got.body, len(s.asked))
	}
}
