package secret_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"vicihook/function/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	arn      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:vicihook/webhook-AbCdEf"
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// api stands in for Secrets Manager inside a synctest bubble, which allows no network. It tests the time logic; the
// protocol is tested with a server.
type api struct {
	mu      sync.Mutex
	asleep  time.Duration // how far the wall clock is ahead of the timers, which stand still in a freeze
	calls   map[string]int
	ended   int               // calls whose context ended first
	answers map[string]string // label to version id; a version's text is its id
	faults  map[string]error  // label to error
	takes   time.Duration     // how long an answer takes
	deaf    bool              // an answer ignores its context, like a connection that died in a freeze
	silent  string            // this label gets no answer at all
	created time.Time         // of every version
}

func newAPI() *api {
	return &api{calls: map[string]int{}, answers: map[string]string{current: "v1"}, faults: map[string]error{}, created: created}
}

func (a *api) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	a.mu.Lock()
	label := *in.VersionStage
	a.calls[label]++
	id, err, takes, deaf, made := a.answers[label], a.faults[label], a.takes, a.deaf, a.created
	if label == a.silent {
		takes = time.Hour
	}
	a.mu.Unlock()

	if deaf {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		a.set(func() { a.ended++ })
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return &secretsmanager.GetSecretValueOutput{ARN: in.SecretId, VersionId: &id, SecretString: &id, CreatedDate: &made}, nil
}

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // a bubble begins in 2000: every version is young

// countsFor is how long AWSPREVIOUS counts.
const countsFor = 24 * time.Hour

// rotate puts a new version.
func (a *api) rotate(id string) {
	a.set(func() { a.answers[previous], a.answers[current] = a.answers[current], id })
}

func (a *api) fail(label string, err error) { a.set(func() { a.faults[label] = err }) }

// freeze stops the process for d, and with it its timers.
func (a *api) freeze(d time.Duration) { a.set(func() { a.asleep += d }) }

func (a *api) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *api) count(label string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[label]
}

func (a *api) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.asleep)
}

// store returns a Store of texts. One that starts with "bad" does not parse, and one with "panic" makes the parser panic.
func (a *api) store(withPrevious bool) *secret.Store[string] {
	cfg := secret.Config[string]{API: a, ARN: arn, Parse: parse, Now: a.now}
	if withPrevious {
		cfg.PreviousFor = countsFor
	}
	return secret.New(cfg)
}

func parse(text []byte) (string, error) {
	if strings.HasPrefix(string(text), "panic") {
		panic("could not take " + string(text))
	}
	if strings.HasPrefix(string(text), "bad") {
		return "", fmt.Errorf("field url is missing")
	}
	return string(text), nil
}

var (
	throttled = &smithy.GenericAPIError{Code: "ThrottlingException"}
	denied    = &smithy.GenericAPIError{Code: "AccessDeniedException"}
)

// load asserts which version a request gets.
func load(t *testing.T, s *secret.Store[string], want string) secret.Snapshot[string] {
	t.Helper()
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if got.Current.ID != want || got.Current.Value != want {
		t.Fatalf("Load: got version %s with value %s, want %s", got.Current.ID, got.Current.Value, want)
	}
	return got
}

func wantCalls(t *testing.T, a *api, label string, want int) {
	t.Helper()
	if got := a.count(label); got != want {
		t.Fatalf("calls for %s: got %d, want %d", label, got, want)
	}
}

// wantTook asserts how long something took, to the nanosecond, in the bubble's time.
func wantTook(t *testing.T, began time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(began); got != want {
		t.Fatalf("took %v, want %v", got, want)
	}
}
