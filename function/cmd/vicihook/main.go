// Command vicihook is the integrator's and the operator's side of the webhook: it signs, sends and verifies deliveries as
// a helpdesk would, says why a signature fails, asks VICIdial directly, and says what an answer means.
//
// Keys and passwords come from a file, standard input or the environment, never from an argument, which other users of
// the machine could read. Exit status: 0 when what was asked holds, 1 when it does not, 2 for a mistake in the command
// line, its files or its settings, 3 when no answer came.
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
	statusFailed = 1 // the answer is no: not the outcome asked for, a signature that fails
	statusUsage  = 2 // a flag, file or setting is wrong: nothing was sent
	statusSilent = 3 // no answer came
)

const description = "Sign, send, verify and explain the webhooks that hang up VICIdial remote agents' calls, and ask VICIdial itself."

// cli names every command; each is one file.
type cli struct {
	Send     sendCmd     `cmd:"" help:"Sign a payload and post it as the helpdesk would."`
	Sign     signCmd     `cmd:"" help:"Print the headers that sign a payload, or a whole API Gateway event."`
	Verify   verifyCmd   `cmd:"" help:"Say whether a captured request verifies."`
	Explain  explainCmd  `cmd:"" help:"Say why a captured request does not verify, and how to mend it."`
	Classify classifyCmd `cmd:"" help:"Say what one reply of VICIdial means."`
	Check    checkCmd    `cmd:"" help:"Ask VICIdial whether a hang-up would find a call, or whether the account is good."`
	Hangup   hangupCmd   `cmd:"" help:"End one call at VICIdial, without a webhook."`
	Calls    callsCmd    `cmd:"" help:"List VICIdial's agents and their live calls."`
	Doctor   doctorCmd   `cmd:"" help:"Examine the function and what it needs, and name what to fix."`
	Who      whoCmd      `cmd:"" help:"Say who ended a call, and what an agent's calls or a source came to, from the log."`
	Keys     keysCmd     `cmd:"" help:"Make, store, pause and remove the webhook keys of a source."`
	Outcome  outcomeCmd  `cmd:"" help:"Say what an outcome means and how it is mended."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// A shell is what a command can reach of the world.
type shell struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
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

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	exited := false
	parser, err := kong.New(&cli{},
		kong.Name("vicihook"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }), // --help and --version have printed
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"version": buildVersion()},
		kong.Resolvers(fromEnvironment(env)),
	)
	if err != nil {
		return report(stderr, err)
	}
	command, err := parser.Parse(args)
	if exited {
		return statusOK
	}
	if err == nil {
		err = command.Run(&shell{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, env: env})
	} else {
		err = fmt.Errorf("%w; vicihook --help shows what there is", err)
	}
	return report(stderr, err)
}

// fromEnvironment gives each flag tagged `from:"NAME"` the value of that variable when the command line has none.
func fromEnvironment(env func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if name := flag.Tag.Get("from"); name != "" && env(name) != "" {
			return env(name), nil
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

func (versionCmd) Run(sh *shell) error {
	_, err := fmt.Fprintln(sh.stdout, buildVersion())
	return err
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "vicihook " + info.Main.Version
	}
	return "vicihook (devel)"
}
