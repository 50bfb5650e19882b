package main

import (
	"fmt"
	"strings"

	"vicihook/vicicall"
)

type callsCmd struct{ vicidialFlags }

func (callsCmd) Help() string {
	return `Prints the agents that are logged in to VICIdial, each with its live call. It changes nothing. It needs the lookup account,
and shows the agents that this account may view.
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
	Status         string  `json:"status,omitempty"` // this and the next two only in `calls`
	SubStatus      string  `json:"sub_status,omitempty"`
	Campaign       string  `json:"campaign,omitempty"`
}

type agentList struct {
	Agents []agentState `json:"agents"`
}

func stateOf(a vicicall.Agent) agentState {
	orNull := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	s := agentState{State: "no_call", AgentUser: orNull(a.User), CallID: orNull(a.CallID), LeadID: orNull(a.LeadID)}
	if a.InCall() {
		s.State = "in_call"
	}
	if a.Contact {
		s.Phone, s.VendorLeadCode = &a.Phone, &a.VendorLeadCode
	}
	return s
}

func (c callsCmd) Run(env *environment) error {
	v, err := c.open(env)
	if err != nil {
		return err
	}
	defer v.Close()
	agents, err := v.LoggedInAgents(env.ctx, v.account)
	if err != nil {
		return c.printNotFound(env, "", err)
	}
	list := agentList{Agents: []agentState{}}
	table := [][]string{{"AGENT", "STATE", "CALL", "LEAD", "CAMPAIGN"}}
	for _, a := range agents {
		state := stateOf(a)
		state.Status, state.SubStatus, state.Campaign = a.Status, a.SubStatus, a.Campaign
		list.Agents = append(list.Agents, state)
		table = append(table, []string{a.User, strings.TrimSpace(a.Status + " " + a.SubStatus), a.CallID, a.LeadID, a.Campaign})
	}
	switch {
	case c.JSON:
		return env.printJSON(list)
	case len(agents) == 0:
		_, err = fmt.Fprintln(env.stdout, "no agent is logged in")
		return err
	}
	return printTable(env.stdout, table)
}
