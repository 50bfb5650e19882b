package main

import (
	"vicihook/vicicall"
)

type checkCmd struct {
	accountFlags
	callFlags
	JSON bool `name:"json" help:"Print one JSON object and nothing else."`
}

func (checkCmd) Help() string {
	return `Asks VICIdial whether a hang-up would find the call, and changes nothing (stage=CHECK): would_hang_up, no_active_call,
agent_not_logged_in, other_call, or what prevents a hang-up. Without a call it asks for one that can't exist:
agent_not_logged_in then means that address, certificate, user, password and permission are good.
Exit status 0 for these, 1 for a refusal, 3 when no answer came.

Examples:

    vicihook check --account account.json                 # {"url": "https://dialer.example.com", "user": "…", "pass": "…"}
    vicihook check --account account.json --agent 1028 --phone "+1 312 555 1212"
    vicihook check --account - --call-id Y1221052110000402027 --agent-user 1028 < account.json
    VICIDIAL_URL=https://dialer.example.com VICIDIAL_USER=api VICIDIAL_PASS="$(cat pass)" vicihook check --json`
}

func (c checkCmd) Run(env *environment) error {
	accountAlone := c.CallID == "" && c.AgentUser == "" && !c.finds()
	if !accountAlone {
		if err := c.check(env); err != nil {
			return err
		}
	}
	account, err := c.account(env)
	if err != nil {
		return err
	}
	client := c.client()
	defer client.Close()
	if accountAlone {
		return c.probe(env, client, account)
	}
	call, err := c.find(env, client, account)
	if err != nil {
		return env.notFound(c.callFlags, err, c.JSON)
	}
	result, err := client.Check(env.ctx, account, call)
	return env.answered(call, result, err, c.JSON)
}

// probe tries the account alone, and says so where the outcome is about a call.
func (c checkCmd) probe(env *environment, client *vicicall.Client, account vicicall.Credentials) error {
	result, err := client.Probe(env.ctx, account, 0)
	if err == nil {
		result.Message = "address, certificate, user, password and permission are good: VICIdial looked for an agent that can't exist, and did nothing"
	}
	return env.answered(vicicall.Call{}, result, err, c.JSON)
}
