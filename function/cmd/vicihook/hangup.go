package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"vicihook/vicicall"
)

type hangupCmd struct {
	accountFlags
	callFlags
	Disposition string `placeholder:"STATUS" help:"Status to book, at most 6 characters (default: VICIdial's RAXFER)."`
	Yes         bool   `help:"Do not ask."`
	JSON        bool   `name:"json" help:"Print one JSON object and nothing else."`
}

func (hangupCmd) Help() string {
	return `Ends one call now, as the function does: HANGUP, then CHECK whether VICIdial still lists the call. It asks before it acts,
because VICIdial ends any listed call, whoever it belongs to.
Exit status 0 when the outcome says what became of the call, 1 for a refusal and still_listed, 3 when no answer came.

Examples:

    vicihook hangup --account account.json --call-id Y1221052110000402027 --agent-user 1028 --disposition SALE
    vicihook hangup --account account.json --agent 1028 --phone "+1 312 555 1212"
    vicihook hangup --account - --yes --json --call-id Y1221052110000402027 --agent-user 1028 < account.json`
}

func (c hangupCmd) Run(env *environment) error {
	if err := c.check(env); err != nil {
		return err
	}
	account, err := c.account(env)
	if err != nil {
		return err
	}
	client := c.client()
	defer client.Close()
	call, err := c.find(env, client, account)
	if err != nil {
		return env.notFound(c.callFlags, err, c.JSON)
	}
	call.Disposition = c.Disposition
	if err := call.Validate(); err != nil {
		return err
	}
	if err := c.confirm(env, account, call); err != nil {
		return err
	}
	result, err := client.Hangup(env.ctx, account, call)
	return env.answered(call, result, err, c.JSON)
}

var (
	errNobodyToAsk  = errors.New("--yes: standard input is no terminal, so nobody can be asked: give --yes to hang up without a question")
	errNotConfirmed = errors.New("not confirmed: nothing was sent")
)

// confirm asks on the terminal.
func (c hangupCmd) confirm(env *environment, account vicicall.Credentials, call vicicall.Call) error {
	if c.Yes {
		return nil
	}
	if env.stdinTaken != "" || !isTerminal(env.stdin) {
		return errNobodyToAsk
	}
	fmt.Fprintf(env.stderr, "Hang up call %s of agent %s at %s, and book %s? [y/N] ",
		call.ID, call.AgentUser, strings.Join(hosts(account.URLs), ", "), booked(call.Disposition))
	line, err := bufio.NewReader(io.LimitReader(env.stdin, 1<<10)).ReadString('\n')
	switch {
	case line == "" && errors.Is(err, io.EOF):
		return errNobodyToAsk // /dev/null looks like a terminal
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return &failure{statusFailed, errNotConfirmed}
	}
	return nil
}

// isTerminal reports whether somebody may sit at the other end.
func isTerminal(stdin io.Reader) bool {
	file, ok := stdin.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// hosts returns the hosts of the addresses: all that a question may show.
func hosts(urls []string) []string {
	names := make([]string, len(urls))
	for i, text := range urls {
		names[i] = "?"
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			names[i] = u.Host
		}
	}
	return names
}
