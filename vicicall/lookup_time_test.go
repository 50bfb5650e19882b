package vicicall_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

// A lookup changes nothing, so it goes on to the next web server without an answer.
func TestFindOnACluster(t *testing.T) {
	t.Parallel()
	found := say(statusRow)
	for name, tt := range map[string]struct {
		first, second steps // nil: refuses connections
		want          vicicall.Outcome
		atMost        time.Duration
	}{
		"the first answers":                       {steps{found}, steps{}, "", 0},
		"the first refuses connections":           {nil, steps{found}, "", 0},
		"the first drops it":                      {steps{lost}, steps{found}, "", 0},
		"the first cuts it":                       {steps{cut}, steps{found}, "", 0},
		"the first has no database":               {steps{answer(500, "")}, steps{found}, "", 0},
		"the first is a proxy's page":             {steps{answer(502, "<html>")}, steps{found}, "", 0},
		"the first has no such script":            {steps{answer(404, "Not Found")}, steps{found}, "", 0},
		"the first says nothing":                  {steps{silent}, steps{found}, "", 720 * time.Millisecond},
		"both drop it, then the first answers":    {steps{lost, found}, steps{lost}, "", 150 * time.Millisecond},
		"neither ever answers":                    {steps{silent, silent}, steps{silent}, vicicall.Unavailable, 1200 * time.Millisecond},
		"both drop it":                            {steps{lost, lost}, steps{lost}, vicicall.Unavailable, 150 * time.Millisecond},
		"what VICIdial says is not asked again":   {steps{say("ERROR: agent_status AGENT NOT LOGGED IN: lookup|1028\n")}, steps{}, vicicall.AgentNotLoggedIn, 0},
		"a refused login is not asked again":      {steps{say("ERROR: Login incorrect, please try again: |lookup|L00kup77|BAD|\n")}, steps{}, vicicall.CredentialsRejected, 0},
		"an old VICIdial is not asked again":      {steps{say("ERROR: NO FUNCTION SPECIFIED\n")}, steps{}, vicicall.UnexpectedReply, 0},
		"a redirect is not followed":              {steps{redirect("https://other.example.com/L00kup77")}, steps{}, vicicall.Misconfigured, 0},
		"a page of the first, nothing of another": {steps{say("<html>"), say("<html>")}, steps{lost}, vicicall.UnexpectedReply, 150 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{t: t, hosts: map[string]*host{"127.0.0.2": {lookups: tt.second}}}
			if tt.first != nil {
				n.hosts["localhost"] = &host{lookups: tt.first}
			}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			cred := on("localhost", "127.0.0.2")
			cred.Lookup = &vicicall.Account{User: "lookup", Pass: "L00kup77"}
			start := time.Now()
			a, err := c.Find(t.Context(), cred, vicicall.Query{AgentUser: "1028", LeadID: "402027"})
			if tt.want == "" && (err != nil || a.CallID != call1) || tt.want != "" && !errors.Is(err, tt.want) {
				t.Errorf("%s: %+v, %v; want %q", name, a, err, tt.want)
			}
			if took := time.Since(start); took > tt.atMost {
				t.Errorf("%s: took %v, want at most %v", name, took, tt.atMost)
			}
			assertNoSecret(t, err)
			synctest.Wait()
			for _, h := range n.hosts {
				if len(h.lookups) > 0 && tt.want != vicicall.Unavailable { // the last try may have no time left
					t.Errorf("%s: %d answers were not used", name, len(h.lookups))
				}
			}
		})
	}
}

// The rest of the time must be enough for HANGUP and CHECK.
func TestFindTakesAtMost30PercentOfTheTime(t *testing.T) {
	t.Parallel()
	for deadline, want := range map[time.Duration]time.Duration{0: 1200 * time.Millisecond, time.Second: 300 * time.Millisecond, 10 * time.Second: 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{t: t, hosts: map[string]*host{"localhost": {lookups: steps{silent}}}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			ctx := t.Context()
			if deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, deadline)
				defer cancel()
			}
			cred := on("localhost")
			cred.Lookup = &vicicall.Account{User: "lookup", Pass: "L00kup77"}
			start := time.Now()
			if _, err := c.Find(ctx, cred, vicicall.Query{AgentUser: "1028", LeadID: "1"}); !errors.Is(err, vicicall.Unavailable) || time.Since(start) != want {
				t.Errorf("%v after %v, want unavailable after %v", err, time.Since(start), want)
			}
		})
	}
}

// A lookup uses the connection of the hang-up before it.
func TestLookupAndHangupShareOneConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{t: t, hosts: map[string]*host{"localhost": {hangups: steps{ok}, checks: steps{gone}, lookups: steps{say(statusRow)}}}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		cred := on("localhost")
		cred.Lookup = &vicicall.Account{User: "lookup", Pass: "L00kup77"}
		if _, err := c.Find(t.Context(), cred, vicicall.Query{AgentUser: "1028", LeadID: "402027"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if r, err := c.Hangup(t.Context(), cred, theCall()); r.Outcome != vicicall.HungUp || len(n.dials) != 1 {
			t.Errorf("%+v, %v; %d connections, want 1", r, err, len(n.dials))
		}
	})
}
