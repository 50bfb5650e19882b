package hangup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// heldQueue keeps what was put until the test takes it.
type heldQueue struct {
	mu       sync.Mutex
	messages [][]byte
	err      error
}

func (q *heldQueue) Put(_ context.Context, r hangup.Redelivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	message, err := json.Marshal(r)
	q.messages = append(q.messages, message)
	return err
}

// take is the one message that was put since the last take.
func (q *heldQueue) take(t *testing.T) (r hangup.Redelivery, message []byte) {
	t.Helper()
	if len(q.messages) != 1 {
		t.Fatalf("%d messages are in the queue, want 1: %q", len(q.messages), q.messages)
	}
	message, q.messages = q.messages[0], nil
	if err := json.Unmarshal(message, &r); err != nil {
		t.Fatal(err)
	}
	return r, message
}

// newQueueFixture is a lookup fixture with a queue, whose clock the test sets.
func newQueueFixture(t *testing.T) (*fixture, *heldQueue, *time.Time) {
	t.Helper()
	d, q, now := newLookupFixture(t), &heldQueue{}, time.Now()
	d.Queue, d.Now = q, func() time.Time { return now }
	return d, q, &now
}

func (d *fixture) fail(t *testing.T, fault vicitest.Fault) {
	t.Helper()
	if err := d.vicidial.Inject(fault); err != nil {
		t.Fatal(err)
	}
}

func TestAnOrderWhoseEndIsNotCertainIsQueuedAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, payload string
		fault           string
		outcome         hangup.Outcome
		want            []hangup.Redelivery
	}{
		"still listed": {"crm", `{"call_id":"CALL","agent_user":"1028","disposition":"SALE","ticket":"T-1","by":"ann"}`, "does-nothing", vicicall.StillListed,
			[]hangup.Redelivery{{Source: "crm", CallID: "CALL", AgentUser: "1028", Disposition: "SALE", Ref: "T-1", Actor: "ann"}}},
		"unavailable": {"crm", `{"call_id":"CALL","agent_user":"1028","disposition":"SALE"}`, "database-down-500", vicicall.Unavailable,
			[]hangup.Redelivery{{Source: "crm", CallID: "CALL", AgentUser: "1028", Disposition: "SALE"}}},
		"a found call is named by its id alone": {"find", `{"agent_user":"1028","phone":"3125551212","ticket":"TICKET77"}`, "does-nothing", vicicall.StillListed,
			[]hangup.Redelivery{{Source: "find", CallID: "CALL", AgentUser: "1028", Disposition: "SALE"}}},
		"of a batch, those alone, and each call once": {"batch", `[{"call_id":"CALL","agent_user":"1028"},{"call_id":"CALL","agent_user":"1028"},{"go":false},{"call_id":"1","agent_user":"1028"}]`,
			"does-nothing", vicicall.StillListed, []hangup.Redelivery{{Source: "batch", CallID: "CALL", AgentUser: "1028"}}},
		"a call that has ended":   {"crm", `{"call_id":"CALL","agent_user":"1028","disposition":"SALE"}`, "", vicicall.HungUp, nil},
		"what a sender must mend": {"crm", `{"call_id":"1","agent_user":"1028","disposition":"SALE"}`, "does-nothing", vicicall.InvalidRequest, nil},
		"a dry run":               {"drill", `{"call_id":"CALL","agent_user":"1028"}`, "database-down-500", vicicall.Unavailable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, q, now := newQueueFixture(t)
			if c.fault != "" {
				d.fail(t, vicitest.Fault{Name: c.fault})
			}
			_, report := d.deliver(t, c.source, strings.ReplaceAll(c.payload, "CALL", d.call), nil)
			if report.Outcome != c.outcome {
				t.Fatalf("got %s, want %s", report.Outcome, c.outcome)
			}
			var got []hangup.Redelivery
			for _, message := range q.messages {
				var r hangup.Redelivery
				if err := json.Unmarshal(message, &r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r)
			}
			for i := range c.want {
				c.want[i].CallID, c.want[i].RequestID, c.want[i].Received, c.want[i].Tries = d.call, "req-1", now.Round(0), 1
			}
			if !slices.EqualFunc(got, c.want, sameOrder) {
				t.Errorf("queued %+v, want %+v", got, c.want)
			}
			if line := d.line(t); len(c.want) > 0 && line["queued"] != float64(len(c.want)) || len(c.want) == 0 && line["queued"] != nil {
				t.Errorf("the line says %v are queued", line["queued"])
			}
		})
	}
}

func sameOrder(a, b hangup.Redelivery) bool {
	same := a.Received.Equal(b.Received)
	a.Received, b.Received = time.Time{}, time.Time{}
	return same && a == b
}

func TestAnOrderThatWasNotFoundYetIsQueuedWithWhatFindsIt(t *testing.T) {
	t.Parallel()
	d, q, _ := newQueueFixture(t)
	d.account.err = errors.New("away")
	_, report := d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212","ticket":"TICKET77"}`, nil)
	again, message := q.take(t)
	if report.Outcome != vicicall.Unavailable || again.CallID != "" || again.Phone != phone || again.VendorLeadCode != ticket {
		t.Fatalf("got %s, queued %s", report.Outcome, message)
	}
	d.log.Reset()
	d.account.err = nil
	if settled := d.Redeliver(t.Context(), message); !settled || d.vicidial.Listed(d.call) {
		t.Errorf("settled %v, still listed %v: %s", settled, d.vicidial.Listed(d.call), d.log.String())
	}
	if strings.Contains(d.log.String(), phoneInRow) || strings.Contains(d.log.String(), "TICKET") {
		t.Errorf("the log shows a phone or a code: %s", d.log.String())
	}
}

func TestARedeliveryIsTriedThreeTimesAndLogsEachUnderTheFirstRequest(t *testing.T) {
	t.Parallel()
	d, q, now := newQueueFixture(t)
	d.fail(t, vicitest.Fault{Name: "does-nothing"})
	d.deliver(t, "crm", payloadOf(d.call), nil)
	d.log.Reset()
	for n := 1; n <= 3; n++ {
		again, message := q.take(t)
		if again.Tries != n || again.RequestID != "req-1" {
			t.Fatalf("got %s", message)
		}
		*now = now.Add(15 * time.Second)
		settled := d.Redeliver(t.Context(), message)
		line := d.line(t)
		if want := n < 3; settled != want || (len(q.messages) == 1) != want {
			t.Errorf("redelivery %d: settled %v, %d queued", n, settled, len(q.messages))
		}
		if line["redelivery"] != float64(n) || line["request_id"] != "req-1" || line["outcome"] != "still_listed" || line["source"] != "crm" {
			t.Errorf("redelivery %d: the line is %v", n, line)
		}
	}
}

func TestARedeliveryThatEndsTheCallIsSettled(t *testing.T) {
	t.Parallel()
	d, q, _ := newQueueFixture(t)
	d.fail(t, vicitest.Fault{Name: "does-nothing", Times: 2})
	d.deliver(t, "crm", payloadOf(d.call), nil)
	_, message := q.take(t)
	d.log.Reset()
	for _, want := range []hangup.Outcome{vicicall.HungUp, vicicall.NoActiveCall} { // SQS may deliver a message twice
		if settled := d.Redeliver(t.Context(), message); !settled || len(q.messages) != 0 {
			t.Errorf("settled %v, %d queued", settled, len(q.messages))
		}
		if line := d.line(t); line["outcome"] != string(want) {
			t.Errorf("the line is %v, want %s", line, want)
		}
	}
}

func TestWhatHasChangedSinceTheWebhookCountsForItsRedelivery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source  string
		change  func(*testing.T, *fixture, *time.Time)
		outcome hangup.Outcome
		queued  int
	}{
		"two minutes are over":              {"crm", func(_ *testing.T, _ *fixture, now *time.Time) { *now = now.Add(121 * time.Second) }, vicicall.Unavailable, 0},
		"the source is paused":              {"crm", func(t *testing.T, d *fixture, _ *time.Time) { d.keys.put(t, `{"crm": "off"}`) }, hangup.Paused, 0},
		"the source has no key any more":    {"crm", func(t *testing.T, d *fixture, _ *time.Time) { d.keys.put(t, `{}`) }, hangup.NotAllowed, 0},
		"the source is gone":                {"gone", func(*testing.T, *fixture, *time.Time) {}, hangup.NotAllowed, 0},
		"the agent is none of the source's": {"narrow", func(*testing.T, *fixture, *time.Time) {}, hangup.NotAllowed, 0},
		"the keys can't be fetched":         {"crm", func(_ *testing.T, d *fixture, _ *time.Time) { d.keys.err = errors.New("away") }, vicicall.Unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, q, now := newQueueFixture(t)
			message, err := json.Marshal(hangup.Redelivery{
				Source: c.source, CallID: d.call, AgentUser: "1028", Disposition: "SALE", RequestID: "req-1", Received: *now, Tries: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, d, now)
			settled := d.Redeliver(t.Context(), message)
			if line := d.line(t); line["outcome"] != string(c.outcome) || line["redelivery"] != 1.0 {
				t.Errorf("the line is %v, want %s", line, c.outcome)
			}
			if settled != (c.queued == 1) || len(q.messages) != c.queued || d.vicidial.Count("") != 0 {
				t.Errorf("settled %v, %d queued, %d requests reached VICIdial", settled, len(q.messages), d.vicidial.Count(""))
			}
		})
	}
}

var unreadable = []string{
	``, `{`, `[]`, `"secret"`, `{"source":"crm"}`, `{"source":"crm","secret":1}`,
	`{"source":"crm","call_id":"secret","request_id":"r","received":"2026-01-02T03:04:05Z","tries":4}`,
	`{"source":"crm","call_id":"secret","request_id":"r","received":"2026-01-02T03:04:05Z","tries":0}`,
	`{"source":"crm","call_id":"secret","request_id":"r","received":"yesterday","tries":1}`,
	`{"source":"crm","source":"secret","request_id":"r","received":"2026-01-02T03:04:05Z","tries":1}`,
}

func TestAMessageThatCanNotBeReadIsLoggedWithoutItsContent(t *testing.T) {
	t.Parallel()
	for _, message := range unreadable {
		d, q, _ := newQueueFixture(t)
		if settled := d.Redeliver(t.Context(), []byte(message)); settled || len(q.messages) != 0 || d.vicidial.Count("") != 0 {
			t.Errorf("%s: settled %v, %d queued", message, settled, len(q.messages))
		}
		if line := d.line(t); line["level"] != "ERROR" || line["outcome"] != nil || strings.Contains(fmt.Sprint(line), "secret") {
			t.Errorf("%s: the line is %v", message, line)
		}
	}
}

func TestAQueueThatFailsChangesNothingForTheSender(t *testing.T) {
	t.Parallel()
	var want string
	for _, broken := range []bool{false, true} {
		d, q, _ := newQueueFixture(t)
		d.fail(t, vicitest.Fault{Name: "does-nothing"})
		if broken {
			q.err = errors.New("AccessDenied")
		}
		answer, _ := d.deliver(t, "crm", payloadOf(d.call), nil)
		got := strings.ReplaceAll(fmt.Sprint(answer.Status, answer.Header, string(answer.Body)), d.call, "CALL")
		if line := d.line(t); broken && (line["queue_error"] != "AccessDenied" || line["queued"] != nil) {
			t.Errorf("the line is %v", line)
		}
		if want == "" {
			want = got
		}
		if got != want || answer.Status != http.StatusServiceUnavailable {
			t.Errorf("got %s, want %s", got, want)
		}
		if broken {
			message, err := json.Marshal(hangup.Redelivery{Source: "crm", CallID: d.call, AgentUser: "1028", Disposition: "SALE", Received: time.Now(), Tries: 1})
			if err != nil {
				t.Fatal(err)
			}
			if d.Redeliver(t.Context(), message) {
				t.Error("what could not be queued again is said to be settled")
			}
		}
	}
}

func FuzzRedeliver(f *testing.F) {
	for _, message := range unreadable {
		f.Add([]byte(message))
	}
	f.Add([]byte(`{"source":"crm","call_id":"Y1122105211000040202","agent_user":"1028","disposition":"SALE","request_id":"r","received":"2026-01-02T03:04:05Z","tries":1}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		d := newFixtureOver(t, &told{})
		d.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC) }
		d.Redeliver(t.Context(), message)
		d.line(t)
	})
}
