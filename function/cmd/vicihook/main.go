// Command vicihook is for people who connect a helpdesk or operate the function: it signs, sends and verifies webhooks,
// says why a signature fails, asks VICIdial, examines the function, reads its log and changes its keys.
//
//	vicihook send --url https://hooks.example.com --key-file crm.key --call-id Y1221052110000402027 --agent-user 1028
//
// Keys and passwords come from a file, standard input or the environment, never from an argument, which other users of
// the machine could read. Exit status: 0 for yes or done, 1 for no, 2 for a mistake in the command line, its files or
// its settings, 3 when no answer came.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

const (
	statusOK       = 0
	statusFailed   = 1 // no: another outcome than expected, a signature that fails
	statusUsage    = 2 // a flag, file or setting is wrong: nothing was sent
	statusNoAnswer = 3
)

const description = "Sign, send, verify and explain the webhooks that hang up VICIdial remote agents' calls, and ask VICIdial itself."

// cli lists the commands.
type cli struct {
	Send     sendCmd     `cmd:"" group:"Webhooks:" help:"Sign a payload and post it as the helpdesk would."`
	Sign     signCmd     `cmd:"" group:"Webhooks:" help:"Print the headers that sign a payload, or a whole API Gateway event."`
	Verify   verifyCmd   `cmd:"" group:"Webhooks:" help:"Check the signature of a captured request."`
	Explain  explainCmd  `cmd:"" group:"Webhooks:" help:"Say why a captured request does not verify, and how to fix it."`
	Check    checkCmd    `cmd:"" group:"VICIdial:" help:"Ask VICIdial whether a hang-up would find a call, or whether the account is good."`
	Hangup   hangupCmd   `cmd:"" group:"VICIdial:" help:"End one call at VICIdial, without a webhook."`
	Calls    callsCmd    `cmd:"" group:"VICIdial:" help:"List VICIdial's agents and their live calls."`
	Classify classifyCmd `cmd:"" group:"VICIdial:" help:"Say what one reply of VICIdial means."`
	Doctor   doctorCmd   `cmd:"" group:"Operation:" help:"Examine the function and all that it needs, and say how to fix what is wrong."`
	Who      whoCmd      `cmd:"" group:"Operation:" help:"Read from the log who ended a call, and how an agent's or a source's calls ended."`
	Keys     keysCmd     `cmd:"" group:"Operation:" help:"Make, store, pause and remove the webhook keys of a source."`
	Outcome  outcomeCmd  `cmd:"" group:"Operation:" help:"Print what an outcome means and how to fix it."`

	Version kong.VersionFlag `help:"Print the version."`
}

// An environment is what a command may use; tests replace it.
type environment struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	stdinTaken     string // the flag that read standard input
}

// A failure ends a command with a status of its own. Any other error ends it with statusUsage.
type failure struct {
	status int
	error
}

func failed(format string, args ...any) error {
	return &failure{statusFailed, fmt.Errorf(format, args...)}
}

func noAnswer(format string, args ...any) error {
	return &failure{statusNoAnswer, fmt.Errorf(format, args...)}
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	exited := false
	parser, err := kong.New(&cli{},
		kong.Name("vicihook"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }), // --help and --version have printed
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"version": buildVersion(), "outcomes": outcomes()},
		kong.Resolvers(fromEnvironment(getenv)),
	)
	if err != nil {
		return report(stderr, err)
	}
	command, err := parser.Parse(args)
	if exited {
		return statusOK
	}
	if err == nil {
		err = command.Run(&environment{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv})
	} else {
		err = fmt.Errorf("%w; see vicihook --help", err)
	}
	return report(stderr, err)
}

// fromEnvironment sets a flag that has a tag `from:"NAME"` and is not on the command line to the value of that variable.
func fromEnvironment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if name := flag.Tag.Get("from"); name != "" && getenv(name) != "" {
			return getenv(name), nil
		}
		return nil, nil
	})
}

func report(stderr io.Writer, err error) int {
	if err == nil {
		return statusOK
	}
	fmt.Fprintln(stderr, "vicihook:", strings.ReplaceAll(err.Error(), "\n", "; "))
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed.status
	}
	return statusUsage
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "vicihook " + info.Main.Version
	}
	return "vicihook (devel)"
}
