package vicicall_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

// gaps returns the times between the requests of a stage to any of the hosts, and from the last one to now.
func gaps(stage string, hosts ...*host) []time.Duration {
	var at []time.Time
	for range 10 {
		for _, h := range hosts { // each was asked in turn
			if len(h.seen) > 0 {
				if h.seen[0].stage == stage {
					at = append(at, h.seen[0].at)
				}
				h.seen = h.seen[1:]
			}
		}
	}
	var between []time.Duration
	for i, t := range append(at, time.Now())[1:] {
		between = append(between, t.Sub(at[i]))
	}
	return between
}

func TestThePauseDoublesWhileNoServerCanBeReached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := vicicall.NewOn(vicicall.Config{}, func(context.Context, string, string) (net.Conn, error) {
			at = append(at, time.Now())
			return nil, syscall.ECONNREFUSED
		})
		defer c.Close()
		result, _ := c.Hangup(t.Context(), on("localhost"), theCall())
		if len(at) != 3 || result.Elapsed != at[2].Sub(at[0]) {
			t.Fatalf("%d rounds, the last %v before the end; want 3 and no pause after", len(at), time.Since(at[len(at)-1]))
		}
		for i, shortest := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond} {
			if gap := at[i+1].Sub(at[i]); gap < shortest || gap >= 3*shortest {
				t.Errorf("%v after round %d, want at least %v and less than %v", gap, i+1, shortest, 3*shortest)
			}
		}
	})
}

func TestCHECKsPauseAfterEachRoundOfTheCluster(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		servers []string
		checks  []steps // by server
		pauses  []bool  // after each CHECK
	}{
		"of one":  {[]string{"localhost"}, []steps{{lost, lost, lost}}, []bool{true, true, false}},
		"of two":  {[]string{"localhost", "127.0.0.2"}, []steps{{lost, lost}, {lost}}, []bool{false, true, false}},
		"of four": {[]string{"localhost", "127.0.0.2", "127.0.0.3", "127.0.0.4"}, []steps{{lost}, {lost}, {lost}, nil}, []bool{false, false, false}},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{t: t, hosts: map[string]*host{}}
			var hosts []*host
			for i, server := range tt.servers {
				hosts = append(hosts, &host{checks: tt.checks[i]})
				n.hosts[server] = hosts[i]
			}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			c.Check(t.Context(), on(tt.servers...), theCall())
			for i, gap := range gaps("CHECK", hosts...) {
				if paused := gap >= 50*time.Millisecond && gap < 150*time.Millisecond; paused != tt.pauses[i] || !paused && gap != 0 {
					t.Errorf("%s: %v after CHECK %d, want a pause: %v", name, gap, i+1, tt.pauses[i])
				}
			}
		})
	}
}

// The last CHECK may take all the time that remains, since no other follows.
func TestTheLastCHECKTakesWhatRemains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := &host{checks: steps{silent, silent}}, &host{checks: steps{silent}}
		n := &network{t: t, hosts: map[string]*host{"localhost": first, "127.0.0.2": second}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		if result, _ := c.Check(t.Context(), on("localhost", "127.0.0.2"), theCall()); result.Checks != 3 || result.Elapsed != 4*time.Second {
			t.Errorf("%+v, want 3 CHECKs in 4 s", result)
		}
	})
}

// After a pause nothing is left of 30 ms, and of 80 ms sometimes too little for a request.
func TestTheLastAnswerCountsWhenNoTimeIsLeft(t *testing.T) {
	t.Parallel()
	for i := range 40 {
		synctest.Test(t, func(t *testing.T) {
			left := []time.Duration{30 * time.Millisecond, 80 * time.Millisecond}[i%2]
			n := &network{t: t, hosts: map[string]*host{"localhost": {checks: steps{late(4*time.Second-left, answer(404, "Not Found"))}}}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			if result, _ := c.Check(t.Context(), on("localhost"), theCall()); result.Outcome != vicicall.UnexpectedReply || result.Checks != 1 {
				t.Errorf("%v before the end: %+v, want what the page says", left, result)
			}
		})
	}
}

func TestEveryStatusOf300To399IsARedirect(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]vicicall.Outcome{
		299: vicicall.UnexpectedReply, 300: vicicall.Misconfigured, 399: vicicall.Misconfigured, 400: vicicall.UnexpectedReply,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{t: t, hosts: map[string]*host{"localhost": {hangups: steps{answer(status, "")}}}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			if result, _ := c.Hangup(t.Context(), on("localhost"), theCall()); result.Outcome != want {
				t.Errorf("%d: %+v, want %s", status, result, want)
			}
		})
	}
}
