package vicicall_test

import (
	"sync"
	"testing"
	"time"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// The outcome of a hang-up that goes wrong in each way that VICIdial is known to go wrong, once and always,
// never says more than what VICIdial's own list of calls shows.
func TestHangupAgainstEveryFault(t *testing.T) {
	t.Parallel()
	faults := vicitest.Faults()
	if len(faults) == 0 {
		t.Fatal("no faults")
	}
	var wg sync.WaitGroup // not t.Parallel: most of them only wait, so more than the processors can go at once
	defer wg.Wait()
	slots := make(chan struct{}, 12)
	for _, info := range faults {
		for _, times := range []int{0, 1} {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				hangUpUnder(t, vicitest.Fault{Name: info.Name, Times: times})
			})
		}
	}
}

func hangUpUnder(t *testing.T, fault vicitest.Fault) {
	release := make(chan struct{})
	fault.Release = release
	srv := vicitest.NewServer(vicitest.Config{})
	defer srv.Close()
	defer close(release)
	srv.AddRemoteAgent(1028, 2)
	call := vicicall.Call{ID: srv.NextCallID('Y'), AgentUser: "1028"}
	srv.AddCall(vicitest.Call{ID: call.ID, Agent: "1028"})
	if err := srv.Inject(fault); err != nil {
		t.Error(err)
	}
	client := vicicall.New(vicicall.Config{Budget: 1200 * time.Millisecond})
	defer client.Close()
	cred := vicicall.Credentials{URLs: []string{srv.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass}
	result, _ := client.Hangup(t.Context(), cred, call)

	listed := srv.Listed(call.ID)
	switch result.Outcome {
	case vicicall.HungUp, vicicall.NoLongerListed, vicicall.NoActiveCall:
		if listed && fault.Name != "calls-table-broken" { // nothing shows it from outside
			t.Errorf("%s (times %d): %s, but VICIdial lists the call", fault.Name, fault.Times, result.Outcome)
		}
	case vicicall.StillListed, vicicall.Unavailable:
		if !listed {
			t.Errorf("%s (times %d): %s, but VICIdial does not list the call", fault.Name, fault.Times, result.Outcome)
		}
	}
	if n := srv.Count("HANGUP"); n > result.Attempts || srv.MaxConcurrentHangups() > 1 {
		t.Errorf("%s (times %d): %d HANGUP arrived, %d at the same time; attempts = %d", fault.Name, fault.Times, n, srv.MaxConcurrentHangups(), result.Attempts)
	}
	if n := srv.Count("CHECK"); n > result.Checks {
		t.Errorf("%s (times %d): %d CHECK arrived, checks = %d", fault.Name, fault.Times, n, result.Checks)
	}
}
