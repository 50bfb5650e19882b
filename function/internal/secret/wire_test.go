package secret_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/secret"
	"vicihook/infra/local/secretsmanager"
)

// marker is in every secret here, and must be in no error.
const marker = "hunter2-marker"

// login is the value of the tests' secrets.
type login struct {
	Pass string `json:"pass"`
}

func parseLogin(text []byte) (l login, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("login: %w", err)
	}
	if l.Pass == "" {
		return l, errors.New("login: pass is missing")
	}
	return l, nil
}

func value(pass string) string { return `{"pass":"` + marker + pass + `"}` }

// client is the real SDK, pointed at url. Its connections end with the test.
func client(tb testing.TB, url, region string) *sdk.Client {
	tb.Helper()
	connections := &http.Transport{}
	tb.Cleanup(connections.CloseIdleConnections)
	return sdk.New(sdk.Options{
		Region:       region,
		BaseEndpoint: &url,
		HTTPClient:   &http.Client{Transport: connections},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "example"}, nil
		}),
	})
}

// wire is a local Secrets Manager with one secret, and a clock that can be put forward.
type wire struct {
	*secretsmanager.Server
	arn string

	mu    sync.Mutex
	ahead time.Duration
}

func newWire(tb testing.TB) *wire {
	tb.Helper()
	server, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { server.Close() })
	arn, err := server.Create("vicihook/vicidial", value("1"))
	if err != nil {
		tb.Fatal(err)
	}
	return &wire{Server: server, arn: arn}
}

func (w *wire) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *wire) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *wire) store(tb testing.TB) *secret.Store[login] {
	return w.storeOf(client(tb, w.URL, secretsmanager.Region), w.arn)
}

func (w *wire) storeOf(api secret.API, arn string) *secret.Store[login] {
	return secret.New(secret.Config[login]{API: api, ARN: arn, Parse: parseLogin, PreviousFor: countsFor, Now: w.now})
}

func (w *wire) put(t *testing.T, text string) {
	t.Helper()
	if _, err := w.Put(w.arn, text); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range wireErrors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			s := w.store(t)
			if c.fault != (faultCase{}) {
				w.Fail(secretsmanager.Fault{Stage: current, Error: c.fault.kind, Body: c.fault.body, Drop: c.fault.drop})
			}
			if c.put != "" {
				w.put(t, c.put)
			}
			if c.binary {
				w.PutBinary(w.arn, []byte(value("1")))
			}
			_, err := s.Load(t.Context())
			wantError(t, err, c.want, c.text)
			if got := w.Calls(w.arn, current); got != c.calls {
				t.Errorf("calls: got %d, want %d", got, c.calls)
			}
		})
	}
}

type faultCase struct {
	kind secretsmanager.ErrorType
	body string
	drop bool
}

var wireErrors = map[string]struct {
	fault  faultCase
	put    string
	binary bool
	want   error
	text   string
	calls  int
}{
	"access denied names the two actions, and is not tried again": {
		fault: faultCase{kind: secretsmanager.AccessDenied}, want: secret.ErrDenied,
		text: "AccessDeniedException; allow the function's role secretsmanager:GetSecretValue on this ARN, and kms:Decrypt", calls: 1},
	"a key that fails to decrypt is denied": {
		fault: faultCase{kind: secretsmanager.DecryptionFailure}, want: secret.ErrDenied, text: "kms:Decrypt", calls: 1},
	"a secret marked for deletion is not found": {
		fault: faultCase{kind: secretsmanager.InvalidRequest}, want: secret.ErrNotFound, text: "marked for deletion", calls: 1},
	"throttling is tried a second time": {
		fault: faultCase{kind: secretsmanager.Throttling}, want: secret.ErrUnavailable, text: "ThrottlingException; it may pass", calls: 2},
	"a fault of AWS is tried a second time": {
		fault: faultCase{kind: secretsmanager.InternalError}, want: secret.ErrUnavailable, text: "InternalServiceError", calls: 2},
	"a cut connection is tried a second time": {
		fault: faultCase{drop: true}, want: secret.ErrUnavailable, text: "secretsmanager", calls: 2},
	"an answer that is not JSON is not quoted": {
		fault: faultCase{body: `{"SecretString": "` + marker}, want: secret.ErrUnavailable, text: "before a whole answer came", calls: 1},
	"an answer without a value is unusable": {
		fault: faultCase{body: `{}`}, want: secret.ErrMalformed, text: "SecretString", calls: 1},
	"a binary value is unusable": {
		binary: true, want: secret.ErrMalformed, text: "store it as SecretString, not as SecretBinary", calls: 1},
	"the parser's error is quoted": {
		put: `{"password": "` + marker + `"}`, want: secret.ErrMalformed, text: "login: pass is missing; put a corrected value", calls: 1},
}

// wantError asserts category and text, and that no form of the error quotes the secret.
func wantError(t *testing.T, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "secret: AWSCURRENT of arn:aws:") {
		t.Errorf("got %q, want it to say %q", err, text)
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if shown := fmt.Sprintf("%v %+v %#v", cause, cause, cause); strings.Contains(shown, marker) {
			t.Errorf("the error quotes the secret: %s", shown)
		}
	}
}

func TestErrorsNameRegionAndAddress(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	absent := strings.Replace(w.arn, "vicidial", "absent", 1)

	_, err := w.storeOf(client(t, w.URL, secretsmanager.Region), absent).Load(t.Context())
	wantError(t, err, secret.ErrNotFound, "check the ARN, that the function calls region us-east-1")

	_, err = w.storeOf(client(t, w.URL, "eu-west-1"), w.arn).Load(t.Context())
	wantError(t, err, secret.ErrDenied, "InvalidSignatureException; the credentials or the signature were refused: check the role, that the function calls region us-east-1")

	_, err = w.storeOf(client(t, w.URL, secretsmanager.Region), "a-name").Load(t.Context())
	if !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("Load by a name: got %v, want ErrNotFound", err)
	}

	stranger := httptest.NewUnstartedServer(nil)
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	_, err = w.storeOf(client(t, stranger.URL, secretsmanager.Region), w.arn).Load(t.Context())
	wantError(t, err, secret.ErrUnavailable, "certificate signed by unknown authority; a function in a VPC")

	w.Close()
	_, err = w.store(t).Load(t.Context())
	wantError(t, err, secret.ErrUnavailable, "connection refused; a function in a VPC needs a NAT gateway or the interface endpoint com.amazonaws.us-east-1.secretsmanager")
}

func TestOutageServesTheCachedValue(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	for range 3 {
		if got, err := s.Load(t.Context()); err != nil || got.Current.Value.Pass != marker+"1" {
			t.Fatalf("Load: got %v, %v", got.Current, err)
		}
		w.Close()
		w.pass(20 * time.Minute)
	}
	w.pass(time.Hour)
	if _, err := s.Load(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
		t.Fatalf("Load: got %v, want ErrUnavailable", err)
	}
}

func TestSlowFetchServesTheCachedValue(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	w.put(t, value("2"))
	gate := make(chan struct{})
	w.Fail(secretsmanager.Fault{Stage: current, Times: 1, Hold: func(context.Context) { <-gate }})
	if got, err := s.Load(t.Context()); err != nil || got.Current.Value.Pass != marker+"1" {
		t.Fatalf("Load: got %v, %v, want the cached value", got.Current, err)
	}
	close(gate)
	for got := ""; got != marker+"2"; {
		snapshot, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = snapshot.Current.Value.Pass
	}
	if got := w.Calls(w.arn, current); got != 2 {
		t.Errorf("calls: got %d, want 2", got)
	}
}

func TestAnswersWithoutAVersionIDAreParsedAgain(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	for _, pass := range []string{"1", "2"} {
		w.Fail(secretsmanager.Fault{Stage: current, Times: 1, Body: `{"SecretString":"{\"pass\":\"` + pass + `\"}"}`})
		if got, err := s.Load(t.Context()); err != nil || got.Current.Value.Pass != pass {
			t.Fatalf("Load: got %v, %v, want %s", got, err, pass)
		}
		w.pass(time.Minute)
	}
}

// The SDK signs its next request with the Date of an answer that was read after a freeze.
func TestStaleDateCostsNoRequest(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	w.Fail(secretsmanager.Fault{Times: 2, Date: time.Now().Add(-14 * time.Minute)})
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Hour) // then the next load waits for its fetch, however slow this machine is
	w.put(t, value("2"))
	got, err := s.Load(t.Context())
	if err != nil || got.Current.Value.Pass != marker+"2" || got.Previous == nil {
		t.Fatalf("Load: got %v, %v, want the second value", got, err)
	}
	if calls := w.Calls(w.arn, current); calls != 2 {
		t.Errorf("calls: got %d, want 2", calls)
	}
}

func TestRotationWhileManyLoad(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	last := fmt.Sprint(marker, 20)
	var freezes sync.RWMutex // the clock advances between requests only, as in Lambda
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for pass := ""; pass != last && !t.Failed(); {
				freezes.RLock()
				pass = refreshed(t, s)
				freezes.RUnlock()
			}
		})
	}
	for i := 2; i <= 20; i++ {
		w.put(t, value(fmt.Sprint(i)))
		freezes.Lock()
		w.pass(time.Minute)
		freezes.Unlock()
	}
	wg.Wait()
	got, err := s.Load(t.Context())
	if err != nil || got.Previous == nil || got.Previous.Value.Pass != marker+"19" {
		t.Fatalf("Previous: got %v, %v, want the value before the last", got.Previous, err)
	}
}

// refreshed returns the password that a request gets if it can't use the first one.
func refreshed(t *testing.T, s *secret.Store[login]) string {
	seen, err := s.Load(t.Context())
	if err != nil {
		t.Errorf("Load: %v", err)
	}
	got, changed, err := s.Refresh(t.Context(), seen, "")
	if err != nil || changed != (got.Current.ID != seen.Current.ID || !sameVersion(got.Previous, seen.Previous)) {
		t.Errorf("Refresh: got %v, %v, %v after %v", got, changed, err, seen)
	}
	return got.Current.Value.Pass
}

func sameVersion(a, b *secret.Version[login]) bool {
	return a == nil && b == nil || a != nil && b != nil && a.ID == b.ID
}

func TestVersionPrintsNoValue(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	s := w.store(t)
	got, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(encoded), fmt.Sprintf("%v %+v %#v %s %d", got, got, got, got.Current, got.Current), fmt.Sprintf("%v %+v", s, s)} {
		if strings.Contains(shown, marker) {
			t.Errorf("prints the secret: %s", shown)
		}
	}
	if !strings.HasPrefix(got.Current.String(), "version "+got.Current.ID+" of 20") {
		t.Errorf("String: got %q", got.Current.String())
	}
}

func BenchmarkLoad(b *testing.B) {
	s := newWire(b).store(b)
	if _, err := s.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirstLoad(b *testing.B) {
	w := newWire(b)
	api := client(b, w.URL, secretsmanager.Region)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.storeOf(api, w.arn).Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
