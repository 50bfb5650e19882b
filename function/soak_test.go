//go:build unix

package main_test

import (
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
	soakFiles  = 16       // that an instance may have open: its log, its Runtime API, VICIdial, Secrets Manager
)

// soakFaults strike one request each. Those are left out whose lie no answer shows, and the ones that reach more than
// the call they strike.
func soakFaults() []vicitest.Fault {
	var all []vicitest.Fault
	for _, info := range vicitest.Faults() {
		switch info.Name {
		case "strict-sql-clean", "sender-stopped", "calls-table-broken", "agents-table-broken", "agent-logs-off":
		case "proxy-gives-up":
			all = append(all, vicitest.Fault{Name: info.Name, Times: 1}) // no proxy is told to wait for 50 ms only
		default:
			all = append(all, vicitest.Fault{Name: info.Name, Times: 1, Delay: 50 * time.Millisecond})
		}
	}
	return all
}

// TestSoak sends webhooks 50 at a time, one in ten into a fault: go test ./function -run Soak -soak 100000 -v
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("needs -soak")
	}
	before := goleak.IgnoreCurrent()
	b := newTaintedBench(t, stack.Config{
		MaxInstances: soakLanes, Env: map[string]string{"REQUEST_BUDGET": shortBudget.String()},
		Log: func(line string) { assertClean(t, "log", line) },
	})
	run := &soaking{bench: b, faults: soakFaults(), outcomes: map[string]int{}}
	began := time.Now()
	for _, until := range []int{*soak / 10, *soak / 2, *soak} {
		run.to(t, until)
		now := instances()
		t.Logf("after %6d webhooks, %v: %v; this process: %d goroutines", until, time.Since(began).Round(time.Second), now, runtime.NumGoroutine())
		if now.memory > soakMemory || now.files > soakFiles {
			t.Errorf("an instance has %d KiB resident and %d files open", now.memory, now.files)
		}
	}
	t.Logf("outcomes: %v", run.outcomes)
	if n := b.VICIdial.MaxConcurrentHangups(); n > 1 {
		t.Errorf("%d hang-ups of one call ran side by side", n)
	}
	b.Stop()
	http.DefaultClient.CloseIdleConnections()
	if left := instances(); left.count > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// soaking is the soak test under way.
type soaking struct {
	*bench
	faults []vicitest.Fault
	sent   atomic.Int64

	mu       sync.Mutex
	outcomes map[string]int
}

// to sends webhooks until so many are answered.
func (s *soaking) to(t *testing.T, total int) {
	t.Helper()
	var all sync.WaitGroup
	for lane := range soakLanes {
		all.Go(func() {
			agent := fmt.Sprint(3000 + lane)
			s.VICIdial.AddAgent(vicitest.Agent{User: agent})
			for n := s.sent.Add(1); n <= int64(total); n = s.sent.Add(1) {
				s.one(t, int(n), agent)
			}
		})
	}
	all.Wait()
	s.sent.Store(int64(total))
}

// one sends one webhook for a new call of an agent, and holds the answer to what became of the call.
func (s *soaking) one(t *testing.T, n int, agent string) {
	call := s.VICIdial.NextCallID('Y')
	s.VICIdial.AddCall(vicitest.Call{ID: call, Agent: agent})
	if n%10 == 0 {
		if err := s.VICIdial.Inject(s.faults[n/10%len(s.faults)]); err != nil {
			t.Error(err)
		}
	}
	got := s.send(t, s.delivery(t, "crm", tainted(payloadFor(call, agent))))
	if is, _ := s.VICIdial.Call(call); !fits(got, is) {
		t.Errorf("webhook %d: got %s, and VICIdial has %+v", n, got.body, is)
	}
	assertClean(t, "answer", got.body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[got.Outcome]++
}

// fits says whether an answer can be true of a call as it is now. A HANGUP whose answer was lost may do its work after
// the CHECK that saw the call.
func fits(got answer, is vicitest.CallState) bool {
	switch got.Outcome {
	case "hungup":
		return !is.Listed && !is.LineUp
	case "no_longer_listed", "no_active_call":
		return !is.Listed
	case "still_listed":
		return is.Listed || strings.Contains(got.Message, "no whole answer came")
	case "unavailable":
		return is.Listed && is.LineUp
	}
	return slices.Contains([]string{"accepted", "unknown", "unexpected_reply", "misconfigured"}, got.Outcome)
}

// A census is what the instances of the function have, the largest of each; zero where there is no /proc.
type census struct{ count, memory, mean, files int }

func (c census) String() string {
	return fmt.Sprintf("%d instances, resident at most %d KiB (mean %d), files at most %d", c.count, c.memory, c.mean, c.files)
}

func instances() (c census) {
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

// resident is a process's VmRSS in KiB.
func resident(folder string) int {
	status, _ := os.ReadFile(folder + "/status")
	fields := strings.Fields(string(status))
	if i := slices.Index(fields, "VmRSS:"); i >= 0 {
		kib, _ := strconv.Atoi(fields[i+1])
		return kib
	}
	return 0
}
