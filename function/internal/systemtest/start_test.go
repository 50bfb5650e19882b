//go:build unix

package systemtest_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/infra/bench/instance"
	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
)

const (
	versionsFetched = 2 // by a start: the keys and the account
	startLimit      = 20 * time.Second
)

// A start is the binary after its start: the secrets are on their way, and Secrets Manager holds them back.
type start struct {
	*bench
	instance *instance.Instance
	asked    <-chan struct{} // one for each version that was asked for
	release  func()
}

func newStart(t *testing.T, env map[string]string) *start {
	t.Helper()
	if os.Getenv("SECRETSMANAGER_URL") != "" {
		t.Skip("holds the answers of the local Secrets Manager")
	}
	s := &start{bench: newBench(t, stack.Config{})}
	asked, gate := make(chan struct{}, 100), make(chan struct{})
	s.asked, s.release = asked, sync.OnceFunc(func() { close(gate) })
	s.Secrets.Fail(secretsmanager.Fault{Hold: func(ctx context.Context) {
		asked <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}})
	t.Cleanup(s.release)
	variables := map[string]string{"PREVIOUS_KEYS_FOR": "1ns"} // the keys are older, as on nearly every start
	maps.Copy(variables, env)
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	var err error
	if s.instance, err = instance.Start(bootstrap, variables); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.instance.Stop)
	s.awaitSecrets(t)
	return s
}

// awaitSecrets waits until all versions were asked for while none was answered.
func (s *start) awaitSecrets(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	for n := range versionsFetched {
		select {
		case <-s.asked:
		case <-ctx.Done():
			t.Fatalf("%d versions were asked for at once, want %d", n, versionsFetched)
		}
	}
}

// event is a delivery as an HTTP API hands it over.
func (d *delivery) event(t *testing.T) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range d.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("Content-Type", d.contentType)
	payload, err := event.HTTPAPI.Encode(r, d.body, event.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// deliver hands a webhook over, does what is to be done then, and gives the answer.
func (s *start) deliver(t *testing.T, then func()) (body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	if _, err := s.instance.Asked(ctx); err != nil {
		t.Fatalf("no event was asked for: %v", err)
	}
	s.instance.Give(s.delivery(t, "crm", payloadOf(s.call)).event(t))
	then()
	answer, err := s.instance.Answer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.Body)
}

func (s *start) want(t *testing.T, body, outcome string) {
	t.Helper()
	if !strings.Contains(body, `\"outcome\":\"`+outcome+`\"`) {
		t.Fatalf("got %s, want %s", body, outcome)
	}
	if n := len(s.asked); n != 0 {
		t.Errorf("%d further versions were fetched", n)
	}
}

func TestBothSecretsAreFetchedAtOnceBeforeTheFirstWebhook(t *testing.T) {
	t.Parallel()
	newStart(t, nil)
}

func TestAFirstWebhookGetsTheSecretsThatComeAfterIt(t *testing.T) {
	t.Parallel()
	s := newStart(t, nil)
	s.want(t, s.deliver(t, s.release), "hungup")
}

func TestAFirstWebhookWaitsForTheSecretsOnTheirWayAndCausesNoOtherFetch(t *testing.T) {
	t.Parallel()
	s := newStart(t, map[string]string{"REQUEST_BUDGET": "1s"})
	s.want(t, s.deliver(t, func() {}), "unavailable") // it has waited for all of its budget
	s.want(t, s.deliver(t, s.release), "hungup")
}

func TestAFirstWebhookAfterARotationGetsTheKeysOfBeforeToo(t *testing.T) {
	t.Parallel()
	s := newStart(t, map[string]string{"PREVIOUS_KEYS_FOR": "24h"})
	answer := s.deliver(t, s.release)
	select {
	case <-s.asked: // AWSPREVIOUS, once AWSCURRENT had told its age
	default:
		t.Error("the version before was not asked for")
	}
	s.want(t, answer, "hungup")
}
