package main

import (
	"errors"

	"vicihook/vicicall"
)

type checkCmd struct {
	accountFlags
	CallID    string `name:"call-id" from:"VICIHOOK_CALL_ID" placeholder:"ID" help:"VICIdial's call id, one letter and 19 digits ($$VICIHOOK_CALL_ID). Without a call the account alone is tried."`
	AgentUser string `from:"VICIHOOK_AGENT_USER" placeholder:"USER" help:"The remote agent's VICIdial user ($$VICIHOOK_AGENT_USER)."`
	JSON      bool   `name:"json" help:"Print one JSON object and nothing else."`
}

func (checkCmd) Help() string {
	return `Asks VICIdial whether a hang-up would find the call, and changes nothing (stage=CHECK): would_hang_up, no_active_call,
agent_not_logged_in, or what stands in the way. Without a call it asks for one that can't be: agent_not_logged_in then says
that address, certificate, user, password and permission are good.
Exit status 0 for these three, 1 for a refusal, 3 when no answer came.

Examples:

    vicihook check --account account.json                 # {"url": "https://dialer.example.com", "user": "…", "pass": "…"}
    vicihook check --account - --call-id Y1221052110000402027 --agent-user 1028 < account.json
    VICIDIAL_URL=https://dialer.example.com VICIDIAL_USER=api VICIDIAL_PASS="$(cat pass)" vicihook check --json`
}

func (c checkCmd) Run(sh *shell) error {
	if (c.CallID == "") != (c.AgentUser == "") {
		return errors.New("--call-id: a call needs its --agent-user, and the other way round; leave out both to try the account alone")
	}
	account, err := c.account(sh)
	if err != nil {
		return err
	}
	client := c.client()
	defer client.Close()
	call := vicicall.Call{ID: c.CallID, AgentUser: c.AgentUser}
	if c.CallID == "" {
		return c.probe(sh, client, account)
	}
	result, err := client.Check(sh.ctx, account, call)
	return sh.answered(call, result, err, c.JSON)
}

// probe tries the account alone, and says so where the outcome is about a call.
func (c checkCmd) probe(sh *shell, client *vicicall.Client, account vicicall.Credentials) error {
	result, err := client.Probe(sh.ctx, account, 0)
	if err == nil {
		result.Message = "address, certificate, user, password and permission are good: VICIdial looked for an agent that can't be, and did nothing"
	}
	return sh.answered(vicicall.Call{}, result, err, c.JSON)
}
