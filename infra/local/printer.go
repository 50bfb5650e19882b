//go:build unix

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A printer writes what the stack does, in two columns.
type printer struct{ w io.Writer }

func (p printer) row(name, format string, args ...any) {
	fmt.Fprintf(p.w, "%-8s  %s\n", name, fmt.Sprintf(format, args...))
}

// build builds the function into folder. A signal ends it.
func (p printer) build(ctx context.Context, folder string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	if err := stack.Build(ctx, folder); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	p.row("built", "the function, with the flags used for AWS, in %.1f s", time.Since(begun).Seconds())
	return nil
}

func (p printer) started(s *stack.Stack, faults []string) {
	vicidial := "the VICIdial of --vicidial"
	if s.VICIdial.URL != "" {
		vicidial = "simulated VICIdial " + s.VICIdial.URL
	}
	p.row("started", "%s → Lambda → %s, secrets at %s", s.URL, vicidial, s.SecretsURL)
	for _, name := range faults {
		if f, err := vicitest.FaultByName(name); err == nil {
			p.row("fault", "%s: %s", f.Name, f.About)
		}
	}
	p.state(s)
	fmt.Fprintln(p.w)
}

// state prints each call as VICIdial's tables have it.
func (p printer) state(s *stack.Stack) {
	for _, call := range s.VICIdial.Calls() {
		p.row("VICIdial", "call %s of agent %s: %s", call.ID, call.Agent, call.Words())
	}
}

// invite shows what to try while the stack stays up.
func (p printer) invite(s *stack.Stack) {
	what, flags := "Hang up the first call", ""
	if len(s.VICIdial.Calls()) == 0 {
		what, flags = "Send a webhook for a call of your VICIdial", " --call-id ID --agent-user USER"
	}
	fmt.Fprintf(p.w, "%s, from another terminal in this folder:\n\n    ", what)
	for _, variable := range s.Env() {
		if strings.HasPrefix(variable, "VICIHOOK_") {
			fmt.Fprintf(p.w, "%s \\\n    ", variable)
		}
	}
	fmt.Fprintf(p.w, "go run ./function/cmd/vicihook send --disposition SALE%s\n\n", flags)
	if len(s.VICIdial.Calls()) == 0 {
		return
	}
	fmt.Fprintf(p.w, "What VICIdial's tables say: curl %s\n\n", s.StateURL)
}

func (p printer) log(line string) { fmt.Fprintln(p.w, line) }

// fault prints a line of the function's log if it is an error: the answer refers to the log for it.
func (p printer) fault(line string) {
	if strings.Contains(line, `"level":"ERROR"`) {
		p.log(line)
	}
}
