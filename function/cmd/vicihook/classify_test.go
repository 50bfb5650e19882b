package main

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

func TestClassifyEveryOutcome(t *testing.T) {
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

func TestClassifyVerbose(t *testing.T) {
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

func TestClassifyEveryLookup(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, row := range vicitest.Lookups() {
		if row.Means == "any" {
			continue
		}
		seen++
		function := row.Function
		if function == "agent_statuz" { // how an old VICIdial was played
			function = "agent_status"
		}
		line := args("classify --function "+function+" --http-status", strconv.Itoa(row.Status))
		if agent := row.Fields["agent_user"]; agent != "" {
			line = append(line, "--agent-user", agent)
		}
		r := vicihook(t, call{args: line, stdin: row.Body})
		if want := meaningOf(row); r.status != statusOK || !reflect.DeepEqual(jsonOf(t, []byte(r.stdout)), want) && row.Means != "agents" {
			t.Errorf("%s: got %s, want %v", row.Condition, r.stdout, want)
		}
		if row.Means == "agents" {
			checkAgents(t, row, r.stdout)
		}
	}
	if seen == 0 {
		t.Fatal("no lookups")
	}
}

// meaningOf is what classify prints for a reply to agent_status, or for a refusal.
func meaningOf(row vicitest.Lookup) map[string]any {
	switch row.Means {
	case "in a call":
		want := map[string]any{
			"state": "in_call", "agent_user": row.Fields["agent_user"], "call_id": row.CallID, "lead_id": row.LeadID,
			"phone": row.Phone, "vendor_lead_code": row.VendorLeadCode,
		}
		if row.NoContact {
			want["phone"], want["vendor_lead_code"] = nil, nil
		}
		return want
	case "no call":
		return map[string]any{"state": "no_call"}
	}
	return map[string]any{"outcome": row.Means}
}

func checkAgents(t *testing.T, row vicitest.Lookup, stdout string) {
	t.Helper()
	list, ok := jsonOf(t, []byte(stdout))["agents"].([]any)
	var users []string
	for _, a := range list {
		user, _ := a.(map[string]any)["agent_user"].(string)
		users = append(users, user)
	}
	if !ok || !slices.Equal(users, row.Agents) {
		t.Errorf("%s: got %s, want %q", row.Condition, stdout, row.Agents)
	}
}

func TestClassifyPrintsNullForUnknownFields(t *testing.T) {
	t.Parallel()
	r := vicihook(t, call{
		args:  args("classify --function agent_status --http-status 200"),
		stdin: "INCALL\tY1126114400000402027\t0\tTESTCAMP\t0\tRemote One\tAGENTS\t1\n",
	})
	want := `{"state":"in_call","agent_user":null,"call_id":"Y1126114400000402027","lead_id":null,"phone":null,"vendor_lead_code":null}` + "\n"
	if r.status != statusOK || r.stdout != want {
		t.Errorf("got %+v, want %s", r, want)
	}
}
