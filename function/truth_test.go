//go:build unix

package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A trial is one webhook for a call of its own, and the fault that strikes whatever asks VICIdial for that call.
type trial struct {
	vicitest.Fault
	agent string
}

const (
	// A budget in which HANGUP and CHECK have half a second each.
	shortBudget = time.Second
	// overrun is how much later than the budget an answer may be.
	overrun = 100 * time.Millisecond
	// A machine that is busy with other things stops a process for longer than that now and then, whatever it does.
	// Therefore a late answer is late when it is so each time.
	triesInTime = 3
)

func TestEndToEndEveryFaultIsAnsweredTrulyAndInTime(t *testing.T) {
	t.Parallel()
	const atOnce = 10
	b := newTaintedBench(t, stack.Config{Env: map[string]string{"REQUEST_BUDGET": shortBudget.String()}, MaxInstances: atOnce})
	trials := trials()
	if len(trials) < 150 {
		t.Fatalf("only %d trials", len(trials))
	}
	slots := make(chan struct{}, atOnce) // not t.Parallel: they wait more than they work
	var all sync.WaitGroup
	for _, trial := range trials {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			b.try(t, trial)
		})
	}
	all.Wait()
	b.assertCleanLogs(t)
}

// trials are each fault in every request, in the HANGUPs, in the CHECKs, and in the first request only.
func trials() []trial {
	var all []trial
	for _, info := range vicitest.Faults() {
		for _, f := range []vicitest.Fault{{}, {Stage: "HANGUP"}, {Stage: "CHECK"}, {Times: 1}} {
			f.Name = info.Name
			all = append(all, trial{f, fmt.Sprint(2000 + len(all))})
		}
	}
	return all
}

// try sends the trial's webhook, and another for another call while the answer was late.
func (b *bench) try(t *testing.T, c trial) {
	var took time.Duration
	for range triesInTime {
		b.VICIdial.AddAgent(vicitest.Agent{User: c.agent})
		c.CallID = b.VICIdial.NextCallID('Y')
		b.VICIdial.AddCall(vicitest.Call{ID: c.CallID, Agent: c.agent})
		if err := b.VICIdial.Inject(c.Fault); err != nil {
			t.Error(err)
			return
		}
		got := b.sendTainted(t, c.Name, b.delivery(t, "crm", tainted(payloadFor(c.CallID, c.agent))))
		for _, lie := range b.lies(c, got) {
			t.Errorf("%s %s (%d times): %s: %s", c.Name, c.Stage, c.Times, lie, got.body)
		}
		if took = b.took(t, c.CallID); took <= shortBudget+overrun {
			return
		}
	}
	t.Errorf("%s %s (%d times): answered after %v, %d times", c.Name, c.Stage, c.Times, took, triesInTime)
}

// lies gives what VICIdial's tables and Asterisk's line say against an answer.
func (b *bench) lies(c trial, got answer) (lies []string) {
	must := func(ok bool, law string) {
		if !ok {
			lies = append(lies, law)
		}
	}
	state, _ := b.VICIdial.Call(c.CallID)
	hangups, checks, seen := b.asked(c.CallID)
	must(hangups <= 2 && checks <= 3, "at most 2 HANGUP and 3 CHECK are sent")
	must(b.VICIdial.MaxConcurrentHangups() <= 1, "no second HANGUP beside a first")
	silent := slices.Contains([]string{"strict-sql-clean", "sender-stopped", "calls-table-broken"}, c.Name)
	switch got.Outcome {
	case "hungup":
		must(!state.LineUp || silent, "hungup means that the line is down, but for what no answer shows")
		fallthrough
	case "no_longer_listed", "no_active_call":
		must(!state.Listed || c.Name == "calls-table-broken", "a call that is listed is not said to be gone")
	case "accepted":
		must(!state.Listed || !seen, "accepted means that no CHECK could see the call")
	case "agent_not_logged_in":
		must(c.Name == "agents-table-broken", "an agent who is there is not said to be away")
	case "still_listed":
		lost := strings.Contains(got.Message, "no whole answer came") // its HANGUP may do its work after the CHECK
		must(state.Listed || lost, "a call that is not listed is not said to be")
	case "unavailable":
		must(state.Listed && state.LineUp, "unavailable means that nothing was done")
	case "unknown", "unexpected_reply", "misconfigured":
	default:
		must(false, "no other outcome fits a fault of VICIdial")
	}
	return lies
}

// asked counts the requests for a call, and says whether a CHECK that nothing struck came after the last HANGUP.
func (b *bench) asked(call string) (hangups, checks int, seen bool) {
	for _, r := range b.VICIdial.Requests() {
		switch {
		case r.CallID != call:
		case r.Stage == "HANGUP":
			hangups, seen = hangups+1, false
		default:
			checks, seen = checks+1, seen || r.Fault == ""
		}
	}
	return hangups, checks, seen
}

// took is how long the delivery for a call took from the gateway's time to its answer, by the function's own log.
func (b *bench) took(t *testing.T, call string) time.Duration {
	t.Helper()
	for _, line := range b.Logs() {
		var fields struct {
			Call     string `json:"call_id"`
			Held     int64  `json:"held_ms"`
			Duration int64  `json:"duration_ms"`
		}
		if json.Unmarshal([]byte(line), &fields) == nil && fields.Call == call {
			return time.Duration(fields.Held+fields.Duration) * time.Millisecond
		}
	}
	t.Errorf("no log line for %s", call)
	return 0
}

// Strict SQL on PHP below 8.1 delists the call and refuses the row that would hang it up, and prints a clean SUCCESS.
// No answer of VICIdial shows it: the README names the sql_mode that prevents it.
func TestEndToEndTheLieThatNoAnswerShows(t *testing.T) {
	t.Parallel()
	b := newBench(t, stack.Config{})
	inject("strict-sql-clean")(t, b)
	got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	if state, _ := b.VICIdial.Call(b.call); got.Outcome != "hungup" || state.Listed || !state.LineUp {
		t.Errorf("got %s, and the call is %+v: if it shows now, the README need not warn of it", got.Outcome, state)
	}
	if text := readme(t); !strings.Contains(text, `sql_mode="NO_ENGINE_SUBSTITUTION"`) {
		t.Error("the README does not name the sql_mode")
	}
}

func TestEndToEndADatabaseThatIsDownForOneRequest(t *testing.T) {
	t.Parallel()
	for stage, want := range map[string][]string{"HANGUP": {"unavailable", "hungup"}, "CHECK": {"hungup", "no_active_call"}} {
		b := newBench(t, stack.Config{})
		if err := b.VICIdial.Inject(vicitest.Fault{Name: "database-down-500", Stage: stage, Times: 1}); err != nil {
			t.Fatal(err)
		}
		for _, want := range want {
			if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != want {
				t.Errorf("for one %s: got %s, want %s", stage, got.body, want)
			}
		}
		if b.VICIdial.Listed(b.call) {
			t.Errorf("for one %s: the call is listed", stage)
		}
	}
}

func TestEndToEndAnAgentWhoLogsOffBeforeTheSecondLook(t *testing.T) {
	t.Parallel()
	b := newBench(t, stack.Config{})
	inject("agent-logs-off")(t, b)
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "accepted" || b.VICIdial.Listed(b.call) {
		t.Errorf("got %s, listed %v", got.body, b.VICIdial.Listed(b.call))
	}
}

// Both instances have sent HANGUP before VICIdial answers either.
func TestEndToEndTwoDeliveriesOfOneCallOnTwoInstances(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		"slow-work":    "hungup no_active_call", // one looks after the other
		"slow-middle":  "hungup hungup",         // both find the call listed
		"does-nothing": "still_listed still_listed",
	} {
		b := newBench(t, stack.Config{})
		release := make(chan struct{})
		if err := b.VICIdial.Inject(vicitest.Fault{Name: fault, Stage: "HANGUP", Release: release}); err != nil {
			t.Fatal(err)
		}
		got := make([]string, 2)
		var both sync.WaitGroup
		for i := range got {
			d := b.delivery(t, "crm", payloadOf(b.call))
			both.Go(func() { got[i] = b.send(t, d).Outcome })
		}
		if err := b.VICIdial.Await(t.Context(), func() bool { return b.VICIdial.Count("HANGUP") >= 2 }); err != nil {
			t.Fatal(err)
		}
		close(release)
		both.Wait()
		slices.Sort(got)
		if strings.Join(got, " ") != want || b.VICIdial.Listed(b.call) != (fault == "does-nothing") {
			t.Errorf("%s: got %s, want %s; listed is %v", fault, got, want, b.VICIdial.Listed(b.call))
		}
	}
}
