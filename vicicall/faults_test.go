package vicicall_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// The invariants hold for each fault, once and always, in every kind of request.
func TestOutcomesAreTrueUnderEveryFault(t *testing.T) {
	t.Parallel()
	seen := map[vicicall.Outcome]bool{}
	for _, info := range vicitest.Faults() {
		for _, stage := range []string{"", "HANGUP", "CHECK", "agent_status", "logged_in_agents"} {
			for _, names := range []string{theCallID, agentAndLead, leadAlone} {
				for _, times := range []int{0, 1} {
					s := schedule{
						Budget: 4 * time.Second, Lookup: names != theCallID, Servers: [][]reach{{connects}},
						Faults:     []vicitest.Fault{{Name: info.Name, Stage: stage, Times: times}},
						Deliveries: []delivery{{Names: names}},
					}
					synctest.Test(t, func(t *testing.T) {
						violations, outcomes := s.run()
						for _, v := range violations {
							t.Errorf("%s %s (%d times), by %s: %s", info.Name, stage, times, names, v)
						}
						for _, o := range outcomes {
							seen[o] = true
						}
					})
				}
			}
		}
	}
	for _, o := range []vicicall.Outcome{vicicall.HungUp, vicicall.NoLongerListed, vicicall.NoActiveCall, vicicall.StillListed, vicicall.Unknown, vicicall.Unavailable, vicicall.UnexpectedReply, vicicall.Misconfigured} {
		if !seen[o] {
			t.Errorf("no fault leads to %s", o)
		}
	}
}

// Whatever happens to calls between the requests of one delivery, no other call is ended, and no outcome is false.
func TestOutcomesAreTrueWhateverHappensBetweenRequests(t *testing.T) {
	t.Parallel()
	kinds := []string{"logged_in_agents", "agent_status", "HANGUP", "CHECK"}
	ends := map[string]bool{}
	for what := range events {
		for i, before := range kinds {
			for _, names := range []string{theCallID, agentAndLead, leadAlone} {
				s := schedule{
					Budget: 4 * time.Second, Lookup: true, Servers: [][]reach{{connects}},
					Events: []event{{Before: before, What: what}}, Deliveries: []delivery{{Names: names}},
				}
				synctest.Test(t, func(t *testing.T) {
					violations, outcomes := s.run()
					for _, v := range violations {
						t.Errorf("%s before %s, by %s: %s", what, kinds[i], names, v)
					}
					ends[fmt.Sprintf("%s before %s, by %s: %s", what, before, names, outcomes)] = true
				})
			}
		}
	}
	for _, want := range []string{
		"another call follows before agent_status, by agent and lead: [other_call]",
		"another call follows before agent_status, by lead: [no_active_call]",
		"another call follows before HANGUP, by agent and lead: [no_active_call]",
		"another call follows before CHECK, by agent and lead: [hungup]",
		"the caller hangs up before HANGUP, by lead: [no_active_call]",
		"the call is passed on before agent_status, by agent and lead: [no_active_call]",
		"the call is passed on before HANGUP, by agent and lead: [no_active_call]",
		"the call is passed on before logged_in_agents, by lead: [hungup]", // the lead's call, with whoever has it
		"the agent logs off before agent_status, by agent and lead: [agent_not_logged_in]",
		"the agent logs off before HANGUP, by agent and lead: [agent_not_logged_in]",
		"the agent logs off before CHECK, by agent and lead: [unknown]",
		"the database restarts before agent_status, by agent and lead: [no_active_call]",
	} {
		if !ends[want] {
			t.Errorf("never: %s", want)
		}
	}
	if t.Failed() {
		t.Log(slices.Sorted(func(yield func(string) bool) {
			for end := range ends {
				if !yield(end) {
					return
				}
			}
		}))
	}
}
