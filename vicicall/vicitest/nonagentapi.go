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
func (c *script) lookup() {
	c.user = c.s.users[fold(c.in.user)]
	if c.in.function == "version" {
		now := c.s.now()
		c.page.line = fmt.Sprintf("VERSION: 2.14-194|BUILD: 241004-1518|DATE: %s|EPOCH: %d|DST: 0|TZ: -5.00|TZNOW: -5.00|\n", now.Format(time.DateTime), now.Unix())
		return
	}
	if c.refusedLookup() {
		return
	}
	known := c.in.function == "agent_status" || c.in.function == "logged_in_agents"
	switch {
	case !known || slices.Contains(c.s.settings.UnknownFunctions, c.in.function):
		c.say("ERROR", "NO FUNCTION SPECIFIED", "", "")
	case len(c.in.source) < 2:
		c.say("ERROR", "Invalid Source", " - ", c.in.source)
		c.page.line += "ERROR: Invalid Source: |" + c.in.source + "|\n"
	case !c.permitted():
		c.say("ERROR", "auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", ": ", "|"+c.in.user+"|"+c.in.function+"|")
	case !c.user.ViewReports || !c.user.AgentAPI:
		c.failLookup("USER DOES NOT HAVE PERMISSION TO GET AGENT INFO", "|"+c.in.user+"|0|")
	case c.in.function == "agent_status":
		c.agentStatus()
	default:
		c.loggedInAgents()
	}
}

func (c *script) failLookup(reason, data string) {
	c.say("ERROR", c.in.function+" "+reason, ": ", data)
}

func (c *script) agentStatus() {
	a := c.s.known[fold(c.in.agentUser)]
	data := c.in.user + "|" + c.in.agentUser
	switch {
	case c.in.agentUser == "":
		c.failLookup("INVALID SEARCH PARAMETERS", data)
	case a == nil || a.NoUser || !c.mayView(a):
		c.failLookup("AGENT NOT FOUND", data)
	case !c.agentLoggedIn():
		c.failLookup("AGENT NOT LOGGED IN", data)
	default:
		a = c.s.agents[fold(c.in.agentUser)]
		lead, phone, code := c.s.leadOf(a)
		c.printRows("status callerid lead_id campaign_id calls_today full_name user_group user_level pause_code real_time_sub_status phone_number vendor_lead_code session_id",
			[]string{a.Status, a.CallID, lead, a.campaign(), "0", a.name(), a.group(), "1", "", c.subStatus(a), phone, code, "8600"})
	}
}

func (c *script) loggedInAgents() {
	header, subStatus := "user campaign_id session_id status lead_id callerid calls_today full_name user_group user_level", c.in.showSubStatus == "YES"
	if subStatus {
		header += " pause_code sub_status"
	}
	var rows [][]string
	for _, user := range c.s.loggedIn() {
		a := c.s.agents[user]
		if a.NoUser || !c.mayView(a) || c.user.Campaigns != nil && !slices.Contains(c.user.Campaigns, a.campaign()) || c.blind == "vicidial_live_agents" {
			continue
		}
		lead, _, _ := c.s.leadOf(a)
		row := []string{a.User, a.campaign(), "8600", a.Status, lead, a.CallID, "0", a.name(), a.group(), "1"}
		if subStatus {
			row = append(row, "", c.subStatus(a))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		c.failLookup("NO LOGGED IN AGENTS", c.in.user+"|")
		return
	}
	c.printRows(header, rows...)
}

// printRows prints rows with the separator that stage names, and their names before them with header=YES.
func (c *script) printRows(header string, rows ...[]string) {
	separator := map[string]string{"csv": ",", "tab": "\t"}[c.in.stage]
	separator = cmp.Or(separator, "|")
	if c.in.header == "YES" {
		rows = append([][]string{strings.Fields(header)}, rows...)
	}
	for _, row := range rows {
		c.page.line += strings.Join(row, separator) + "\n"
	}
	c.log("SUCCESS", "")
}

// mayView reports whether the account's user group may view the agent's.
func (c *script) mayView(a *Agent) bool {
	return c.user.ViewableGroups == nil || slices.Contains(c.user.ViewableGroups, a.group())
}

// subStatus is real_time_sub_status: what VICIdial makes of the agent's row, the other agents' and the list of calls.
func (c *script) subStatus(a *Agent) string {
	lead, _, _ := c.s.leadOf(a)
	call := c.s.calls[fold(a.CallID)]
	switch {
	case a.Status == "PAUSED" && lead != "0":
		return "DISPO"
	case a.Status == "INCALL" && (call == nil || !call.Listed || c.blind == "vicidial_auto_calls"):
		return "DEAD"
	case a.Status == "INCALL" && c.s.shares(lead):
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
