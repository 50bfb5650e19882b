package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vicihook/function/internal/config"
	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

const maxAccount = 64 << 10 // bytes, Secrets Manager's own limit

// vicidialFlags say which VICIdial to ask, with which API account, and how to print its answer.
type vicidialFlags struct {
	Account   string  `placeholder:"FILE|-" help:"File with the API account, JSON in the form of the function's VICIdial secret; - for standard input (default: $$VICIDIAL_URL, $$VICIDIAL_USER and $$VICIDIAL_PASS; $$VICIDIAL_LOOKUP_USER and $$VICIDIAL_LOOKUP_PASS for finding calls)."`
	AllowHTTP bool    `from:"VICIDIAL_ALLOW_HTTP" help:"Send the password over plain http to another host than this one, where others can read it."`
	Timeout   timeout `default:"4s" help:"How long it may take in all."`
	JSON      bool    `help:"Print one JSON object and nothing else."`
}

// callFlags name one call: by VICIdial's id, or by what a helpdesk knows of it.
type callFlags struct {
	CallID         string `from:"VICIHOOK_CALL_ID" placeholder:"ID" help:"VICIdial's call id, one letter and 19 digits ($$VICIHOOK_CALL_ID)."`
	AgentUser      string `aliases:"agent" from:"VICIHOOK_AGENT_USER" placeholder:"USER" help:"The agent's VICIdial user; --agent for short ($$VICIHOOK_AGENT_USER)."`
	Lead           string `placeholder:"ID" help:"VICIdial's lead id. Give this or one of the next two flags if you don't know the call id: VICIdial is then asked, with the lookup account, which call is meant."`
	Phone          string `placeholder:"NUMBER" help:"The customer's telephone number."`
	VendorLeadCode string `placeholder:"TEXT" help:"The lead's vendor_lead_code, mostly a ticket."`
}

// A vicidial is a client with the account that it uses.
type vicidial struct {
	*vicicall.Client
	account vicicall.Credentials
}

// open reads the account. The caller must close the client.
func (f vicidialFlags) open(env *environment) (vicidial, error) {
	account, err := f.readAccount(env)
	if err != nil {
		return vicidial{}, err
	}
	client := vicicall.New(vicicall.Config{Budget: f.Timeout.Duration, AllowHTTP: f.AllowHTTP})
	return vicidial{client, account}, client.Validate(account)
}

// readAccount reads a file as the function reads its secret, or the environment.
func (f vicidialFlags) readAccount(env *environment) (account vicicall.Credentials, err error) {
	if f.Account != "" {
		text, err := env.read("--account", f.Account, maxAccount)
		if err != nil {
			return account, err
		}
		account, err = config.Config{VICIdialURL: env.getenv("VICIDIAL_URL")}.Credentials(text)
		if err != nil {
			err = fmt.Errorf("--account: %w", err)
		}
		return account, err
	}
	url, user, pass := env.getenv("VICIDIAL_URL"), env.getenv("VICIDIAL_USER"), env.getenv("VICIDIAL_PASS")
	if url == "" || user == "" || pass == "" {
		return account, errors.New("--account: give a file with url, user and pass, or set VICIDIAL_URL, VICIDIAL_USER and VICIDIAL_PASS")
	}
	account = vicicall.Credentials{URLs: []string{url}, User: user, Pass: pass}
	if user := env.getenv("VICIDIAL_LOOKUP_USER"); user != "" {
		account.Lookup = &vicicall.Account{User: user, Pass: env.getenv("VICIDIAL_LOOKUP_PASS")}
	}
	return account, nil
}

// finds reports whether VICIdial must be asked for the call.
func (f callFlags) finds() bool { return f.Lead != "" || f.Phone != "" || f.VendorLeadCode != "" }

// query returns what to ask VICIdial by. A call id that comes from the environment is not part of it.
func (f callFlags) query(env *environment) vicicall.Query {
	q := vicicall.Query{AgentUser: f.AgentUser, CallID: f.CallID, LeadID: f.Lead, Phone: f.Phone, VendorLeadCode: f.VendorLeadCode}
	if q.CallID == env.getenv("VICIHOOK_CALL_ID") {
		q.CallID = ""
	}
	return q
}

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

// ask finds the call, passes it to do, and prints the result.
func (f vicidialFlags) ask(env *environment, c callFlags, do func(vicidial, vicicall.Call) (vicicall.Result, error)) error {
	if err := c.check(env); err != nil {
		return err
	}
	v, err := f.open(env)
	if err != nil {
		return err
	}
	defer v.Close()
	call := vicicall.Call{ID: c.CallID, AgentUser: c.AgentUser}
	if c.finds() {
		agent, err := v.Find(env.ctx, v.account, c.query(env))
		if err != nil {
			return f.printNotFound(env, c.AgentUser, err)
		}
		call.ID, call.AgentUser = agent.CallID, agent.User
	}
	result, err := do(v, call)
	return f.print(env, call, result, err)
}

// printNotFound prints why there is no call or no list of agents, and returns the exit status as an error.
func (f vicidialFlags) printNotFound(env *environment, agentUser string, err error) error {
	failed, ok := errors.AsType[*vicicall.Error](err)
	if !ok {
		return err
	}
	if rule, known := hangup.RuleOf(failed.Outcome); known && rule.Status == http.StatusOK {
		err = nil // VICIdial answered: there is no such call
	}
	result := vicicall.Result{Outcome: failed.Outcome, Message: failed.Message, Reply: failed.Reply}
	return f.print(env, vicicall.Call{AgentUser: agentUser}, result, err)
}

// A vicidialAnswer is the result of a request to VICIdial as --json prints it.
type vicidialAnswer struct {
	Outcome     vicicall.Outcome `json:"outcome"`
	CallID      string           `json:"call_id,omitempty"`
	AgentUser   string           `json:"agent_user,omitempty"`
	Disposition string           `json:"disposition,omitempty"`
	Message     string           `json:"message"`
	Cause       string           `json:"cause,omitempty"`
	Remedy      string           `json:"remedy,omitempty"`
	Reply       string           `json:"reply,omitempty"`
	Attempts    int              `json:"attempts"`
	Checks      int              `json:"checks"`
	ElapsedMS   int64            `json:"elapsed_ms"`
}

// print prints a result and returns the exit status as an error.
func (f vicidialFlags) print(env *environment, call vicicall.Call, r vicicall.Result, err error) error {
	a := vicidialAnswer{
		Outcome: r.Outcome, CallID: call.ID, AgentUser: call.AgentUser, Disposition: call.Disposition, Message: r.Message,
		Reply: r.Reply, Attempts: r.Attempts, Checks: r.Checks, ElapsedMS: r.Elapsed.Milliseconds(),
	}
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		if failed.Err != nil {
			a.Cause = strings.ReplaceAll(failed.Err.Error(), "\n", "; ")
		}
		rule, _ := hangup.RuleOf(r.Outcome)
		a.Remedy = rule.Remedy
	} else if err != nil {
		return err // nothing was sent
	}
	if f.JSON {
		if err := env.printJSON(a); err != nil {
			return err
		}
	} else {
		a.printRows(env)
	}
	switch {
	case err == nil:
		return nil
	case r.Outcome == vicicall.Unavailable || r.Outcome == vicicall.Unknown:
		return noAnswer("outcome %s", r.Outcome)
	}
	return failed("outcome %s", r.Outcome)
}

func (a vicidialAnswer) printRows(env *environment) {
	call, sent := "", ""
	if a.CallID != "" {
		call = a.CallID + " of agent " + a.AgentUser
	}
	if a.Attempts+a.Checks > 0 {
		sent = fmt.Sprintf("%d HANGUP, %d CHECK in %d ms", a.Attempts, a.Checks, a.ElapsedMS)
	}
	printRows(env.stdout, "outcome", string(a.Outcome), "call", call, "message", a.Message, "cause", a.Cause,
		"remedy", a.Remedy, "reply", a.Reply, "sent", sent)
}
