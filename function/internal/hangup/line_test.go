package hangup_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

func TestLogLineFields(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	has := func(fields ...string) {
		t.Helper()
		line := d.line(t)
		wanted := map[string]bool{}
		for _, field := range fields {
			wanted[field] = true
		}
		for _, field := range []string{"attempts", "vicidial_ms", "calls", "held_ms", "cause", "key"} {
			if _, there := line[field]; there != wanted[field] {
				t.Errorf("%s is there: %v, in %v", field, there, line)
			}
		}
	}
	d.deliver(t, "crm", payloadOf(d.call), nil)
	has("attempts", "vicidial_ms", "key")
	d.deliver(t, "crm", payloadOf("1"), nil)
	has("key")
	d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { r.Received = time.Now(); delete(r.Webhook.Header, "webhook-id") })
	has("held_ms", "cause")
	d.deliver(t, "batch", "["+payloadOf(d.call)+"]", nil)
	has("calls", "key")
}

func TestLogLineNamesTheKey(t *testing.T) {
	t.Parallel()
	for want, key := range []string{goodKey, otherKey} {
		d := newFixture(t)
		d.keys.put(t, fmt.Sprintf(`{"crm": [%q, %q]}`, goodKey, otherKey))
		d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { sign(t, r, key, time.Now()) })
		if line := d.line(t); line["key"] != float64(want) || line["signed"] != true {
			t.Errorf("key %v, signed %v; want key %d", line["key"], line["signed"], want)
		}
	}
}

// A gateway that reports a time more than ten seconds ago is not believed.
func TestBudgetCountsFromTheGatewaysTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	d := newFixture(t)
	var deadline time.Time
	d.VICIdial, d.Now, d.Budget = recordDeadline(&deadline), func() time.Time { return now }, 25*time.Second
	for held, want := range map[time.Duration]time.Duration{10 * time.Second: 15 * time.Second, 10*time.Second + 1: 25 * time.Second} {
		answer, report := d.deliver(t, "crm", payloadOf(d.call), func(r *hangup.Request) { r.Received = now.Add(-held) })
		if got := deadline.Sub(now); got != want || answer.Status != http.StatusOK || report.Outcome != vicicall.HungUp {
			t.Errorf("held for %v: %v left, want %v", held, got, want)
		}
	}
}

func TestBatchRetryAfterIsTheLongest(t *testing.T) {
	t.Parallel()
	const first, second = "Y0101000000000000001", "Y0101000000000000002"
	for _, outcomes := range []map[string]hangup.Outcome{
		{first: vicicall.LockedOut, second: vicicall.Unavailable}, {first: vicicall.Unavailable, second: vicicall.LockedOut},
	} {
		d := newFixture(t)
		d.VICIdial = vicidialFunc(func(_ context.Context, _ vicicall.Credentials, call vicicall.Call) (vicicall.Result, error) {
			return vicicall.Result{Outcome: outcomes[call.ID]}, nil
		})
		answer, report := d.deliver(t, "batch", "["+payloadOf(first)+","+payloadOf(second)+"]", nil)
		if report.Outcome != vicicall.LockedOut || answer.Header["retry-after"] != "900" {
			t.Errorf("%v: got %s, %v", outcomes, report.Outcome, answer.Header)
		}
	}
}

func TestRetryAfterOnlyForRedelivery(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	answer, _ := d.deliver(t, "crm", payloadOf(d.call), nil)
	if after, there := answer.Header["retry-after"]; there {
		t.Errorf("Retry-After is %q", after)
	}
}
