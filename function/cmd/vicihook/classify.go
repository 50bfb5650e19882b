package main

import (
	"errors"
	"fmt"

	"vicihook/vicicall"
)

type classifyCmd struct {
	HTTPStatus int    `required:"" placeholder:"N" help:"HTTP status of the reply, 100 to 599."`
	Function   string `enum:"ra_call_control,agent_status,logged_in_agents" default:"ra_call_control" placeholder:"NAME" help:"VICIdial's function that was asked: ra_call_control, agent_status or logged_in_agents (default: ra_call_control)."`
	CallID     string `placeholder:"ID" help:"Call id that the request named, for ra_call_control."`
	AgentUser  string `placeholder:"USER" help:"Agent that the request named."`
	Verbose    bool   `short:"v" help:"Print VICIdial's line too, rebuilt from its recognised parts."`
}

func (classifyCmd) Help() string {
	return `Reads the body of one reply of VICIdial from standard input and prints what it means, as one JSON object.
ra_call_control (agc/api.php): {"outcome":"..."}: accepted, one of VICIdial's refusals, or ambiguous when its words are not
reliable. agent_status (non_agent_api.php): {"state":"in_call",...}, {"state":"no_call"} or {"outcome":"..."}.
logged_in_agents: {"agents":[...]} or {"outcome":"..."}. The lookups are those with stage=tab and without a header.
Exit status 0 whenever it could classify, whatever the outcome.

Examples:

    vicihook classify --http-status 200 --call-id Y1221052110000402027 --agent-user 1028 < reply.txt
    vicihook classify --function agent_status --http-status 200 --agent-user 1028 < reply.txt`
}

// Validate is called by kong.
func (c classifyCmd) Validate() error {
	switch {
	case c.HTTPStatus < 100 || c.HTTPStatus > 599:
		return fmt.Errorf("--http-status: %d: want 100 to 599", c.HTTPStatus)
	case c.Function == "ra_call_control" && c.CallID == "":
		return errors.New("--call-id: missing")
	case c.Function == "ra_call_control" && c.AgentUser == "":
		return errors.New("--agent-user: missing")
	}
	return nil
}

func (c classifyCmd) Run(env *environment) error {
	body, err := env.read("standard input", "-", maxBody)
	if err != nil {
		return err
	}
	var reply vicicall.Reply
	switch c.Function {
	case "agent_status":
		var agent vicicall.Agent
		if agent, reply = vicicall.ParseAgentStatus(c.HTTPStatus, body, c.AgentUser); reply.Outcome == "" && agent.InCall() {
			return env.printJSON(stateOf(agent))
		} else if reply.Outcome == "" {
			return env.printJSON(map[string]string{"state": "no_call"})
		}
	case "logged_in_agents":
		var agents []vicicall.Agent
		if agents, reply = vicicall.ParseLoggedInAgents(c.HTTPStatus, body); reply.Outcome == "" {
			list := agentList{Agents: []agentState{}}
			for _, a := range agents {
				list.Agents = append(list.Agents, stateOf(a))
			}
			return env.printJSON(list)
		}
	default:
		reply = vicicall.ParseReply(c.HTTPStatus, body, c.CallID, c.AgentUser)
	}
	answer := struct {
		Outcome  vicicall.Outcome `json:"outcome"`
		Reply    string           `json:"reply,omitempty"`
		Doubtful bool             `json:"doubtful,omitempty"` // a hang-up checks again before it relies on this
	}{Outcome: reply.Outcome}
	if c.Verbose {
		answer.Reply, answer.Doubtful = reply.Line, reply.Doubtful
	}
	return env.printJSON(answer)
}
