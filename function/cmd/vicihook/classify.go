package main

import (
	"errors"
	"fmt"

	"vicihook/vicicall"
)

type classifyCmd struct {
	HTTPStatus int    `name:"http-status" required:"" placeholder:"N" help:"HTTP status of the reply, 100 to 599."`
	CallID     string `name:"call-id" required:"" placeholder:"ID" help:"Call id that the request named."`
	AgentUser  string `name:"agent-user" required:"" placeholder:"USER" help:"Agent that the request named."`
	Verbose    bool   `short:"v" help:"Print VICIdial's line too, rebuilt from its recognised parts."`
}

func (classifyCmd) Help() string {
	return `Reads the body of one reply of agc/api.php (ra_call_control) from standard input and prints {"outcome":"..."}:
accepted, one of VICIdial's refusals, or ambiguous when its words can't be trusted.
Exit status 0 whenever it could classify, whatever the outcome.

Example:

    vicihook classify --http-status 200 --call-id Y1221052110000402027 --agent-user 1028 < reply.txt`
}

func (c classifyCmd) check() error {
	switch {
	case c.HTTPStatus < 100 || c.HTTPStatus > 599:
		return fmt.Errorf("--http-status: %d is none: 100 to 599", c.HTTPStatus)
	case c.CallID == "":
		return errors.New("--call-id: empty")
	case c.AgentUser == "":
		return errors.New("--agent-user: empty")
	}
	return nil
}

func (c classifyCmd) Run(sh *shell) error {
	if err := c.check(); err != nil {
		return err
	}
	body, err := sh.read("standard input", "-", maxBody)
	if err != nil {
		return err
	}
	reply := vicicall.ParseReply(c.HTTPStatus, body, c.CallID, c.AgentUser)
	answer := struct {
		Outcome  vicicall.Outcome `json:"outcome"`
		Reply    string           `json:"reply,omitempty"`
		Doubtful bool             `json:"doubtful,omitempty"` // a hang-up would look again before it believes this
	}{Outcome: reply.Outcome}
	if c.Verbose {
		answer.Reply, answer.Doubtful = reply.Line, reply.Doubtful
	}
	return sh.printJSON(answer)
}
