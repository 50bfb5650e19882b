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
	"sync/atomic"
	"testing"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// heldQueue keeps the messages until the test takes them.
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

// take returns the one message since the last take.
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

// vicidialNow returns VICIdial's time: in another time zone, and three minutes wrong.
func (c *clock) vicidialNow() time.Time {
	return c.Now().Add(3 * time.Minute).In(time.FixedZone("", -7*60*60))
}

// newQueueFixture is a lookup fixture with a queue, whose clock the test sets. Its call began a minute ago.
func newQueueFixture(t *testing.T) (*fixture, *heldQueue, *clock) {
	t.Helper()
	return newQueueFixtureOf(t, time.Minute)
}

// newQueueFixtureOf is newQueueFixture with a call of some age. A deadline of the handler is in real time.
func newQueueFixtureOf(t *testing.T, age time.Duration) (*fixture, *heldQueue, *clock) {
	t.Helper()
	c, q := &clock{now: time.Now().Add(-age)}, &heldQueue{}
	d := newFixtureAt(t, c.Now, c.vicidialNow)
	d.allowLookups()
	d.Queue = q
	c.pass(age)
	return d, q, c
}

func (d *fixture) fail(t *testing.T, fault vicitest.Fault) {
	t.Helper()
	if err := d.vicidial.Inject(fault); err != nil {
		t.Fatal(err)
	}
}

func TestRedeliveryQueuesOnlyWhatIsNotSettled(t *testing.T) {
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
		"a call that has ended":      {"crm", `{"call_id":"CALL","agent_user":"1028","disposition":"SALE"}`, "", vicicall.HungUp, nil},
		"what a sender must correct": {"crm", `{"call_id":"1","agent_user":"1028","disposition":"SALE"}`, "does-nothing", vicicall.InvalidRequest, nil},
		"a dry run":                  {"drill", `{"call_id":"CALL","agent_user":"1028"}`, "database-down-500", vicicall.Unavailable, nil},
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
				c.want[i].CallID, c.want[i].RequestID, c.want[i].Received, c.want[i].Tries = d.call, "req-1", now.Now().Round(0), 1
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

func TestRedeliveryOfAnOrderThatWasNotFound(t *testing.T) {
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

func TestRedeliveryQueuesACallOfABatchOnce(t *testing.T) {
	t.Parallel()
	d, q, _ := newQueueFixture(t)
	d.account.err = errors.New("away")
	item := `{"agent_user":"1028","phone":"3125551212"}`
	d.deliver(t, "find-batch", "["+item+","+item+"]", nil)
	q.take(t)
}

func TestRedeliveryIsTriedThreeTimes(t *testing.T) {
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
		now.pass(15 * time.Second)
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

func TestRedeliveryThatEndsTheCallIsSettled(t *testing.T) {
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

func TestRedeliveryChecksWhatHasChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source  string
		change  func(*testing.T, *fixture, *clock)
		outcome hangup.Outcome
		queued  int
	}{
		"two minutes are over":           {"crm", func(_ *testing.T, _ *fixture, now *clock) { now.pass(121 * time.Second) }, vicicall.Unavailable, 0},
		"the source is paused":           {"crm", func(t *testing.T, d *fixture, _ *clock) { d.keys.put(t, `{"crm": "off"}`) }, hangup.Paused, 0},
		"the source has no key any more": {"crm", func(t *testing.T, d *fixture, _ *clock) { d.keys.put(t, `{}`) }, hangup.NotAllowed, 0},
		"the source is gone":             {"gone", func(*testing.T, *fixture, *clock) {}, hangup.NotAllowed, 0},
		"the agent is out of the scope":  {"narrow", func(*testing.T, *fixture, *clock) {}, hangup.NotAllowed, 0},
		"the keys can't be fetched":      {"crm", func(_ *testing.T, d *fixture, _ *clock) { d.keys.err = errors.New("away") }, vicicall.Unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, q, now := newQueueFixture(t)
			message, err := json.Marshal(hangup.Redelivery{
				Source: c.source, CallID: d.call, AgentUser: "1028", Disposition: "SALE", RequestID: "req-1", Received: now.Now(), Tries: 1,
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

func TestRedeliveryLogsNoContentOfAnUnreadableMessage(t *testing.T) {
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

func TestRedeliveryQueueThatFailsChangesNothingForTheSender(t *testing.T) {
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
				t.Error("an order that could not be queued again counts as settled")
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
		d := newFixtureOver(t, &slowVICIdial{})
		d.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC) }
		d.Redeliver(t.Context(), message)
		d.line(t)
	})
}

// A redelivery is late by design. Whatever fails before it or during it, it ends no call but the one that the webhook
// meant, not even the next call of the same lead with the same agent.
func TestNoRedeliveryEndsAnotherCall(t *testing.T) {
	t.Parallel()
	orders := map[string]string{
		"by call id": `{"agent_user":"1028","call_id":"CALL"}`, "by agent and lead": `{"agent_user":"1028","lead":"LEAD"}`,
		"by agent and phone": `{"agent_user":"1028","phone":"3125551212"}`, "by lead": `{"lead":"LEAD"}`, "by code": `{"ticket":"TICKET77"}`,
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, 40) // many faults only wait
	var looked atomic.Int64
	for _, fault := range vicitest.Faults() {
		for order, payload := range orders {
			for _, from := range []string{"webhook", "redelivery"} {
				slots <- struct{}{}
				running.Go(func() {
					defer func() { <-slots }()
					t.Run(fault.Name+" from the "+from+" on, "+order, func(t *testing.T) {
						looked.Add(redeliverAfterTheNextCall(t, payload, vicitest.Fault{Name: fault.Name, Times: 3}, from == "redelivery"))
					})
				})
			}
		}
	}
	running.Wait()
	if looked.Load() < 200 {
		t.Errorf("only %d redeliveries looked for their call", looked.Load())
	}
}

// redeliverAfterTheNextCall lets a webhook fail and its call end, and tries the order again while the agent is in the
// lead's next call. It returns how many of the redeliveries looked for their call.
func redeliverAfterTheNextCall(t *testing.T, payload string, fault vicitest.Fault, faultAgain bool) (looked int64) {
	d, q, now := newQueueFixture(t)
	d.Budget = 700 * time.Millisecond
	if faultAgain {
		d.account.err = errors.New("away")
	} else {
		d.fail(t, fault)
	}
	d.deliver(t, "find", strings.NewReplacer("CALL", d.call, "LEAD", leadOf(d.call)).Replace(payload), nil)
	d.account.err = nil
	if faultAgain {
		d.fail(t, fault)
	}
	d.vicidial.EndCall(d.call)
	now.pass(time.Duration(len(payload)%15) * time.Second)
	next := fmt.Sprintf("Y%s%s", now.vicidialNow().Format("0102150405")[1:], d.call[10:])
	d.vicidial.AddAgent(vicitest.Agent{User: "1028"}) // a fault may have logged the agent off
	d.vicidial.AddCall(vicitest.Call{ID: next, Agent: "1028", Phone: phone, VendorLeadCode: ticket})
	for range hangup.MaxRedeliveries {
		if len(q.messages) == 0 {
			break
		}
		_, message := q.take(t)
		now.pass(15 * time.Second)
		before := d.vicidial.Count("version")
		d.Redeliver(t.Context(), message)
		looked += int64(d.vicidial.Count("version") - before)
	}
	for _, r := range d.vicidial.Requests() {
		if r.Kind() == "HANGUP" && r.CallID == next {
			t.Errorf("a HANGUP of %s, the lead's next call, was sent", next)
		}
	}
	if !d.vicidial.LineUp(next) {
		t.Errorf("%s, the lead's next call, has ended", next)
	}
	return looked
}

func TestRedeliveryEndsOnlyACallThatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration // of the call when the webhook was received
		want vicicall.Outcome
	}{
		"long before":           {time.Hour / 2, vicicall.HungUp},
		"10 s before":           {10 * time.Second, vicicall.HungUp},
		"less than 10 s before": {9 * time.Second, vicicall.OtherCall},
	} {
		d, q, now := newQueueFixtureOf(t, c.age)
		d.account.err = errors.New("away")
		d.deliver(t, "find", `{"agent_user":"1028","phone":"3125551212"}`, nil)
		d.account.err = nil
		_, message := q.take(t)
		d.log.Reset()
		now.pass(15 * time.Second)
		settled := d.Redeliver(t.Context(), message)
		if line := d.line(t); line["outcome"] != string(c.want) || !settled || d.vicidial.Listed(d.call) == (c.want == vicicall.HungUp) {
			t.Errorf("%s: settled %v, the line is %v, want %s", name, settled, line, c.want)
		}
	}
}
