package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestClassifyGivesAnObservedReplyOfEachSortItsOutcome(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../vicicall/testdata/replies.json")
	if err != nil {
		t.Fatal(err)
	}
	var replies []struct {
		Condition string
		Status    int
		Body      string
		CallID    string `json:"call_id"`
		AgentUser string `json:"agent_user"`
		Outcome   string
	}
	if err := json.Unmarshal(text, &replies); err != nil || len(replies) == 0 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	tried := map[string]bool{} // package vicicall tries them all
	for _, reply := range replies {
		if tried[reply.Outcome] {
			continue
		}
		tried[reply.Outcome] = true
		r := vicihook(t, call{
			args:  args("classify", "--http-status", strconv.Itoa(reply.Status), "--call-id", reply.CallID, "--agent-user", reply.AgentUser),
			stdin: reply.Body,
		})
		if want := `{"outcome":"` + reply.Outcome + "\"}\n"; r.status != statusOK || r.stdout != want || r.stderr != "" {
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
}
