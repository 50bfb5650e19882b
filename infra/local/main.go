//go:build unix

// Command local runs the function on this machine as AWS would: an HTTP API front, Lambda with the function's own
// bootstrap, Secrets Manager, and a simulated VICIdial with two remote agents in a call each.
//
//	go run ./infra/local -- CMD…     runs CMD with the stack's addresses and keys in its environment, then shows
//	                                 each call in VICIdial's tables, and exits with CMD's status (by `go run`: 1 for any but 0)
//	go run ./infra/local             stays up until interrupted, serves the workbench and shows what the function logs
//	go run ./infra/local --vicidial URL --account FILE --dry-run
//	                                 the same before a real VICIdial, such as a test dialer
//	go run ./infra/local --env-file env.json
//	                                 also writes what "sam local invoke --env-vars" needs, and prints that command
//
// Every source gets one webhook key: $VICIHOOK_KEY, or else the one that signs the sample events. With --vicidial that
// one, which is published, is replaced by a random one.
//
// Its own output goes to standard error, so that the output of CMD stays clean.
// Exit status without a CMD's: 0 when interrupted, 1 when the stack can't start, 2 for a mistake in the command line.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"vicihook/function/event"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

const (
	statusFailed = 1
	statusUsage  = 2
)

type cli struct {
	Fault     []string    `placeholder:"NAME" help:"Let VICIdial go wrong in one of the ways listed above; may be repeated."`
	Listen    string      `placeholder:"HOST:PORT" help:"Where senders post to; the rest listens on the same host. Default: a free port of 127.0.0.1, with --env-file of the address that containers reach."`
	EnvFile   string      `placeholder:"FILE" help:"Write the function's variables to FILE, as sam local --env-vars takes them."`
	Host      string      `placeholder:"NAME" help:"Name by which SAM's container reaches this machine, if not by the address listened on; Docker Desktop's is host.docker.internal."`
	Front     event.Front `enum:"http,rest,url" default:"http" help:"Which AWS front to be: http (HTTP API 2.0), rest (REST API 1.0) or url (Function URL)."`
	Log       bool        `help:"Show all that the function logs while CMD runs; without it, errors only."`
	VICIdial  string      `name:"vicidial" placeholder:"URL" help:"A real VICIdial in place of the simulated one, such as a test dialer. It hangs up real calls; try --dry-run first."`
	Account   string      `placeholder:"FILE|-" help:"The account of --vicidial: JSON in the form of the function's VICIdial secret; - is standard input."`
	Budget    string      `placeholder:"TIME" help:"The function's REQUEST_BUDGET, for example 4s."`
	DryRun    bool        `help:"The function's DRY_RUN: CHECK in place of HANGUP."`
	NoRecheck bool        `help:"The function's RECHECK=false: believe an accepted hang-up."`
	Bootstrap string      `type:"existingdir" placeholder:"DIR" help:"Use the bootstrap and sources.json in DIR instead of building them."`
	Workbench string      `placeholder:"HOST:PORT" default:"127.0.0.1:0" help:"Where the page of the workbench is served, a loopback address. Default: a free port of 127.0.0.1."`
	Command   string      `type:"existingfile" placeholder:"FILE" help:"The vicihook command, which the workbench signs with; it is built if none is given."`
	Sources   string      `type:"existingfile" placeholder:"FILE" help:"Use this sources.json."`
	Cmd       []string    `arg:"" optional:"" passthrough:"partial" help:"Command to run, with VICIHOOK_URL, VICIHOOK_KEY, VICIHOOK_SOURCE, VICIHOOK_CALL_ID, VICIHOOK_AGENT_USER, VICIHOOK_LEAD_ID, VICIHOOK_PHONE, the VICIDIAL_… and the AWS settings in its environment."`
}

// Help lists the faults.
func (cli) Help() string {
	var b strings.Builder
	b.WriteString("Faults of the simulated VICIdial:\n\n")
	for _, f := range vicitest.Faults() {
		fmt.Fprintf(&b, "    %-24s %s\n", f.Name, f.About)
	}
	return b.String()
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) (status int) {
	var flags cli
	helped := false
	parser := kong.Must(&flags,
		kong.Name("local"),
		kong.Description("Run the function on this machine as AWS would, with a simulated VICIdial."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
	)
	_, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err == nil {
		err = flags.check()
	}
	if err != nil {
		fmt.Fprintln(stderr, "local:", err)
		return statusUsage
	}
	interrupts := make(chan os.Signal, 4)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	if status, err = flags.run(stdout, stderr, interrupts); err != nil {
		fmt.Fprintln(stderr, "local:", err)
	}
	return status
}

// check rejects flags that contradict each other, unknown faults and addresses that others reach.
func (c *cli) check() error {
	for _, name := range c.Fault {
		if _, err := vicitest.FaultByName(name); err != nil {
			return fmt.Errorf("--fault: %w", err)
		}
	}
	if len(c.Cmd) > 0 && c.Cmd[0] == "--" {
		c.Cmd = c.Cmd[1:]
	}
	if host, _, err := net.SplitHostPort(c.Workbench); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("--workbench: %q is no loopback address with a port, such as 127.0.0.1:8080", c.Workbench)
	}
	if (c.VICIdial == "") != (c.Account == "") || c.VICIdial != "" && len(c.Fault) > 0 {
		return errors.New("--vicidial and --account go together, and without --fault: a real VICIdial has its own")
	}
	if c.Listen == "" {
		return c.chooseAddress()
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		return fmt.Errorf("--listen: %q is every network that this machine is in, and the webhook keys are simulated ones: name one address", c.Listen)
	}
	return nil
}

func (c *cli) run(stdout, stderr io.Writer, interrupts <-chan os.Signal) (status int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := printer{stderr}
	folder, err := os.MkdirTemp("", "vicihook-")
	if err != nil {
		return statusFailed, err
	}
	defer os.RemoveAll(folder)
	if c.Bootstrap == "" {
		if c.Bootstrap, err = folder, out.build(ctx, folder); err != nil {
			return statusFailed, err
		}
	}
	config := c.config(out)
	if config.External {
		if config.Account, err = c.account(); err != nil {
			return statusUsage, err
		}
	}
	s, err := stack.Start(ctx, config)
	if err != nil {
		return statusFailed, err
	}
	defer s.Stop()
	for _, name := range c.Fault {
		if err := s.VICIdial.Inject(vicitest.Fault{Name: name}); err != nil {
			return statusFailed, err
		}
	}
	if c.EnvFile != "" {
		if err := writeEnvFile(c.EnvFile, s.FunctionEnv()); err != nil {
			return statusFailed, err
		}
	}
	out.started(s, c.Fault)
	if len(c.Cmd) > 0 {
		if status, err = execute(c.Cmd, s.Env(), stdout, stderr, interrupts); err == nil {
			out.state(s)
		}
		return status, err
	}
	stop, err := c.startWorkbench(ctx, s, folder, out)
	if err != nil {
		return statusFailed, err
	}
	defer stop()
	out.invite(s)
	if c.EnvFile != "" {
		out.samLocal(s, c.EnvFile)
	}
	out.log("Below is what the function logs. Ctrl-C ends it all.\n")
	<-interrupts
	out.state(s)
	return 0, nil
}

func (c *cli) config(out printer) stack.Config {
	config := stack.Config{
		Bootstrap: c.Bootstrap, SourcesFile: c.Sources, Front: c.Front, Listen: c.Listen, Host: c.Host,
		Key:      cmp.Or(os.Getenv("VICIHOOK_KEY"), sampleKey),
		Account:  map[string]any{"lookup": map[string]string{"user": vicitest.DefaultLookupUser, "pass": vicitest.DefaultLookupPass}},
		External: c.VICIdial != "",
		Env:      map[string]string{},
	}
	if config.External && config.Key == sampleKey { // anybody knows it, and here it would end real calls
		config.Key = rand.Text()
	}
	config.Log = out.fault
	if c.Log || len(c.Cmd) == 0 {
		config.Log = out.log
	}
	if c.Budget != "" {
		config.Env["REQUEST_BUDGET"] = c.Budget
	}
	if c.DryRun {
		config.Env["DRY_RUN"] = "true"
	}
	if c.NoRecheck {
		config.Env["RECHECK"] = "false"
	}
	return config
}

// account reads the secret of a real VICIdial. Its url is the flag's.
func (c *cli) account() (map[string]any, error) {
	file := os.Stdin
	if c.Account != "-" {
		var err error
		if file, err = os.Open(c.Account); err != nil {
			return nil, fmt.Errorf("--account: %w", err)
		}
		defer file.Close()
	}
	var account map[string]any
	if err := json.NewDecoder(io.LimitReader(file, 64<<10)).Decode(&account); err != nil {
		return nil, errors.New("--account: no JSON object with user and pass") // the error might quote the password
	}
	account["url"] = c.VICIdial
	return account, nil
}
