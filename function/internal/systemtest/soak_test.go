//go:build unix

package systemtest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

var soak = flag.Int("soak", 0, "webhooks of the soak test; 0 leaves it out")

const (
	soakLanes  = 50
	soakMemory = 32 << 10 // KiB that an instance may have resident
	soakGrowth = 2 << 10  // KiB that the instances' mean may grow by in the second half
	soakFiles  = 16       // that an instance may have open: its log, its Runtime API, VICIdial, Secrets Manager
	soakRight  = 85       // percent of the webhooks, and of a fault's, that end as they should at least
)

// soakFaults each strike one HANGUP or one CHECK of one call. Two faults are left out, since they affect other calls.
func soakFaults() []vicitest.Fault {
	var all []vicitest.Fault
	for _, info := range vicitest.Faults() {
		for _, stage := range []string{"HANGUP", "CHECK"} {
			f := vicitest.Fault{Name: info.Name, Stage: stage, Times: 1}
			if stage == "HANGUP" && f.Name != "proxy-gives-up" { // no proxy is told to wait for 50 ms only
				f.Delay = 50 * time.Millisecond
			}
			if f.Name != "agent-logs-off" && f.Name != "restart" {
				all = append(all, f)
			}
		}
	}
	return all
}

// soakOutcomes returns the outcomes that a fault may cause. Another CHECK may answer what the struck one did not,
// and a HANGUP that waits for 50 ms ends the call.
func soakOutcomes(f vicitest.Fault) []string {
	expectation := expectedUnder[f.Name]
	switch {
	case f.Stage == "CHECK":
		return []string{"hungup", expectation.checks}
	case f.Name == "", f.Name == "slow-work", f.Name == "slow-middle", f.Name == "slow":
		return []string{"hungup"}
	}
	return []string{expectation.first}
}

// TestSoak sends webhooks 50 at a time, one in ten into a fault:
//
//	go test ./function/internal/systemtest -run Soak -soak 100000 -v
//
// With -race the function has the race detector too, and its memory is not limited.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("needs -soak")
	}
	before := goleak.IgnoreCurrent()
	run := &soaking{faults: soakFaults()}
	run.fixture = newTaintedFixture(t, stack.Config{
		MaxInstances: soakLanes, Env: map[string]string{"REQUEST_BUDGET": shortBudget.String(), "GORACE": "halt_on_error=1"},
		Log: func(line string) { run.readLine(t, line) },
	})
	began := time.Now()
	var half, now usage
	for _, until := range []int{*soak / 10, *soak / 2, *soak} {
		run.sendUntil(t, until)
		half, now = now, instances()
		t.Logf("after %6d webhooks, %v: %v; this process: %d goroutines", until, time.Since(began).Round(time.Second), now, runtime.NumGoroutine())
		now.check(t)
	}
	if now.mean > half.mean+soakGrowth && !raceDetector {
		t.Errorf("the instances have %d KiB resident in the mean, after %d KiB", now.mean, half.mean)
	}
	run.check(t)
	run.Stop()
	http.DefaultClient.CloseIdleConnections()
	if left := instances(); left.count > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// soaking is a running soak test.
type soaking struct {
	*fixture
	faults []vicitest.Fault
	sent   atomic.Int64

	mu       sync.Mutex
	answered []soaked
	late     int // answers, by the function's own log
}

// soaked is one answered webhook.
type soaked struct {
	observation
	fault vicitest.Fault // in a request of the call; zero = no fault
}

// sendUntil sends webhooks until total are answered.
func (s *soaking) sendUntil(t *testing.T, total int) {
	t.Helper()
	var all sync.WaitGroup
	for lane := range soakLanes {
		all.Go(func() {
			agent := fmt.Sprint(3000 + lane)
			s.VICIdial.AddAgent(vicitest.Agent{User: agent})
			for n := s.sent.Add(1); n <= int64(total); n = s.sent.Add(1) {
				s.sendOne(t, int(n), agent)
			}
		})
	}
	all.Wait()
	s.sent.Store(int64(total))
}

// sendOne sends one webhook for a new call of an agent.
func (s *soaking) sendOne(t *testing.T, n int, agent string) {
	var w soaked
	call := s.VICIdial.NextCallID('Y')
	s.VICIdial.AddCall(vicitest.Call{ID: call, Agent: agent})
	if n%10 == 0 {
		w.fault = s.faults[n/10%len(s.faults)]
		w.observation.fault = w.fault.Name
		w.fault.CallID = call
		if err := s.VICIdial.Inject(w.fault); err != nil {
			t.Error(err)
		}
	}
	w.answer = s.send(t, s.delivery(t, "crm", tainted(payloadFor(call, agent))))
	w.is, _ = s.VICIdial.Call(call)
	assertClean(t, "answer", w.body)
	w.header = nil // the longest part of what is kept
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = append(s.answered, w)
}

// readLine reads a line of the function's log.
func (s *soaking) readLine(t *testing.T, line string) {
	assertClean(t, "log", line)
	if strings.Contains(line, "DATA RACE") {
		t.Error(line)
	}
	var fields struct {
		Held     int64 `json:"held_ms"`
		Duration int64 `json:"duration_ms"`
	}
	if json.Unmarshal([]byte(line), &fields) == nil && time.Duration(fields.Held+fields.Duration)*time.Millisecond > shortBudget+overrun {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.late++
	}
}

// check checks every answer against the state of its call, and the counts of all.
func (s *soaking) check(t *testing.T) {
	requests := map[string][]vicitest.Request{}
	for _, r := range s.VICIdial.Requests() {
		requests[r.CallID] = append(requests[r.CallID], r)
	}
	outcomes, withheld := map[string]int{}, 0
	all, right := map[string]int{}, map[string]int{} // by fault and stage
	for _, w := range s.answered {
		w.requests = requests[w.is.ID]
		for _, rule := range w.violations() {
			t.Errorf("%s %s: %s: %s; VICIdial has %+v", w.fault.Name, w.fault.Stage, rule, w.body, w.is)
		}
		if w.saysLessThanACheck() {
			withheld++
		}
		outcomes[w.Outcome]++
		struck := w.fault.Name + " " + w.fault.Stage
		if all[struck]++; slices.Contains(soakOutcomes(w.fault), w.Outcome) {
			right[struck]++
		}
	}
	total := len(s.answered)
	t.Logf("outcomes: %v; %d late, %d say less than a CHECK told", outcomes, s.late, withheld)
	if enough := total * soakRight / 100; outcomes["hungup"] < enough {
		t.Errorf("%d of %d ended hungup, want %d", outcomes["hungup"], total, enough)
	}
	if few := max(total/100, soakLanes); s.late > few || withheld > few { // the machine may have stood still, and starts together
		t.Errorf("of %d answers %d were late, and %d said less than a CHECK answered", total, s.late, withheld)
	}
	for struck, n := range all {
		if n >= 20 && right[struck]*100 < n*soakRight {
			t.Errorf("%q: %d of %d webhooks ended as they should", struck, right[struck], n)
		}
	}
}

// A usage is the largest use of resources among the function's instances; zero without /proc.
type usage struct{ count, memory, mean, files int }

func (c usage) String() string {
	return fmt.Sprintf("%d instances, resident at most %d KiB (mean %d), files at most %d", c.count, c.memory, c.mean, c.files)
}

// check checks that there are instances, and that none uses too much.
func (c usage) check(t *testing.T) {
	t.Helper()
	if c.count == 0 && runtime.GOOS == "linux" {
		t.Error("no instance was found")
	}
	if c.memory > soakMemory && !raceDetector || c.files > soakFiles {
		t.Errorf("an instance has %d KiB resident and %d files open", c.memory, c.files)
	}
}

func instances() (c usage) {
	binary, _ := filepath.EvalSymlinks(filepath.Join(bootstrap, "bootstrap"))
	processes, _ := filepath.Glob("/proc/[0-9]*/exe")
	sum := 0
	for _, exe := range processes {
		if target, err := os.Readlink(exe); err != nil || target != binary {
			continue
		}
		folder := filepath.Dir(exe)
		files, _ := os.ReadDir(folder + "/fd")
		resident := resident(folder)
		c.count, sum = c.count+1, sum+resident
		c.memory, c.files = max(c.memory, resident), max(c.files, len(files))
	}
	c.mean = sum / max(c.count, 1)
	return c
}

// resident returns a process's VmRSS in KiB.
func resident(folder string) int {
	status, _ := os.ReadFile(folder + "/status")
	fields := strings.Fields(string(status))
	if i := slices.Index(fields, "VmRSS:"); i >= 0 {
		kib, _ := strconv.Atoi(fields[i+1])
		return kib
	}
	return 0
}
