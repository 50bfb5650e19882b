// Command vicihook is for those who connect a helpdesk and for those who operate the function. It signs, sends and
// verifies deliveries as a helpdesk would, says why a signature fails, asks VICIdial directly, explains outcomes, reads
// the log and changes the webhook keys.
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
	statusOK     = 0
	statusFailed = 1 // no: another outcome than expected, a signature that fails
	statusUsage  = 2 // a flag, file or setting is wrong: nothing was sent
	statusSilent = 3 // no answer came
)

const description = "Sign, send, verify and explain the webhooks that hang up VICIdial remote agents' calls, and ask VICIdial itself."

// cli lists the commands.
type cli struct {
	Send     sendCmd     `cmd:"" help:"Sign a payload and post it as the helpdesk would."`
	Sign     signCmd     `cmd:"" help:"Print the headers that sign a payload, or a whole API Gateway event."`
	Verify   verifyCmd   `cmd:"" help:"Say whether a captured request verifies."`
	Explain  explainCmd  `cmd:"" help:"Say why a captured request does not verify, and how to fix it."`
	Classify classifyCmd `cmd:"" help:"Say what one reply of VICIdial means."`
	Check    checkCmd    `cmd:"" help:"Ask VICIdial whether a hang-up would find a call, or whether the account is good."`
	Hangup   hangupCmd   `cmd:"" help:"End one call at VICIdial, without a webhook."`
	Calls    callsCmd    `cmd:"" help:"List VICIdial's agents and their live calls."`
	Doctor   doctorCmd   `cmd:"" help:"Examine the function and what it needs, and name what to fix."`
	Who      whoCmd      `cmd:"" help:"Say from the log who ended a call, and what became of an agent's or a source's calls."`
	Keys     keysCmd     `cmd:"" help:"Make, store, pause and remove the webhook keys of a source."`
	Outcome  outcomeCmd  `cmd:"" help:"Say what an outcome means and how to fix it."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// An environment is what a command may use; tests replace it.
type environment struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	stdinTaken     string // the flag that read standard input
}

// A failure ends a command with a status of its own; any other error is a mistake in how it was called.
type failure struct {
	status int
	error
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
		kong.Vars{"version": buildVersion()},
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
		err = fmt.Errorf("%w; vicihook --help shows what there is", err)
	}
	return report(stderr, err)
}

// fromEnvironment sets each flag tagged `from:"NAME"` that the command line does not have to the value of that variable.
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

type versionCmd struct{}

func (versionCmd) Run(env *environment) error {
	_, err := fmt.Fprintln(env.stdout, buildVersion())
	return err
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "vicihook " + info.Main.Version
	}
	return "vicihook (devel)"
}
