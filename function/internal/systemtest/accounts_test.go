//go:build unix

package systemtest_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vicihook/infra/local/secretsmanager"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A secret is not fetched again within 5 s.
const noLongerNew = 5200 * time.Millisecond

// oldKey and newKey sign webhooks of crm: 32 bytes in base64.
const (
	oldKey = "b2xkIGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n"
	newKey = "bmV3IGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n"
)

// newWarmFixture returns a fixture with warm instances, whose secrets are older than 5 s. Its budget is the longest, so
// that a busy machine does not make a request to VICIdial late.
func newWarmFixture(t *testing.T, instances int, env map[string]string) *fixture {
	t.Helper()
	all := map[string]string{"REQUEST_BUDGET": "25s"}
	maps.Copy(all, env)
	b := newFixture(t, stack.Config{Keys: map[string]string{"crm": oldKey}, MaxInstances: instances, Env: all, Timeout: time.Minute})
	if b.Secrets == nil {
		t.Skip("steers the local Secrets Manager")
	}
	release := b.VICIdial.Hold("HANGUP")
	var first sync.WaitGroup
	for range instances {
		d := b.delivery(t, "crm", payloadOf("Y0101000000000000001"))
		first.Go(func() { b.send(t, d) })
	}
	if err := b.VICIdial.Await(t.Context(), func() bool { return b.VICIdial.Count("HANGUP") == instances }); err != nil {
		t.Fatal(err)
	}
	release()
	first.Wait()
	b.flow(t, instances, noLongerNew, func() string { return oldKey })
	return b
}

// flow sends webhooks from some senders for some time, up to 50 a second each, signed with the current key. None may be
// refused.
func (b *fixture) flow(t *testing.T, senders int, during time.Duration, key func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for pace := time.Tick(20 * time.Millisecond); ctx.Err() == nil; <-pace {
				if got := b.sendWith(t, key()); got.Outcome != "no_active_call" {
					t.Errorf("got %s", got.body)
				}
			}
		})
	}
	all.Wait()
}

func (b *fixture) sendWith(t *testing.T, key string) answer {
	d := b.delivery(t, "crm", payloadOf("Y0101000000000000001"))
	d.sign(t, key, time.Now())
	return b.send(t, d)
}

func (b *fixture) put(t *testing.T, arn, value string) {
	t.Helper()
	if _, err := b.Secrets.Put(arn, value); err != nil {
		t.Fatal(err)
	}
}

func TestRotateKeyUnderLoad(t *testing.T) {
	t.Parallel()
	b := newWarmFixture(t, 3, nil)
	b.put(t, b.WebhookSecretARN, fmt.Sprintf(`{"crm": %q}`, newKey))
	keys := [2]string{newKey, oldKey} // every other webhook's sender knows of the new key, and the others do not yet
	var webhooks [2]atomic.Int64
	var turn atomic.Int64
	b.flow(t, 3, 500*time.Millisecond, func() string {
		which := turn.Add(1) % 2
		webhooks[which].Add(1)
		return keys[which]
	})
	if n, o := webhooks[0].Load(), webhooks[1].Load(); n == 0 || o == 0 {
		t.Errorf("%d webhooks with the new key and %d with the old: nothing was mixed", n, o)
	}
	b.flow(t, 3, 200*time.Millisecond, func() string { return newKey })
	b.flow(t, 3, 200*time.Millisecond, func() string { return oldKey }) // the version before counts for a day
}

func TestRevokeKeyUnderLoad(t *testing.T) {
	t.Parallel()
	b := newWarmFixture(t, 1, map[string]string{"PREVIOUS_KEYS_FOR": "0"})
	b.put(t, b.WebhookSecretARN, fmt.Sprintf(`{"crm": %q}`, newKey))
	for range 50 {
		if got := b.sendWith(t, newKey); got.Outcome != "no_active_call" {
			t.Errorf("the new key: got %s", got.body)
		}
		if got := b.sendWith(t, oldKey); got.Outcome != "unauthorized" {
			t.Errorf("the revoked key: got %s", got.body)
		}
	}
}

func TestRotateAccountUnderLoad(t *testing.T) {
	t.Parallel()
	b := newWarmFixture(t, 3, nil)
	b.VICIdial.AddUser(vicitest.APIUser("7777", "other"))
	b.put(t, b.VICIdialSecretARN, fmt.Sprintf(`{"url": %q, "user": "7777", "pass": "other"}`, b.VICIdial.URL))
	b.flow(t, 3, 200*time.Millisecond, func() string { return oldKey })
	account(func(u *vicitest.User) { u.Active = false })(t, b)
	b.flow(t, 3, 500*time.Millisecond, func() string { return oldKey })
	if n := b.VICIdial.FailedLogins(); n > 3 {
		t.Errorf("%d failed logins, want at most one an instance", n)
	}
	last := b.VICIdial.Requests()
	if user := last[len(last)-1].User; user != "7777" {
		t.Errorf("the last one asked as %s", user)
	}
}

func TestChangePasswordOfOneUser(t *testing.T) {
	t.Parallel()
	b := newWarmFixture(t, 1, nil)
	account(func(u *vicitest.User) { u.Pass = "changed" })(t, b)
	for range 20 {
		if got := b.sendWith(t, oldKey); got.Outcome != "credentials_rejected" || got.status != http.StatusBadGateway {
			t.Errorf("in the gap: got %s", got.body)
		}
	}
	if n := b.VICIdial.FailedLogins(); n != 1 {
		t.Errorf("%d failed logins in the gap, want 1", n)
	}
}

func TestLockedAccountIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{})
	account(func(u *vicitest.User) { u.FailedLogins, u.LastLogin = 10, time.Now().Unix() })(t, b)
	for range 5 {
		got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
		if got.Outcome != "locked_out" || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "900" {
			t.Errorf("got %d %v %s", got.status, got.header, got.body)
		}
	}
	if n := b.VICIdial.LoginAttempts(); n != 1 {
		t.Errorf("%d login attempts, want 1", n)
	}
}

// A failure is a fault of Secrets Manager for one of the secrets, and the expected answer.
type failure struct {
	fault   secretsmanager.Fault
	slow    bool   // in place of fault
	put     string // a value, or "binary", in place of fault
	outcome string
	logged  string // tells the operator
}

var failures = map[string]failure{
	"down":               {fault: secretsmanager.Fault{Drop: true}, outcome: "unavailable", logged: "before a whole answer came"},
	"throttling":         {fault: secretsmanager.Fault{Error: secretsmanager.Throttling}, outcome: "unavailable", logged: "ThrottlingException"},
	"broken":             {fault: secretsmanager.Fault{Error: secretsmanager.InternalError}, outcome: "unavailable", logged: "InternalServiceError"},
	"denying":            {fault: secretsmanager.Fault{Error: secretsmanager.AccessDenied}, outcome: "misconfigured", logged: "secretsmanager:GetSecretValue"},
	"without its key":    {fault: secretsmanager.Fault{Error: secretsmanager.DecryptionFailure}, outcome: "misconfigured", logged: "kms:Decrypt"},
	"empty-handed":       {fault: secretsmanager.Fault{Error: secretsmanager.ResourceNotFound}, outcome: "misconfigured", logged: "check the ARN"},
	"slow":               {slow: true, outcome: "unavailable", logged: "not within the request's time"},
	"answering nonsense": {fault: secretsmanager.Fault{Body: "<html>hello</html>"}, outcome: "unavailable", logged: "before a whole answer came"},
	"holding bytes":      {put: "binary", outcome: "misconfigured", logged: "SecretString"},
	"holding no JSON":    {put: `{"` + vicitest.DefaultPass, outcome: "misconfigured", logged: "JSON"},
	"holding a list":     {put: `["` + vicitest.DefaultPass + `"]`, outcome: "misconfigured", logged: "put a corrected value"},
}

func TestSecretsManagerFaultsAreAnsweredInTime(t *testing.T) {
	t.Parallel()
	for name, c := range failures {
		for _, which := range []string{"webhook", "vicidial"} {
			t.Run(name+", for the secret "+which, func(t *testing.T) {
				t.Parallel()
				checkFailureInTime(t, which, c)
			})
		}
	}
}

// checkFailureInTime repeats checkFailure while a busy machine answers late.
func checkFailureInTime(t *testing.T, which string, c failure) {
	const budget = 2 * time.Second
	var took time.Duration
	for range triesInTime {
		b := newFixture(t, stack.Config{Env: map[string]string{"REQUEST_BUDGET": budget.String()}})
		if b.Secrets == nil {
			t.Skip("steers the local Secrets Manager")
		}
		b.checkFailure(t, which, c)
		took = b.took(map[string]string{"vicidial": b.call}[which]) // without keys no delivery has a call
		if c.slow && took < budget-100*time.Millisecond {
			t.Errorf("answered after %v, while Secrets Manager could still have spoken", took)
		}
		if took <= budget+overrun {
			return
		}
	}
	t.Errorf("answered after %v, %d times", took, triesInTime)
}

// checkFailure sends one webhook during the failure and one after it.
func (b *fixture) checkFailure(t *testing.T, which string, c failure) {
	t.Helper()
	arn, repaired := b.WebhookSecretARN, fmt.Sprintf(`{"crm": %q}`, b.Keys["crm"])
	if which == "vicidial" {
		arn, repaired = b.VICIdialSecretARN, fmt.Sprintf(`{"url": %q, "user": "6666", "pass": "S3cret"}`, b.VICIdial.URL)
	}
	c.fault.ARN = arn
	heal := b.strike(t, c)
	got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	if got.Outcome != c.outcome || strings.Contains(got.body, "arn:") || b.VICIdial.Count("") > 0 {
		t.Errorf("got %s, want %s; %d requests reached VICIdial", got.body, c.outcome, b.VICIdial.Count(""))
	}
	if !strings.Contains(got.body, `"fault":"operator"`) {
		t.Errorf("got %s, want the operator's fault: VICIdial was not asked", got.body)
	}
	if got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	if !slices.ContainsFunc(b.Logs(), func(line string) bool { return strings.Contains(line, c.logged) && strings.Contains(line, arn) }) {
		t.Errorf("the log does not tell %q of %s:\n%s", c.logged, arn, strings.Join(b.Logs(), "\n"))
	}
	b.checkLog(t, c.outcome)
	heal()
	if c.put != "" {
		b.put(t, arn, repaired)
	}
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "hungup" {
		t.Errorf("after the repair: got %s", got.body)
	}
}

func (b *fixture) strike(t *testing.T, c failure) (heal func()) {
	t.Helper()
	switch {
	case c.slow:
		healed := make(chan struct{})
		clear := b.Secrets.Fail(secretsmanager.Fault{ARN: c.fault.ARN, Hold: func(context.Context) { <-healed }})
		return func() { clear(); close(healed) }
	case c.put == "":
		return b.Secrets.Fail(c.fault)
	case c.put == "binary":
		if _, err := b.Secrets.PutBinary(c.fault.ARN, []byte(vicitest.DefaultPass)); err != nil {
			t.Fatal(err)
		}
	default:
		b.put(t, c.fault.ARN, c.put)
	}
	return func() {}
}

// The answer keeps to the budget, whether Secrets Manager or VICIdial is slow.
func TestSlowSecretsLeaveLessTimeForVICIdial(t *testing.T) {
	t.Parallel()
	var took time.Duration
	for range triesInTime {
		b := newFixture(t, stack.Config{Env: map[string]string{"REQUEST_BUDGET": "2s"}})
		if b.Secrets == nil {
			t.Skip("steers the local Secrets Manager")
		}
		b.Secrets.Fail(secretsmanager.Fault{Hold: func(ctx context.Context) {
			select {
			case <-time.After(700 * time.Millisecond):
			case <-ctx.Done():
			}
		}})
		inject("silent-undone")(t, b)
		if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.status != http.StatusServiceUnavailable {
			t.Errorf("got %s", got.body)
		}
		if took = b.took(b.call); took <= 2*time.Second+overrun {
			return
		}
	}
	t.Errorf("answered after %v, %d times", took, triesInTime)
}
