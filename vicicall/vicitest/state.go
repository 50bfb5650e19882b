package vicitest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A User is an account of VICIdial, as far as its APIs look at it. [APIUser] and [LookupUser] make those that may do
// everything in the one and the other.
type User struct {
	Name, Pass       string
	Level            int               // user_level; 0 may not log in, and lookups want 7
	Active           bool              // active='Y'
	AgentAPI         bool              // vdc_agent_api_access='1'
	AllowedFunctions string            // api_allowed_functions: names between spaces, or ALL_FUNCTIONS anywhere
	Group            string            // user_group
	Words            map[string]string // the user's language: English phrase → its translation, byte for byte; nil is English
	AllowedIPs       []string          // api_ip_list of the group: addresses or 203.0.113.x; nil is no list
	ViewReports      bool              // view_reports='1'
	ViewableGroups   []string          // admin_viewable_groups of the group: whose agents it may view; nil is all
	Campaigns        []string          // allowed_campaigns of the group: whose agents it may list; nil is all
	FailedLogins     int               // failed_login_count
	LastLogin        int64             // last_login_date in seconds since 1970
}

// APIUser is an account with which ra_call_control works.
func APIUser(name, pass string) User {
	return User{
		Name: name, Pass: pass, Level: 1, Active: true, AgentAPI: true,
		AllowedFunctions: " ALL_FUNCTIONS ", Group: "APIGRP",
	}
}

// LookupUser is an account with which agent_status and logged_in_agents work, and nothing else.
func LookupUser(name, pass string) User {
	return User{
		Name: name, Pass: pass, Level: 7, Active: true, AgentAPI: true, ViewReports: true,
		AllowedFunctions: " agent_status logged_in_agents ", Group: "LOOKUP",
	}
}

// Spanish is a language as an administrator may have entered it: enough to lose the word SUCCESS.
func Spanish() map[string]string {
	return map[string]string{
		"SUCCESS": "OPERACION CORRECTA", "ERROR": "FALLO", "no active call found": "no hay llamada activa",
	}
}

// Settings are VICIdial's system settings. The zero value is a system that works.
type Settings struct {
	APIInactive bool     // vdc_agent_api_active='0'
	NoServers   bool     // no active Asterisk server
	IPLists     bool     // allow_ip_lists
	BlockedIPs  []string // system_ip_blacklist
}

// An Agent is a row of vicidial_live_agents: somebody logged in.
type Agent struct {
	User       string // for example 1028
	RemoteUser string // ra_user: the first user of a remote agent's lines; empty for an agent with a browser
	Status     string // READY, QUEUE, INCALL or PAUSED; empty is READY
	CallID     string // the call that this row holds
	Lead       string // lead_id; empty is the call's, if any
	Ringing    bool   // an on-hook agent whose telephone rings
	NoUser     bool   // a line of a remote agent without a user of its own
	FullName   string // empty is "Remote " and the user
	Group      string // user_group; empty is AGENTS
	Campaign   string // empty is TESTCAMP
}

// A Call is one telephone call, new.
type Call struct {
	ID       string // vicidial_auto_calls.callerid, see [Server.NextCallID]
	Agent    string // who talks; empty is still in queue
	Unlisted bool   // the line is up, but VICIdial does not list the call
	LineDown bool   // VICIdial lists a call whose line is gone

	Phone, VendorLeadCode string // of the lead
}

// A CallState is what became of a call.
type CallState struct {
	ID, Agent   string
	Listed      bool   // vicidial_auto_calls has the row
	LineUp      bool   // the telephone line is still connected
	Disposition string // status of lead and log; empty while nothing was booked
}

// Words describes the state, for example "not listed, line down, booked SALE".
func (c CallState) Words() string {
	words := []string{"not listed", "line down"}
	if c.Listed {
		words[0] = "listed"
	}
	if c.LineUp {
		words[1] = "line up"
	}
	if c.Disposition != "" {
		words = append(words, "booked "+c.Disposition)
	}
	return strings.Join(words, ", ")
}

// A Lead is the customer of a call: a row of vicidial_list.
type Lead struct{ ID, Phone, VendorLeadCode string }

// A ManagerRow is an order to Asterisk: a row of vicidial_manager.
type ManagerRow struct {
	Action, CallerID, Channel string // Hangup with HAPI…
}

type call struct {
	Call
	CallState
	channel string
}

// AddUser adds an account, or replaces the one of that name.
func (s *Server) AddUser(u User) { s.locked(func() { s.users[fold(u.Name)] = &u }) }

// User returns an account as it is now.
func (s *Server) User(name string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[fold(name)]; u != nil {
		return *u, true
	}
	return User{}, false
}

// Configure changes the system settings.
func (s *Server) Configure(settings Settings) { s.locked(func() { s.settings = settings }) }

// AddAgent logs an agent in.
func (s *Server) AddAgent(a Agent) {
	a.Status = cmp.Or(a.Status, "READY")
	s.locked(func() { s.agents[fold(a.User)], s.known[fold(a.User)] = &a, &a })
}

// AddRemoteAgent logs in a remote agent with some lines: one row for start, one for start+1 and so on.
func (s *Server) AddRemoteAgent(start, lines int) {
	for line := range lines {
		s.AddAgent(Agent{User: strconv.Itoa(start + line), RemoteUser: strconv.Itoa(start)})
	}
}

// LogOff ends an agent's session. Calls stay as they are.
func (s *Server) LogOff(user string) { s.locked(func() { delete(s.agents, fold(user)) }) }

// Agents returns everybody logged in, by user.
func (s *Server) Agents() []Agent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Agent
	for _, user := range s.loggedIn() {
		all = append(all, *s.agents[user])
	}
	return all
}

func (s *Server) loggedIn() []string { return slices.Sorted(maps.Keys(s.agents)) }

// AddCall lists a call with its line up and connects it to its agent; a call of that id is replaced. It panics when the agent
// is not logged in.
func (s *Server) AddCall(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Agent != "" {
		agent := s.agents[fold(c.Agent)]
		if agent == nil {
			panic(fmt.Sprintf("vicitest: call %s is for agent %s, who is not logged in: add the agent first", c.ID, c.Agent))
		}
		agent.CallID, agent.Status = c.ID, "INCALL"
	}
	if s.calls[fold(c.ID)] == nil {
		s.order = append(s.order, fold(c.ID))
	}
	s.calls[fold(c.ID)] = &call{
		Call:      c,
		CallState: CallState{ID: c.ID, Agent: c.Agent, Listed: !c.Unlisted, LineUp: !c.LineDown},
		channel:   fmt.Sprintf("SIP/trunk-%08x", 0x29+len(s.order)),
	}
}

// NextCallID returns an id as VICIdial makes it since 2.4-16: the letter, mddHHMMSS and a lead of 10 digits. Each is new.
func (s *Server) NextCallID(letter byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lead++
	return fmt.Sprintf("%c%s%010d", letter, s.now().Format("0102150405")[1:], s.lead)
}

// Delist takes a call off VICIdial's list; its line stays as it is.
func (s *Server) Delist(callID string) { s.change(callID, func(c *call) { c.Listed = false }) }

// DropLine disconnects a call's line; VICIdial has not noticed yet.
func (s *Server) DropLine(callID string) { s.change(callID, func(c *call) { c.LineUp = false }) }

// EndCall is a caller who hangs up: the line goes down, VICIdial delists the call and frees the agent.
func (s *Server) EndCall(callID string) {
	s.change(callID, func(c *call) {
		c.LineUp, c.Listed = false, false
		if a := s.holder(callID); a != nil {
			a.CallID, a.Status = "", "READY"
		}
	})
}

// Listed reports whether VICIdial lists the call.
func (s *Server) Listed(callID string) bool {
	state, _ := s.Call(callID)
	return state.Listed
}

// LineUp reports whether the call's telephone line is still connected.
func (s *Server) LineUp(callID string) bool {
	state, _ := s.Call(callID)
	return state.LineUp
}

// Call returns what became of one call.
func (s *Server) Call(callID string) (CallState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[fold(callID)]; c != nil {
		return c.CallState, true
	}
	return CallState{}, false
}

// LeadOf returns the lead of a call; empty for a call that was never added.
func (s *Server) LeadOf(callID string) Lead {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[fold(callID)]; c != nil {
		return Lead{c.lead(), c.Phone, c.VendorLeadCode}
	}
	return Lead{}
}

// Calls returns every call ever added, in that order.
func (s *Server) Calls() []CallState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []CallState
	for _, id := range s.order {
		all = append(all, s.calls[id].CallState)
	}
	return all
}

// ManagerRows returns every order to Asterisk.
func (s *Server) ManagerRows() []ManagerRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.manager)
}

// Restart restarts VICIdial's database: its list of calls is empty, while lines and agents stay as they are.
func (s *Server) Restart() {
	s.locked(func() {
		for _, c := range s.calls {
			c.Listed = false
		}
	})
}

func (s *Server) change(callID string, f func(*call)) {
	s.locked(func() {
		if c := s.calls[fold(callID)]; c != nil {
			f(c)
		}
	})
}

// holder is the agent whose row holds the call, if any.
func (s *Server) holder(callID string) *Agent {
	for _, a := range s.agents {
		if callID != "" && strings.EqualFold(a.CallID, callID) {
			return a
		}
	}
	return nil
}

// lead is the list entry of a call: the last ten digits of its id.
func (c *call) lead() string {
	if len(c.CallState.ID) != 20 {
		return "0"
	}
	return strings.TrimLeft(c.CallState.ID[10:], "0")
}

// fold makes a key of a name: MySQL's collation ignores case.
func fold(name string) string { return strings.ToUpper(name) }
