package hangup_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// fakeKeys is a key store. A refresh loads its next version.
type fakeKeys struct {
	sources   *source.Sources
	ring      source.Keyring
	next      string
	loaded    int
	refreshed int
	verified  []string
	err       error
}

func (k *fakeKeys) put(t *testing.T, secret string) {
	t.Helper()
	ring, err := k.sources.ParseKeys([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	k.ring = ring
}

func (k *fakeKeys) Keys(_ context.Context, name string) (source.Keys, hangup.Refresh, error) {
	k.loaded++
	return k.ring[name], k.refresh, k.err
}

func (k *fakeKeys) Verified(asker string) { k.verified = append(k.verified, asker) }

func (k *fakeKeys) refresh(context.Context, string) (bool, error) {
	k.refreshed++
	if k.next == "" {
		return false, nil
	}
	ring, err := k.sources.ParseKeys([]byte(k.next))
	k.ring = ring
	return true, err
}

// fakeAccount is a store of one account. A refresh loads its next version.
type fakeAccount struct {
	account vicicall.Credentials
	next    *vicicall.Credentials
	loaded  atomic.Int32 // a batch loads it concurrently
	err     error
}

func (a *fakeAccount) Credentials(context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	a.loaded.Add(1)
	return a.account, a.refresh, a.err
}

func (a *fakeAccount) refresh(context.Context, string) (bool, error) {
	if a.next == nil {
		return false, nil
	}
	a.account = *a.next
	return true, nil
}

func TestSecretsMissingOrUnusable(t *testing.T) {
	broken := errors.New("arn:aws:… : no answer")
	unusable := fmt.Errorf("%w: no JSON", hangup.ErrMisconfigured)
	for name, c := range map[string]struct {
		change func(*fixture)
		source string
		want   hangup.Outcome
		level  string
	}{
		"keys that can't be fetched":                   {func(d *fixture) { d.keys.err = broken }, "crm", vicicall.Unavailable, "WARN"},
		"keys that are no JSON":                        {func(d *fixture) { d.keys.err = unusable }, "crm", vicicall.Misconfigured, "ERROR"},
		"an account that can't be fetched":             {func(d *fixture) { d.account.err = broken }, "crm", vicicall.Unavailable, "WARN"},
		"an account that can't be fetched, in a batch": {func(d *fixture) { d.account.err = broken }, "batch", vicicall.Unavailable, "WARN"},
		"an account that is no JSON":                   {func(d *fixture) { d.account.err = unusable }, "crm", vicicall.Misconfigured, "ERROR"},
		"a configuration that can't serve":             {func(d *fixture) { d.Broken = broken }, "crm", vicicall.Misconfigured, "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t)
			c.change(d)
			payload := map[string]string{"crm": payloadOf(d.call), "batch": "[" + payloadOf(d.call) + "]"}[c.source]
			answer, report := d.deliver(t, c.source, payload, nil)
			if line := d.line(t); report.Outcome != c.want || report.Fault != hangup.OperatorFault || line["level"] != c.level {
				t.Errorf("got %s, %s, a line of level %v; want %s, operator, %s", report.Outcome, report.Fault, line["level"], c.want, c.level)
			}
			if strings.Contains(string(answer.Body), "arn:") {
				t.Errorf("the answer quotes the cause: %s", answer.Body)
			}
			if d.vicidial.Count("") != 0 {
				t.Error("VICIdial got a request")
			}
		})
	}
}

func TestPausedSourceWithPreviousKeys(t *testing.T) {
	for name, c := range map[string]struct {
		previous, key string
		want          hangup.Outcome
	}{
		"its sender":                      {`{"crm": "` + goodKey + `"}`, goodKey, hangup.Paused},
		"a stranger":                      {`{"crm": "` + goodKey + `"}`, otherKey, hangup.Unauthorized},
		"anybody, without a previous key": {`{"crm": "off"}`, otherKey, hangup.Paused},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t)
			previous, err := d.keys.sources.ParseKeys([]byte(c.previous))
			if err != nil {
				t.Fatal(err)
			}
			d.keys.put(t, `{"crm": "off"}`)
			d.keys.ring = d.keys.ring.WithPrevious(previous)
			_, report := d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { sign(t, r, c.key, time.Now()) })
			if report.Outcome != c.want || d.vicidial.Count("") != 0 {
				t.Errorf("got %s after %d requests, want %s", report.Outcome, d.vicidial.Count(""), c.want)
			}
		})
	}
}

// panicking panics with a payload's text, once.
type panicking struct {
	hangup.VICIdial
	panicked bool
}

func (c *panicking) Hangup(ctx context.Context, account vicicall.Credentials, call vicicall.Call) (vicicall.Result, error) {
	if !c.panicked {
		c.panicked = true
		panic("secret of the payload")
	}
	return c.VICIdial.Hangup(ctx, account, call)
}

func TestPanicIsMisconfiguredAndQuotesNothing(t *testing.T) {
	for _, source := range []string{"crm", "batch"} {
		d := newFixture(t)
		d.VICIdial = &panicking{VICIdial: d.VICIdial}
		payload := payloadOf(d.call)
		if source == "batch" {
			payload = "[" + payload + "]"
		}
		answer, report := d.deliver(t, source, payload, nil)
		if report.Outcome != vicicall.Misconfigured || report.Fault != hangup.OperatorFault || answer.Status != http.StatusInternalServerError {
			t.Errorf("%s: got %s (%d)", source, answer.Body, answer.Status)
		}
		text := d.log.String()
		if strings.Contains(text, "secret of the payload") || !strings.Contains(text, "panicking).Hangup") {
			t.Errorf("%s: the log does not name the place, or quotes the panic: %s", source, text)
		}
		if line := d.line(t); line["outcome"] != "misconfigured" || line["level"] != "ERROR" {
			t.Errorf("%s: the line is %v", source, line)
		}
		if _, report := d.deliver(t, source, payload, nil); report.Outcome != vicicall.HungUp || d.line(t)["outcome"] != "hungup" {
			t.Errorf("%s: the next delivery got %s", source, report.Outcome)
		}
	}
}

func TestBudgetStart(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		received time.Time
		want     time.Time
	}{
		"a second ago":  {now.Add(-time.Second), now.Add(3 * time.Second)},
		"a minute ago":  {now.Add(-time.Minute), now.Add(4 * time.Second)},
		"in the future": {now.Add(time.Second), now.Add(4 * time.Second)},
		"not reported":  {time.Time{}, now.Add(4 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t)
			var deadline time.Time
			d.VICIdial, d.Now = recordDeadline(&deadline), func() time.Time { return now }
			d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { r.Received = c.received })
			if !deadline.Equal(c.want) {
				t.Errorf("deadline %v from now, want %v", deadline.Sub(now), c.want.Sub(now))
			}
		})
	}
}

func TestBudgetSpentSendsNothing(t *testing.T) {
	d := newFixture(t)
	d.Budget = -time.Second
	for name, payload := range map[string]string{"crm": payloadOf(d.call), "batch": "[" + payloadOf(d.call) + "]"} {
		if _, report := d.deliver(t, name, payload, nil); report.Outcome != vicicall.Unavailable || d.vicidial.Count("") != 0 {
			t.Errorf("%s: got %s after %d requests", name, report.Outcome, d.vicidial.Count(""))
		}
	}
}

func TestBudgetOfASource(t *testing.T) {
	now := time.Now()
	d := newFixture(t)
	var deadline time.Time
	d.VICIdial, d.Now = recordDeadline(&deadline), func() time.Time { return now }
	d.deliver(t, "hasty", payloadOf(d.call), nil)
	if want := now.Add(1500 * time.Millisecond); !deadline.Equal(want) {
		t.Errorf("deadline %v from now, want 1.5s", deadline.Sub(now))
	}
}
