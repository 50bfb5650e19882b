//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A narrator tells people what the stack does, in two columns.
type narrator struct{ w io.Writer }

func (n narrator) row(name, format string, args ...any) {
	fmt.Fprintf(n.w, "%-8s  %s\n", name, fmt.Sprintf(format, args...))
}

// building builds the function into folder. A signal ends it.
func (n narrator) building(ctx context.Context, folder string, interrupts <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun, built := time.Now(), make(chan error, 1)
	go func() { built <- stack.Build(ctx, folder) }()
	select {
	case err := <-built:
		if err == nil {
			n.row("built", "the function, with the flags used for AWS, in %.1f s", time.Since(begun).Seconds())
		}
		return err
	case s := <-interrupts:
		cancel()
		<-built
		return fmt.Errorf("%s while building", s)
	}
}

func (n narrator) started(s *stack.Stack, faults []string) {
	vicidial := "the VICIdial of --vicidial"
	if s.VICIdial.URL != "" {
		vicidial = "simulated VICIdial " + s.VICIdial.URL
	}
	n.row("started", "%s → Lambda → %s, secrets at %s", s.URL, vicidial, s.SecretsURL)
	for _, name := range faults {
		if f, err := vicitest.FaultByName(name); err == nil {
			n.row("fault", "%s: %s", f.Name, f.About)
		}
	}
	n.state(s)
	fmt.Fprintln(n.w)
}

// state tells what VICIdial's tables say of each call.
func (n narrator) state(s *stack.Stack) {
	for _, call := range s.State() {
		n.row("VICIdial", "%s", described(call))
	}
}

func described(c vicitest.CallState) string {
	words := []string{"not listed", "line down"}
	if c.Listed {
		words[0] = "listed"
	}
	if c.LineUp {
		words[1] = "line up"
	}
	if c.Disposition != "" {
		words = append(words, "booked "+c.Disposition)
	}
	return fmt.Sprintf("call %s of agent %s: %s", c.ID, c.Agent, strings.Join(words, ", "))
}

// invite shows what to try while the stack stays up.
func (n narrator) invite(s *stack.Stack) {
	what, flags := "Hang up the first call", ""
	if len(s.State()) == 0 {
		what, flags = "Send a webhook for a call of your VICIdial", " --call-id ID --agent-user USER"
	}
	fmt.Fprintf(n.w, "%s, from another terminal in this folder:\n\n    ", what)
	for _, variable := range s.Env() {
		if strings.HasPrefix(variable, "VICIHOOK_") {
			fmt.Fprintf(n.w, "%s \\\n    ", variable)
		}
	}
	fmt.Fprintf(n.w, "go run ./function/cmd/vicihook send --disposition SALE%s\n\n", flags)
	if len(s.State()) == 0 {
		return
	}
	fmt.Fprintf(n.w, "What VICIdial's tables say: curl %s\n\n", s.StateURL)
}

func (n narrator) log(line string) { fmt.Fprintln(n.w, line) }

// fault prints a line of the function's log if it is an error, of which an answer says only that the log has it.
func (n narrator) fault(line string) {
	if strings.Contains(line, `"level":"ERROR"`) {
		n.log(line)
	}
}
