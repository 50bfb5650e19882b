package hangup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/webhook"
	"vicihook/vicicall"
)

// slowVICIdial answers each call after a second, with the outcome for its agent.
type slowVICIdial struct {
	hangup.VICIdial
	outcomes      map[string]hangup.Outcome
	running, most atomic.Int32
}

func (v *slowVICIdial) Hangup(_ context.Context, _ vicicall.Credentials, c vicicall.Call) (vicicall.Result, error) {
	if n := v.running.Add(1); n > v.most.Load() {
		v.most.Store(n)
	}
	time.Sleep(time.Second)
	v.running.Add(-1)
	return vicicall.Result{Outcome: v.outcomes[c.AgentUser]}, nil
}

// batchOf names a call for each agent from 1000 on.
func batchOf(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"call_id":"Y11221052110%08d","agent_user":"%d"}`, i, 1000+i)
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestBatchOutcomeIsTheWorst(t *testing.T) {
	batches := map[string]struct {
		outcomes []hangup.Outcome
		want     hangup.Outcome
		status   int
	}{
		"what another try fixes is worst":              {[]hangup.Outcome{"hungup", "credentials_rejected", "still_listed"}, "still_listed", http.StatusServiceUnavailable},
		"among these the longest wait":                 {[]hangup.Outcome{"unknown", "locked_out", "unavailable"}, "locked_out", http.StatusServiceUnavailable},
		"among equals the first":                       {[]hangup.Outcome{"unknown", "still_listed"}, "unknown", http.StatusServiceUnavailable},
		"an operator's fault is worse than a sender's": {[]hangup.Outcome{"not_allowed", "invalid_request", "ip_blocked"}, "ip_blocked", http.StatusBadGateway},
		"a field is worse than a scope":                {[]hangup.Outcome{"hungup", "not_allowed", "invalid_request"}, "invalid_request", http.StatusUnprocessableEntity},
		"among successes the first":                    {[]hangup.Outcome{"no_active_call", "hungup"}, "no_active_call", http.StatusOK},
	}
	for name, c := range batches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vicidial := &slowVICIdial{outcomes: map[string]hangup.Outcome{}}
				for i, o := range c.outcomes {
					vicidial.outcomes[fmt.Sprint(1000+i)] = o
				}
				answer, report := newFixtureOver(t, vicidial).deliver(t, "batch", batchOf(len(c.outcomes)), nil)
				if report.Outcome != c.want || answer.Status != c.status {
					t.Errorf("got %s (%d), want %s (%d)", report.Outcome, answer.Status, c.want, c.status)
				}
			})
		})
	}
}

func TestBatchEndsFourCallsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vicidial := &slowVICIdial{}
		d := newFixtureOver(t, vicidial)
		d.Budget = time.Minute
		began := time.Now()
		d.deliver(t, "batch", batchOf(10), nil)
		if most := vicidial.most.Load(); most != 4 {
			t.Errorf("%d at a time, want 4", most)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("10 calls of a second each took %v, want 3s", took)
		}
	})
}

func TestBatchItemsNotStartedInTimeAreUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFixtureOver(t, &slowVICIdial{})
		d.Budget = 1500 * time.Millisecond
		_, report := d.deliver(t, "batch", batchOf(10), nil)
		unavailable := 0
		for _, c := range report.Calls {
			if c.Outcome == vicicall.Unavailable {
				unavailable++
			}
		}
		if unavailable != 2 {
			t.Errorf("%d calls were not started, want 2 of 10", unavailable)
		}
	})
}

func TestLogLevel(t *testing.T) {
	for outcome, want := range map[hangup.Outcome]string{
		"hungup": "INFO", "unauthorized": "INFO", "still_listed": "WARN", "locked_out": "ERROR", "ip_blocked": "ERROR", "paused": "INFO",
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newFixtureOver(t, &slowVICIdial{outcomes: map[string]hangup.Outcome{"1028": outcome}})
			name := "crm"
			switch outcome {
			case "paused":
				name = "paused"
			case "unauthorized":
				name = "nobody"
			}
			d.deliver(t, name, payloadOf(d.call), nil)
			if line := d.line(t); line["level"] != want || line["outcome"] != string(outcome) {
				t.Errorf("%s: level %v of outcome %v, want %s", outcome, line["level"], line["outcome"], want)
			}
		})
	}
}

// Without a rule an outcome would be answered with the status 0.
func TestOutcomeWithoutARuleIsMisconfigured(t *testing.T) {
	for name, test := range map[string]struct{ source, payload string }{
		"a single call": {"crm", `{"call_id":"Y1122105211000000000","agent_user":"1000","disposition":"A"}`},
		"a batch":       {"batch", batchOf(1)},
	} {
		d := newFixtureOver(t, always(vicicall.Result{Outcome: "brand_new"}, nil))
		answer, report := d.deliver(t, test.source, test.payload, nil)
		line := d.line(t)
		if answer.Status != http.StatusInternalServerError || report.Outcome != vicicall.Misconfigured || report.Fault != hangup.OperatorFault {
			t.Errorf("%s: got %d, %+v", name, answer.Status, report)
		}
		if text := fmt.Sprint(line); line["level"] != "ERROR" || !strings.Contains(text, `no rule for the outcome "brand_new"`) {
			t.Errorf("%s: the log has %v", name, line)
		}
	}
}

// Lambda kills a function whose time is up. Then the sender gets no outcome and the log no line.
func TestBudgetLeavesTimeForTheAnswer(t *testing.T) {
	t.Parallel()
	var deadline time.Time
	d := newFixtureOver(t, recordDeadline(&deadline))
	d.Budget = 25 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	end, _ := ctx.Deadline()
	again, err := json.Marshal(hangup.Redelivery{Source: "crm", CallID: d.call, AgentUser: "1028", Received: time.Now(), Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := hangup.Request{Source: "crm", Webhook: webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(payloadOf(d.call))}}
	sign(t, &r, goodKey, time.Now())
	for name, deliver := range map[string]func(){
		"a webhook":    func() { d.Handle(ctx, r) },
		"a redelivery": func() { d.Redeliver(ctx, again) },
	} {
		deadline = time.Time{}
		deliver()
		if left := end.Sub(deadline); deadline.IsZero() || left < 500*time.Millisecond {
			t.Errorf("%s: %v are left for the answer: %s", name, left, d.log.String())
		}
	}
}
