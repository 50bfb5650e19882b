package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"vicihook/function/internal/config"
	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

const maxAccount = 64 << 10 // Secrets Manager's own limit

// accountFlags say which VICIdial, and with which API account.
type accountFlags struct {
	Account   string        `placeholder:"FILE|-" help:"File with the API account, JSON in the form of the function's VICIdial secret; - for standard input (default: $$VICIDIAL_URL, $$VICIDIAL_USER and $$VICIDIAL_PASS; $$VICIDIAL_LOOKUP_USER and $$VICIDIAL_LOOKUP_PASS for finding calls)."`
	AllowHTTP bool          `name:"allow-http" from:"VICIDIAL_ALLOW_HTTP" help:"Send the password over plain http to another host than this one, where others can read it."`
	Timeout   time.Duration `default:"4s" help:"How long it may take in all."`
}

// account reads the API account as the function does. Its password is no flag's value: those can be read by every user
// of the machine.
func (f accountFlags) account(env *environment) (vicicall.Credentials, error) {
	if err := checkTimeout(f.Timeout); err != nil {
		return vicicall.Credentials{}, err
	}
	if f.Account != "" {
		text, err := env.read("--account", f.Account, maxAccount)
		if err != nil {
			return vicicall.Credentials{}, err
		}
		account, err := config.Config{VICIdialURL: env.getenv("VICIDIAL_URL")}.Credentials(text)
		if err != nil {
			err = fmt.Errorf("--account: %w", err)
		}
		return account, err
	}
	account := vicicall.Credentials{User: env.getenv("VICIDIAL_USER"), Pass: env.getenv("VICIDIAL_PASS")}
	if env.getenv("VICIDIAL_URL") != "" {
		account.URLs = []string{env.getenv("VICIDIAL_URL")}
	}
	if env.getenv("VICIDIAL_LOOKUP_USER") != "" {
		account.Lookup = &vicicall.Account{User: env.getenv("VICIDIAL_LOOKUP_USER"), Pass: env.getenv("VICIDIAL_LOOKUP_PASS")}
	}
	if len(account.URLs) == 0 || account.User == "" || account.Pass == "" {
		return account, errors.New("--account: give a file with url, user and pass, or set VICIDIAL_URL, VICIDIAL_USER and VICIDIAL_PASS")
	}
	return account, nil
}

func (f accountFlags) client() *vicicall.Client {
	return vicicall.New(vicicall.Config{Budget: f.Timeout, AllowHTTP: f.AllowHTTP})
}

// A vicidialAnswer is what a request to VICIdial came to, as --json prints it.
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

// answered prints the outcome and returns the exit status. A request that was not sent because the caller made a mistake
// is an error alone.
func (env *environment) answered(call vicicall.Call, r vicicall.Result, err error, asJSON bool) error {
	if errors.Is(err, vicicall.ErrInvalidCall) || errors.Is(err, vicicall.ErrInvalidCredentials) || errors.Is(err, vicicall.ErrInvalidQuery) {
		return errors.New(r.Message)
	}
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
	}
	if printErr := a.print(env, asJSON); printErr != nil {
		return printErr
	}
	switch {
	case err == nil:
		return nil
	case r.Outcome == vicicall.Unavailable || r.Outcome == vicicall.Unknown:
		return &failure{statusSilent, fmt.Errorf("outcome %s", r.Outcome)}
	}
	return &failure{statusFailed, fmt.Errorf("outcome %s", r.Outcome)}
}

func (a vicidialAnswer) print(env *environment, asJSON bool) error {
	if asJSON {
		return env.printJSON(a)
	}
	a.describe(env.stdout)
	return nil
}

func (a vicidialAnswer) describe(w io.Writer) {
	call := ""
	if a.CallID != "" {
		call = a.CallID + " of agent " + a.AgentUser
	}
	printRows(w, "outcome", string(a.Outcome), "call", call, "message", a.Message, "cause", a.Cause, "remedy", a.Remedy, "reply", a.Reply,
		"sent", fmt.Sprintf("%d HANGUP, %d CHECK in %d ms", a.Attempts, a.Checks, a.ElapsedMS))
}

// booked is the disposition that VICIdial books.
func booked(disposition string) string { return cmp.Or(disposition, "RAXFER, VICIdial's default") }
