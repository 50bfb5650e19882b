package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"vicihook/vicicall"
)

type hangupCmd struct {
	vicidialFlags
	callFlags
	Disposition string `placeholder:"STATUS" help:"Status to book, at most 6 characters (default: VICIdial's RAXFER)."`
	Yes         bool   `help:"Do not ask."`
}

func (hangupCmd) Help() string {
	return `Ends one call now, as the function does: HANGUP, then CHECK whether VICIdial still lists the call. It asks before it acts,
because VICIdial ends any listed call, whoever it belongs to.
Exit status 0 when VICIdial no longer lists the call or there was none, 1 for a refusal and still_listed, 3 when no answer came.

Examples:

    vicihook hangup --account account.json --call-id Y1221052110000402027 --agent-user 1028 --disposition SALE
    vicihook hangup --account account.json --agent 1028 --phone "+1 312 555 1212"
    vicihook hangup --account - --yes --json --call-id Y1221052110000402027 --agent-user 1028 < account.json`
}

func (c hangupCmd) Run(env *environment) error {
	return c.ask(env, c.callFlags, func(v vicidial, call vicicall.Call) (vicicall.Result, error) {
		call.Disposition = c.Disposition
		if err := call.Validate(); err != nil {
			return vicicall.Result{}, err
		}
		if err := c.confirm(env, v.account, call); err != nil {
			return vicicall.Result{}, err
		}
		return v.Hangup(env.ctx, v.account, call)
	})
}

var errNobodyToAsk = errors.New("--yes: standard input is no terminal, so nobody can be asked: give --yes to hang up without a question")

// confirm asks on the terminal.
func (c hangupCmd) confirm(env *environment, account vicicall.Credentials, call vicicall.Call) error {
	if c.Yes {
		return nil
	}
	if env.stdinTaken != "" || !isTerminal(env.stdin) {
		return errNobodyToAsk
	}
	fmt.Fprintf(env.stderr, "Hang up call %s of agent %s at %s, and book %s? [y/N] ",
		call.ID, call.AgentUser, strings.Join(account.URLs, ", "), cmp.Or(call.Disposition, "RAXFER, VICIdial's default"))
	line, err := bufio.NewReader(io.LimitReader(env.stdin, 1<<10)).ReadString('\n')
	switch {
	case line == "" && errors.Is(err, io.EOF):
		return errNobodyToAsk // /dev/null looks like a terminal
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return failed("not confirmed: nothing was sent")
	}
	return nil
}

func isTerminal(stdin io.Reader) bool {
	file, ok := stdin.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
