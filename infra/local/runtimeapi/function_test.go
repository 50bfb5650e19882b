//go:build unix

package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vicihook/infra/local/runtimeapi"
)

// A journal collects what a function prints.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func taskRoot(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func function(t *testing.T, c runtimeapi.Config) *runtimeapi.Function {
	t.Helper()
	if c.TaskRoot == "" {
		c.TaskRoot = taskRoot(t)
	}
	f, err := runtimeapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func behaving(t *testing.T, how string, c runtimeapi.Config) *runtimeapi.Function {
	t.Helper()
	if _, ok := raw[how]; !ok {
		t.Fatalf("no behaviour %q", how)
	}
	c.Env = map[string]string{"BEHAVIOUR": how}
	return function(t, c)
}

// do runs one order and, when into is given, decodes the answer.
func do(t *testing.T, f *runtimeapi.Function, o order, into any) runtimeapi.Result {
	t.Helper()
	event, _ := json.Marshal(o)
	r, err := f.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	if into == nil {
		return r
	}
	if r.FunctionError {
		t.Fatalf("function error: %s", r.Payload)
	}
	if err := json.Unmarshal(r.Payload, into); err != nil {
		t.Fatal(err)
	}
	return r
}

func pidOf(t *testing.T, f *runtimeapi.Function) (pid int) {
	t.Helper()
	do(t, f, order{Do: "pid"}, &pid)
	return pid
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{Timeout: 7 * time.Second})
	var answer string
	cold := do(t, f, order{"echo", "héllo <&>"}, &answer)
	if answer != "héllo <&>" {
		t.Errorf("got %q", answer)
	}
	var seen struct {
		ID, ARN  string
		Deadline time.Time
	}
	before := time.Now()
	warm := do(t, f, order{Do: "context"}, &seen)
	if seen.ID != warm.RequestID || seen.ID == cold.RequestID || len(seen.ID) != 36 {
		t.Errorf("request id: the function saw %q, the result has %q", seen.ID, warm.RequestID)
	}
	if !strings.HasPrefix(seen.ARN, "arn:aws:lambda:") {
		t.Errorf("ARN %q", seen.ARN)
	}
	if left := seen.Deadline.Sub(before); left < 6*time.Second || left > 8*time.Second {
		t.Errorf("deadline is %v away", left)
	}
	if cold.Init <= 0 || warm.Init != 0 || warm.Duration <= 0 {
		t.Errorf("init %v then %v, duration %v", cold.Init, warm.Init, warm.Duration)
	}
}

func TestEnvironmentIsLambdas(t *testing.T) {
	t.Setenv("SECRET_OF_THE_PARENT", "x")
	root := taskRoot(t)
	f := function(t, runtimeapi.Config{TaskRoot: root, Env: map[string]string{
		"GIVEN": "yes", "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_RUNTIME_API": "nowhere",
	}})
	var seen struct {
		Dir string
		Env []string
	}
	do(t, f, order{Do: "environment"}, &seen)
	if want, _ := filepath.EvalSymlinks(root); seen.Dir != want {
		t.Errorf("directory %q, want %q", seen.Dir, want)
	}
	for _, want := range []string{"GIVEN=yes", "AWS_LAMBDA_LOG_LEVEL=DEBUG", "AWS_LAMBDA_LOG_FORMAT=JSON", "TZ=:UTC", "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + root} {
		if !slices.Contains(seen.Env, want) {
			t.Errorf("no %s in %q", want, seen.Env)
		}
	}
	for _, entry := range seen.Env {
		if strings.HasPrefix(entry, "SECRET_OF_THE_PARENT") {
			t.Error("the parent's environment leaks")
		}
	}
}

func TestInstanceIsUsedAgain(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{})
	first := pidOf(t, f)
	for range 20 {
		if again := pidOf(t, f); again != first {
			t.Fatalf("process %d, then %d", first, again)
		}
	}
}

func TestBusyInstancesAreThrottled(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	defer gate.Close()
	f := function(t, runtimeapi.Config{MaxInstances: 2})
	pids := make(chan int, 2)
	for range 2 {
		go func() {
			var pid int
			do(t, f, order{"wait", gate.URL}, &pid)
			pids <- pid
		}()
		<-arrived
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, runtimeapi.ErrThrottled) {
		t.Errorf("a third event beside two: %v, want ErrThrottled", err)
	}
	close(release)
	a, b := <-pids, <-pids
	if a == b {
		t.Error("one process took two events at a time")
	}
	if again := pidOf(t, f); again != a && again != b {
		t.Error("a third instance was started though one was idle")
	}
}

func TestIdleInstanceIsFrozen(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{})
	var before, after time.Duration
	do(t, f, order{Do: "gap"}, &before)
	const idle = 200 * time.Millisecond
	time.Sleep(idle)
	do(t, f, order{Do: "gap"}, &after)
	if after < idle*9/10 {
		t.Errorf("while it had nothing to do for %v, it was never stopped for longer than %v (%v before)", idle, after, before)
	}
}

func TestInstanceSurvivesAFailedEvent(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{})
	first := pidOf(t, f)
	r := do(t, f, order{Do: "nonsense"}, nil)
	if want := `{"errorMessage":"I was told to nonsense","errorType":"errorString"}`; !r.FunctionError || string(r.Payload) != want {
		t.Errorf("got %v %s, want %s", r.FunctionError, r.Payload, want)
	}
	if pidOf(t, f) != first {
		t.Error("the instance was replaced")
	}
}

func TestDeadInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do, errorType, message string
		limit                  time.Duration // 0: the default
	}{
		"a panic is reported, then the process exits": {"panic", "string", "boom", 0},
		"an exit is an error":                         {"exit", "Runtime.ExitError", "Runtime exited with error: exit status 3", 0},
		"a function that hangs is killed":             {"hang", "Sandbox.Timedout", "Task timed out after 5.00 seconds", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := function(t, runtimeapi.Config{Timeout: c.limit})
			first := pidOf(t, f)
			r := do(t, f, order{Do: c.do}, nil)
			if !r.FunctionError || errorType(string(r.Payload)) != c.errorType || !strings.Contains(string(r.Payload), c.message) {
				t.Errorf("got %s, want %s: %s", r.Payload, c.errorType, c.message)
			}
			if c.errorType != "string" && !strings.Contains(string(r.Payload), r.RequestID) {
				t.Errorf("no request id in %s", r.Payload)
			}
			if alive(first) {
				t.Error("the process is still there")
			}
			if pidOf(t, f) == first {
				t.Error("the same process took another event")
			}
		})
	}
}

func TestInitErrors(t *testing.T) {
	t.Parallel()
	for how, c := range map[string]struct {
		limit time.Duration // 0: the default
		want  string
	}{
		"exits at once":            {0, "Runtime exited with error: exit status 4"},
		"exits at once, satisfied": {0, "Runtime exited without providing a reason"},
		"never asks for an event":  {200 * time.Millisecond, "Task timed out after 0.20 seconds"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			f := behaving(t, how, runtimeapi.Config{InitTimeout: c.limit})
			for range 2 { // the next event tries again
				if r := do(t, f, order{}, nil); !r.FunctionError || !strings.Contains(string(r.Payload), c.want) {
					t.Errorf("got %s, want %s", r.Payload, c.want)
				}
			}
		})
	}
}

func TestBootstrapForAnotherMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte("\x7fELF?"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := do(t, function(t, runtimeapi.Config{TaskRoot: dir}), order{}, nil)
	if errorType(string(r.Payload)) != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %s", r.Payload)
	}
}

func TestCallsOutOfOrderAreRefused(t *testing.T) {
	t.Parallel()
	var j journal
	f := behaving(t, "breaks the protocol", runtimeapi.Config{Log: j.add})
	var got []string
	do(t, f, order{}, &got)
	want := slices.Repeat([]string{"403 InvalidStateTransition"}, 3)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := j.all(), []string{"403 InvalidStateTransition"}; !slices.Equal(got, want) {
		t.Errorf("a second answer: got %q, want %q", got, want)
	}
}

func TestAnswerCountsIfTheProcessHangsAfterIt(t *testing.T) {
	t.Parallel()
	f := behaving(t, "answers and then hangs", runtimeapi.Config{Timeout: time.Second})
	if r := do(t, f, order{}, nil); r.FunctionError || string(r.Payload) != `"done"` {
		t.Errorf("got %s", r.Payload)
	}
}

func TestOutputIsLoggedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	var j journal
	f := function(t, runtimeapi.Config{Log: j.add})
	long := strings.Repeat("x", 300<<10)
	do(t, f, order{"print", "one\ntwo\n" + long + "\nno end "}, nil)
	want := []string{"one", "two", long[:256<<10], long[256<<10:], "no end to stderr"}
	if got := j.all(); !slices.Equal(got, want) {
		t.Errorf("got %d lines: %.200q", len(got), got)
	}
	do(t, f, order{"print", strings.Repeat("more\n", 50_000)}, nil)
	if got := len(j.all()); got != len(want)+50_001 {
		t.Errorf("%d lines, want %d", got, len(want)+50_001)
	}
}

func TestInvokeContext(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer gate.Close()
	f := function(t, runtimeapi.Config{MaxInstances: 1})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		event, _ := json.Marshal(order{"wait", gate.URL})
		_, err := f.Invoke(ctx, event)
		left <- err
	}()
	<-arrived
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, runtimeapi.ErrThrottled) {
		t.Errorf("the invocation did not go on: %v", err)
	}
	close(release)
}

func TestInstanceKilledWhileFrozenIsReplaced(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{MaxInstances: 1})
	first := pidOf(t, f)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for alive(first) { // until it is reaped
		time.Sleep(time.Millisecond)
	}
	if pidOf(t, f) == first {
		t.Error("a dead process answered")
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer gate.Close()
	f := function(t, runtimeapi.Config{})
	idle := pidOf(t, f)
	busy := make(chan runtimeapi.Result)
	go func() { busy <- do(t, f, order{"wait", gate.URL}, nil) }()
	<-arrived
	f.Stop()
	if r := <-busy; !r.FunctionError {
		t.Errorf("a killed invocation returned %s", r.Payload)
	}
	if alive(idle) {
		t.Error("an instance is still there")
	}
	if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, runtimeapi.ErrStopped) {
		t.Errorf("an event after Stop: %v, want ErrStopped", err)
	}
}

func TestChildrenOfAnInstanceAreKilled(t *testing.T) {
	t.Parallel()
	f := function(t, runtimeapi.Config{})
	var child int
	do(t, f, order{Do: "child"}, &child)
	if !alive(child) {
		t.Fatal("the child does not run")
	}
	do(t, f, order{Do: "exit"}, nil)
	awaitEnd(t, child)
}

// awaitEnd waits until an orphan has ended. A zombie has.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	for ; ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
}

func TestNewNeedsABootstrap(t *testing.T) {
	t.Parallel()
	if _, err := runtimeapi.New(runtimeapi.Config{TaskRoot: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := runtimeapi.New(runtimeapi.Config{TaskRoot: dir}); err == nil || !strings.Contains(err.Error(), "not an executable file") {
		t.Errorf("a file that can't be run: %v", err)
	}
}
