package main

import (
	"strconv"
	"strings"
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

func TestClassifyGivesAnObservedReplyOfEachSortItsOutcome(t *testing.T) {
	t.Parallel()
	replies := vicitest.Observations()
	if len(replies) == 0 {
		t.Fatal("no replies")
	}
	tried := map[vicicall.Outcome]bool{} // package vicicall tries them all
	for _, reply := range replies {
		if tried[reply.Outcome] {
			continue
		}
		tried[reply.Outcome] = true
		r := vicihook(t, call{
			args:  args("classify", "--http-status", strconv.Itoa(reply.Status), "--call-id", reply.CallID, "--agent-user", reply.AgentUser),
			stdin: reply.Body,
		})
		if want := `{"outcome":"` + string(reply.Outcome) + "\"}\n"; r.status != statusOK || r.stdout != want || r.stderr != "" {
			t.Errorf("%s: got %+v, want %s", reply.Condition, r, want)
		}
	}
}

func TestClassifyAddsTheRebuiltLineWhenAsked(t *testing.T) {
	t.Parallel()
	r := vicihook(t, call{
		args:  args("classify -v --http-status 200 --call-id " + callID + " --agent-user 1028"),
		stdin: "SUCCESS: ra_call_control hungup - 1028|" + callID + "|HANGUP\n",
	})
	if !strings.Contains(r.stdout, `"reply":"SUCCESS: ra_call_control hungup - 1028|`+callID+`|HANGUP"`) {
		t.Errorf("got %+v", r)
	}
	r = vicihook(t, call{
		args:  args("classify -v --http-status 200 --call-id " + callID + " --agent-user 1028"),
		stdin: "ERROR: no active call found - Y0000000000000000000\n",
	})
	if !strings.Contains(r.stdout, `"doubtful":true`) {
		t.Errorf("a refusal of another call: got %s", r.stdout)
	}
}
