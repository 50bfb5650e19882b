package hangup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// A fleet is a function with some instances, each with its own stores and client. They share secrets, VICIdial and a
// clock that the test advances.
type fleet struct {
	clock               *clock
	vicidial            *vicitest.Server
	secrets             *secretsmanager.Server
	keysARN, accountARN string
	instances           []*hangup.Handler
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	e := &fleet{clock: &clock{now: time.Now()}}
	e.vicidial = vicitest.NewServer(vicitest.Config{Now: e.clock.Now})
	t.Cleanup(e.vicidial.Close)
	e.vicidial.AddRemoteAgent(1028, 1)
	var err error
	if e.secrets, err = secretsmanager.NewServer(secretsmanager.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.secrets.Close() })
	if e.keysARN, err = e.secrets.Create("webhook", fmt.Sprintf(`{"crm": %q}`, goodKey)); err != nil {
		t.Fatal(err)
	}
	if e.accountARN, err = e.secrets.Create("vicidial", "S3cret"); err != nil {
		t.Fatal(err)
	}
	for range instances {
		e.instances = append(e.instances, e.instance(t))
	}
	return e
}

// previousKeysFor is the default of PREVIOUS_KEYS_FOR.
const previousKeysFor = 24 * time.Hour

// instance wires a handler as the function does. The account's secret is only the password.
func (e *fleet) instance(t *testing.T) *hangup.Handler {
	t.Helper()
	sources, err := source.Parse([]byte(sourcesJSON))
	if err != nil {
		t.Fatal(err)
	}
	api := sdk.New(sdk.Options{
		Region: secretsmanager.Region, BaseEndpoint: &e.secrets.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	client := vicicall.New(vicicall.Config{Now: e.clock.Now})
	t.Cleanup(client.Close)
	return &hangup.Handler{
		Sources: sources, VICIdial: client, Budget: 4 * time.Second, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Now: e.clock.Now,
		Keys:        storedKeys{secret.New(secret.Config[source.Keyring]{API: api, ARN: e.keysARN, PreviousFor: previousKeysFor, Parse: sources.ParseKeys, Now: e.clock.Now})},
		Credentials: storedAccount{secret.New(secret.Config[vicicall.Credentials]{API: api, ARN: e.accountARN, Parse: e.account, Now: e.clock.Now})},
	}
}

func (e *fleet) account(pass []byte) (vicicall.Credentials, error) {
	return vicicall.Credentials{URLs: []string{e.vicidial.URL}, User: vicitest.DefaultUser, Pass: string(pass)}, nil
}

type storedKeys struct{ *secret.Store[source.Keyring] }

func (s storedKeys) Keys(ctx context.Context, name string) (source.Keys, hangup.Refresh, error) {
	held, err := s.Load(ctx)
	return held.Current.Value[name], refreshOf(s.Store, held), err
}

type storedAccount struct {
	*secret.Store[vicicall.Credentials]
}

func (s storedAccount) Credentials(ctx context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	held, err := s.Load(ctx)
	account := held.Current.Value
	account.Version = held.Current.ID
	return account, refreshOf(s.Store, held), err
}

func refreshOf[T any](store *secret.Store[T], held secret.Snapshot[T]) hangup.Refresh {
	return func(ctx context.Context, asker string) (changed bool, err error) {
		_, changed, err = store.Refresh(ctx, held, asker)
		return changed, err
	}
}

// deliver sends an instance a webhook for a call that has ended.
func (e *fleet) deliver(t *testing.T, instance int, change func(*hangup.Request)) (hangup.Answer, hangup.Report) {
	t.Helper()
	r := hangup.Request{
		Source: "crm", ContentType: "application/json",
		Webhook: webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(payloadOf("Y0101000000000000001"))},
	}
	sign(t, &r, goodKey, e.clock.Now())
	if change != nil {
		change(&r)
	}
	answer := e.instances[instance%len(e.instances)].Handle(t.Context(), r)
	var report hangup.Report
	if err := json.Unmarshal(answer.Body, &report); err != nil {
		t.Fatal(err)
	}
	return answer, report
}

func (e *fleet) setPassword(pass string) {
	e.vicidial.AddUser(vicitest.APIUser(vicitest.DefaultUser, pass))
}

func (e *fleet) put(t *testing.T, arn, value string) {
	t.Helper()
	if _, err := e.secrets.Put(arn, value); err != nil {
		t.Fatal(err)
	}
}

// fetches returns the number of calls of GetSecretValue for a secret, for both versions.
func (e *fleet) fetches(arn string) int {
	return e.secrets.Calls(arn, secretsmanager.Current) + e.secrets.Calls(arn, secretsmanager.Previous)
}

// VICIdial locks an account at 10 failed logins within 15 minutes if it logged in lately, else at 21.
func TestWrongPasswordDoesNotLockTheAccount(t *testing.T) {
	t.Parallel()
	const webhooks, lockAt, lockWindow = 10_000, 10, 15 * time.Minute
	e := newFleet(t, 5)
	lately := vicitest.APIUser(vicitest.DefaultUser, "another")
	lately.LastLogin = e.clock.Now().Unix()
	e.vicidial.AddUser(lately)
	for i := range webhooks {
		if _, report := e.deliver(t, i, nil); report.Outcome != vicicall.CredentialsRejected {
			t.Fatalf("webhook %d: got %s: %s", i, report.Outcome, report.Message)
		}
		e.clock.pass(500 * time.Millisecond)
	}
	attempts := e.vicidial.Requests()
	if len(attempts) < lockAt {
		t.Fatalf("%d login attempts could not lock it, however they came", len(attempts))
	}
	for i := range len(attempts) - lockAt + 1 {
		if within := attempts[i+lockAt-1].Time.Sub(attempts[i].Time); within < lockWindow {
			t.Errorf("%d login attempts within %v", lockAt, within)
		}
	}
	t.Logf("%d webhooks in %v: %d login attempts, %d GetSecretValue for the account, %d for the keys", webhooks,
		webhooks*500*time.Millisecond, len(attempts), e.fetches(e.accountARN), e.fetches(e.keysARN))
}

func TestLatchOpensWhenTheSecretIsStoredAgain(t *testing.T) {
	t.Parallel()
	e := newFleet(t, 2)
	locked := vicitest.APIUser(vicitest.DefaultUser, "S3cret")
	locked.FailedLogins, locked.LastLogin = 10, e.clock.Now().Unix()
	e.vicidial.AddUser(locked)
	for i := range 2 {
		answer, report := e.deliver(t, i, nil)
		if report.Outcome != vicicall.LockedOut || answer.Header["retry-after"] != "900" {
			t.Errorf("got %s, %v", report.Outcome, answer.Header)
		}
	}
	e.setPassword("S3cret") // an operator unlocks it
	e.clock.pass(5 * time.Second)
	if _, report := e.deliver(t, 0, nil); report.Outcome != vicicall.LockedOut || report.Attempts != 0 {
		t.Errorf("latched: got %s after %d attempts", report.Outcome, report.Attempts)
	}
	e.put(t, e.accountARN, "S3cret")
	if _, report := e.deliver(t, 1, nil); report.Outcome != vicicall.NoActiveCall {
		t.Errorf("an instance that did not ask lately: got %s", report.Outcome)
	}
	e.clock.pass(30 * time.Second)
	if _, report := e.deliver(t, 0, nil); report.Outcome != vicicall.NoActiveCall {
		t.Errorf("30 s later: got %s", report.Outcome)
	}
}

// A new password is set in VICIdial first and put into the secret later. Webhooks in between are refused, without
// another login, until 30 s after the put.
func TestPasswordChangeTakesHalfAMinute(t *testing.T) {
	t.Parallel()
	e := newFleet(t, 5)
	for i := range 5 {
		e.deliver(t, i, nil)
	}
	e.clock.pass(20 * time.Second)
	e.setPassword("changed")
	for i := range 50 {
		if _, report := e.deliver(t, i, nil); report.Outcome != vicicall.CredentialsRejected {
			t.Errorf("in the gap: got %s", report.Outcome)
		}
		e.clock.pass(100 * time.Millisecond)
	}
	e.put(t, e.accountARN, "changed")
	e.clock.pass(30 * time.Second)
	for i := range 5 {
		if _, report := e.deliver(t, i, nil); report.Outcome != vicicall.NoActiveCall {
			t.Errorf("30 s after the put: got %s", report.Outcome)
		}
	}
	if n := e.vicidial.FailedLogins(); n != 5 {
		t.Errorf("%d failed logins, want one an instance", n)
	}
}

func TestFloodOfBadSignaturesCausesFewCalls(t *testing.T) {
	t.Parallel()
	const flood = 10_000
	e := newFleet(t, 1)
	e.deliver(t, 0, nil)
	began, before := e.clock.Now(), e.fetches(e.keysARN)
	for range flood {
		if _, report := e.deliver(t, 0, func(r *hangup.Request) { r.Webhook.Body[3] ^= 1 }); report.Outcome != hangup.Unauthorized {
			t.Fatalf("got %s", report.Outcome)
		}
		e.clock.pass(time.Hour / flood)
	}
	took, calls := e.clock.Now().Sub(began), e.fetches(e.keysARN)-before
	if most := int(took / (30 * time.Second)); calls > most {
		t.Errorf("%d calls, want at most %d: two a minute", calls, most)
	}
	if e.secrets.Calls(e.keysARN, secretsmanager.Previous) < 2 {
		t.Error("AWSPREVIOUS was not fetched: the keys are not wired as in the function")
	}
	t.Logf("%d bad signatures in %v: %d GetSecretValue", flood, took, calls)
}

// A request of a stranger can't have been signed by any key.
func TestStrangersCauseNoCall(t *testing.T) {
	t.Parallel()
	e := newFleet(t, 1)
	e.deliver(t, 0, nil)
	before := e.fetches(e.keysARN)
	e.clock.pass(10 * time.Second)
	strangers := map[string]func(*hangup.Request){
		"an unknown source":     func(r *hangup.Request) { r.Source = "nobody" },
		"no signature":          func(r *hangup.Request) { delete(r.Webhook.Header, "webhook-signature") },
		"a malformed signature": func(r *hangup.Request) { r.Webhook.Header["webhook-signature"] = []string{"v1,%%%"} },
		"no time":               func(r *hangup.Request) { delete(r.Webhook.Header, "webhook-timestamp") },
		"a stale time":          func(r *hangup.Request) { sign(t, r, otherKey, e.clock.Now().Add(-6*time.Minute)) },
		"a future time":         func(r *hangup.Request) { sign(t, r, otherKey, e.clock.Now().Add(6*time.Minute)) },
		"too large":             func(r *hangup.Request) { r.TooLarge = true },
		"undecodable":           func(r *hangup.Request) { r.Undecodable = errors.New("no delivery") },
	}
	for name, spoil := range strangers {
		for range 500 {
			e.deliver(t, 0, spoil)
		}
		if n := e.fetches(e.keysARN) - before; n != 0 {
			t.Errorf("after %s: %d calls", name, n)
		}
	}
	if n := e.vicidial.Count(""); n != 1 {
		t.Errorf("%d requests reached VICIdial, want the first", n)
	}
}
