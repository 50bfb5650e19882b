package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// callFlags name one call: by VICIdial's id, or by what a helpdesk knows of it.
type callFlags struct {
	CallID         string `name:"call-id" from:"VICIHOOK_CALL_ID" placeholder:"ID" help:"VICIdial's call id, one letter and 19 digits ($$VICIHOOK_CALL_ID)."`
	AgentUser      string `name:"agent-user" aliases:"agent" from:"VICIHOOK_AGENT_USER" placeholder:"USER" help:"The agent's VICIdial user; --agent for short ($$VICIHOOK_AGENT_USER)."`
	Lead           string `placeholder:"ID" help:"VICIdial's lead id. This and the next two flags take the place of a call id: VICIdial is asked, with the lookup account, which call is meant."`
	Phone          string `placeholder:"NUMBER" help:"The customer's telephone number."`
	VendorLeadCode string `placeholder:"TEXT" help:"The lead's vendor_lead_code, mostly a ticket."`
}

// query is what the flags say of the call, for VICIdial to find it. A call id that only the environment names is another one.
func (f callFlags) query(env *environment) vicicall.Query {
	q := vicicall.Query{AgentUser: f.AgentUser, CallID: f.CallID, LeadID: f.Lead, Phone: f.Phone, VendorLeadCode: f.VendorLeadCode}
	if q.CallID == env.getenv("VICIHOOK_CALL_ID") {
		q.CallID = ""
	}
	return q
}

// finds reports whether VICIdial is to find the call.
func (f callFlags) finds() bool { return f.Lead != "" || f.Phone != "" || f.VendorLeadCode != "" }

// check rejects flags that name no call, before anything is read or sent.
func (f callFlags) check(env *environment) error {
	switch {
	case f.finds():
		return f.query(env).Validate()
	case f.CallID == "":
		return errors.New("--call-id: give the call id, or --lead, --phone or --vendor-lead-code for VICIdial to find the call")
	case f.AgentUser == "":
		return errors.New("--agent-user: a call id needs the user of its agent")
	}
	return vicicall.Call{ID: f.CallID, AgentUser: f.AgentUser}.Validate()
}

// find returns the call, which it asks VICIdial for unless its id was given.
func (f callFlags) find(env *environment, client *vicicall.Client, account vicicall.Credentials) (vicicall.Call, error) {
	if !f.finds() {
		return vicicall.Call{ID: f.CallID, AgentUser: f.AgentUser}, nil
	}
	agent, err := client.Find(env.ctx, account, f.query(env))
	return vicicall.Call{ID: agent.CallID, AgentUser: agent.User}, err
}

// notFound prints why there is no call to check or to hang up, and returns the exit status.
func (env *environment) notFound(f callFlags, err error, asJSON bool) error {
	failed, ok := errors.AsType[*vicicall.Error](err)
	if !ok {
		return err
	}
	if rule, known := hangup.RuleOf(failed.Outcome); known && rule.Status == http.StatusOK {
		err = nil // VICIdial answered: there is no such call
	}
	result := vicicall.Result{Outcome: failed.Outcome, Message: failed.Message, Reply: failed.Reply}
	return env.answered(vicicall.Call{AgentUser: f.AgentUser}, result, err, asJSON)
}

type callsCmd struct {
	accountFlags
	JSON bool `name:"json" help:"Print one JSON object and nothing else."`
}

func (callsCmd) Help() string {
	return `Prints the agents that are logged in to VICIdial, each with the call that it is in: what VICIdial shows of it now, which
changes nothing. It takes the lookup account, and shows the agents that this account may view.
Exit status 0 when VICIdial answered, 1 for a refusal, 3 when no answer came.

Examples:

    vicihook calls --account account.json       # {"url": "…", "user": "…", "pass": "…", "lookup": {"user": "…", "pass": "…"}}
    vicihook calls --json | jq '.agents[] | select(.state == "in_call")'`
}

// An agentState is an agent in JSON. What is not known is null.
type agentState struct {
	State          string  `json:"state"` // in_call or no_call
	AgentUser      *string `json:"agent_user"`
	CallID         *string `json:"call_id"`
	LeadID         *string `json:"lead_id"`
	Phone          *string `json:"phone"`
	VendorLeadCode *string `json:"vendor_lead_code"`
	Status         string  `json:"status,omitempty"` // VICIdial's own words
	SubStatus      string  `json:"sub_status,omitempty"`
	Campaign       string  `json:"campaign,omitempty"`
}

type agentList struct {
	Agents []agentState `json:"agents"`
}

func stateOf(a vicicall.Agent) agentState {
	s := agentState{State: "no_call", AgentUser: orNull(a.User), CallID: orNull(a.CallID), LeadID: orNull(a.LeadID)}
	if a.InCall() {
		s.State = "in_call"
	}
	if a.Contact {
		s.Phone, s.VendorLeadCode = &a.Phone, &a.VendorLeadCode
	}
	return s
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (c callsCmd) Run(env *environment) error {
	account, err := c.account(env)
	if err != nil {
		return err
	}
	client := c.client()
	defer client.Close()
	agents, err := client.LoggedInAgents(env.ctx, account)
	if err != nil {
		return env.notFound(callFlags{}, err, c.JSON)
	}
	if c.JSON {
		return env.printJSON(listOf(agents, boardState))
	}
	if len(agents) == 0 {
		_, err = fmt.Fprintln(env.stdout, "no agent is logged in")
		return err
	}
	rows := [][]string{{"AGENT", "STATE", "CALL", "LEAD", "CAMPAIGN"}}
	for _, a := range agents {
		rows = append(rows, []string{a.User, strings.TrimSpace(a.Status + " " + a.SubStatus), a.CallID, a.LeadID, a.Campaign})
	}
	return printTable(env.stdout, rows)
}

// boardState is stateOf with VICIdial's own words.
func boardState(a vicicall.Agent) agentState {
	s := stateOf(a)
	s.Status, s.SubStatus, s.Campaign = a.Status, a.SubStatus, a.Campaign
	return s
}

func listOf(agents []vicicall.Agent, state func(vicicall.Agent) agentState) agentList {
	list := agentList{Agents: []agentState{}}
	for _, a := range agents {
		list.Agents = append(list.Agents, state(a))
	}
	return list
}
