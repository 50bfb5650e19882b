package main

import "vicihook/vicicall"

type checkCmd struct {
	vicidialFlags
	callFlags
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
	if c.callFlags == (callFlags{}) {
		return c.tryAccount(env)
	}
	return c.ask(env, c.callFlags, func(v vicidial, call vicicall.Call) (vicicall.Result, error) {
		return v.Check(env.ctx, v.account, call)
	})
}

func (c checkCmd) tryAccount(env *environment) error {
	v, err := c.open(env)
	if err != nil {
		return err
	}
	defer v.Close()
	result, err := v.Probe(env.ctx, v.account, 0)
	if err == nil {
		result.Message = "address, certificate, user, password and permission are good: VICIdial looked for an agent that can't exist, and did nothing"
	}
	return c.print(env, vicicall.Call{}, result, err)
}
