package vicitest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// lookup runs vicidial/non_agent_api.php. It is in English whatever the user's language, and does not ask whether the
// agent API is active.
func (x *exchange) lookup() {
	x.user = x.s.users[fold(x.in.user)]
	if x.in.function == "version" {
		now := x.s.now()
		x.page.line = fmt.Sprintf("VERSION: 2.14-194|BUILD: 241004-1518|DATE: %s|EPOCH: %d|DST: 0|TZ: -5.00|TZNOW: -5.00|\n",
			now.Format(time.DateTime), now.Unix())
		return
	}
	if x.refusedLookup() {
		return
	}
	switch {
	case x.in.function != "agent_status" && x.in.function != "logged_in_agents":
		x.say("ERROR", "NO FUNCTION SPECIFIED", "", "")
	case len(x.in.source) < 2:
		x.say("ERROR", "Invalid Source", " - ", x.in.source)
		x.page.line += "ERROR: Invalid Source: |" + x.in.source + "|\n"
	case !x.permitted():
		x.say("ERROR", "auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", ": ", "|"+x.in.user+"|"+x.in.function+"|")
	case !x.user.ViewReports || !x.user.AgentAPI:
		x.failLookup("USER DOES NOT HAVE PERMISSION TO GET AGENT INFO", "|"+x.in.user+"|0|")
	case x.in.function == "agent_status":
		x.agentStatus()
	default:
		x.loggedInAgents()
	}
}

func (x *exchange) failLookup(reason, data string) {
	x.say("ERROR", x.in.function+" "+reason, ": ", data)
}

func (x *exchange) agentStatus() {
	a := x.s.known[fold(x.in.agentUser)]
	data := x.in.user + "|" + x.in.agentUser
	switch {
	case x.in.agentUser == "":
		x.failLookup("INVALID SEARCH PARAMETERS", data)
	case a == nil || a.NoUser || !x.mayView(a):
		x.failLookup("AGENT NOT FOUND", data)
	case !x.agentLoggedIn():
		x.failLookup("AGENT NOT LOGGED IN", data)
	default:
		a = x.s.agents[fold(x.in.agentUser)]
		lead, phone, code := x.s.leadOf(a)
		x.printRows([]string{a.Status, a.CallID, lead, a.campaign(), "0", a.name(), a.group(), "1", "", x.subStatus(a), phone, code, "8600"})
	}
}

func (x *exchange) loggedInAgents() {
	var rows [][]string
	for _, user := range x.s.loggedIn() {
		a := x.s.agents[user]
		mayList := x.user.Campaigns == nil || slices.Contains(x.user.Campaigns, a.campaign())
		if a.NoUser || !mayList || !x.mayView(a) || x.fault.blind == "vicidial_live_agents" {
			continue
		}
		lead, _, _ := x.s.leadOf(a)
		row := []string{a.User, a.campaign(), "8600", a.Status, lead, a.CallID, "0", a.name(), a.group(), "1"}
		if x.in.subStatus {
			row = append(row, "", x.subStatus(a))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		x.failLookup("NO LOGGED IN AGENTS", x.in.user+"|")
		return
	}
	x.printRows(rows...)
}

// printRows prints rows as stage=tab has them, whatever stage says: the only form that is computed.
func (x *exchange) printRows(rows ...[]string) {
	for _, row := range rows {
		x.page.line += strings.Join(row, "\t") + "\n"
	}
	x.s.logged++
}

// mayView reports whether the account's user group may view the agent's.
func (x *exchange) mayView(a *Agent) bool {
	return x.user.ViewableGroups == nil || slices.Contains(x.user.ViewableGroups, a.group())
}

// subStatus is real_time_sub_status, which VICIdial derives from the agent's row, the other agents' and the list of calls.
func (x *exchange) subStatus(a *Agent) string {
	lead, _, _ := x.s.leadOf(a)
	call := x.s.calls[fold(a.CallID)]
	switch {
	case a.Status == "PAUSED" && lead != "0":
		return "DISPO"
	case a.Status == "INCALL" && (call == nil || !call.Listed || x.fault.blind == "vicidial_auto_calls"):
		return "DEAD"
	case a.Status == "INCALL" && x.s.shares(lead):
		return "3-WAY"
	case a.Ringing:
		return "RING"
	}
	return ""
}

// shares reports whether several agents are in calls of one lead.
func (s *Server) shares(lead string) bool {
	n := 0
	for _, a := range s.agents {
		if l, _, _ := s.leadOf(a); a.Status == "INCALL" && l == lead {
			n++
		}
	}
	return n > 1
}

// leadOf is the lead of the agent's call, with its phone and vendor lead code.
func (s *Server) leadOf(a *Agent) (lead, phone, code string) {
	c := s.calls[fold(a.CallID)]
	switch {
	case c != nil:
		return cmp.Or(a.Lead, c.lead()), c.Phone, c.VendorLeadCode
	default:
		return cmp.Or(a.Lead, "0"), "", ""
	}
}

func (a *Agent) name() string     { return cmp.Or(a.FullName, "Remote "+a.User) }
func (a *Agent) group() string    { return cmp.Or(a.Group, "AGENTS") }
func (a *Agent) campaign() string { return cmp.Or(a.Campaign, "TESTCAMP") }
