package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"vicihook/infra/local/stack"
)

// binaries are the function and the command, as shipped.
type binaries struct{ folder, command string }

func build(ctx context.Context) (*binaries, error) {
	fmt.Println("building the function and the command")
	folder, err := os.MkdirTemp("", "vicihook-conformance-")
	if err != nil {
		return nil, err
	}
	b := &binaries{folder: folder, command: filepath.Join(folder, "vicihook")}
	root := filepath.Join("..", "..")
	for _, command := range [][]string{
		{"make", "-s", "-C", root, "build-VicihookFunction", "ARTIFACTS_DIR=" + folder, "GOOS=", "ARCH="},
		{"go", "build", "-C", root, "-o", b.command, "./function/cmd/vicihook"},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			b.remove()
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
		}
	}
	return b, os.WriteFile(filepath.Join(folder, "sources.json"), []byte(sources), 0o600)
}

func (b *binaries) remove() { _ = os.RemoveAll(b.folder) }

// A verdict is the result of a scenario.
type verdict struct{ outcome, wrong string }

// play runs one scenario with a fresh instance of the function.
func (b *binaries) play(ctx context.Context, d dialer, s scenario) verdict {
	outcome, err := b.outcome(ctx, d, s)
	if err != nil {
		return verdict{"failed", err.Error()}
	}
	v := verdict{outcome: outcome}
	if outcome != s.outcome {
		v.wrong = "the outcome is " + outcome
		return v
	}
	if !s.ended && !s.listed {
		return v
	}
	is, err := d.state(ctx, sample)
	switch {
	case err != nil:
		v.wrong = err.Error()
	case s.ended && (is.Listed || is.Hangups == 0):
		v.wrong = fmt.Sprintf("the tables say listed %t, %d orders to hang up", is.Listed, is.Hangups)
	case s.listed && !is.Listed:
		v.wrong = "the tables do not list the call"
	}
	return v
}

func (b *binaries) outcome(ctx context.Context, d dialer, s scenario) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := d.reset(ctx); err != nil {
		return "", err
	}
	for _, c := range s.calls {
		if err := d.addCall(ctx, c); err != nil {
			return "", err
		}
	}
	if s.condition != "" {
		if err := d.stage(ctx, s.condition); err != nil {
			return "", err
		}
	}
	if s.command != nil {
		return b.run(ctx, d, s)
	}
	st, err := b.start(ctx, d, s.budget)
	if err != nil {
		return "", err
	}
	defer st.Stop()
	return b.send(ctx, st, cmp.Or(s.source, "crm"), s.payload)
}

// start starts the function with its secrets, for a dialer. budget is REQUEST_BUDGET; empty is the function's own.
func (b *binaries) start(ctx context.Context, d dialer, budget string) (*stack.Stack, error) {
	config := stack.Config{Bootstrap: b.folder, Account: map[string]any{
		"url": d.url(), "user": apiUser, "pass": apiPass, "lookup": map[string]string{"user": lookupUser, "pass": lookupPass},
	}}
	if budget != "" {
		config.Env = map[string]string{"REQUEST_BUDGET": budget}
	}
	return stack.Start(ctx, config)
}

// send signs and posts a payload with the command, and returns the outcome.
func (b *binaries) send(ctx context.Context, st *stack.Stack, source, payload string) (string, error) {
	send := exec.CommandContext(ctx, b.command, "send", "--json", "--url", st.URL, "--source", source,
		"--sources", filepath.Join(b.folder, "sources.json"), "--body", "-")
	send.Env = append(os.Environ(), "VICIHOOK_KEY="+st.Keys[source])
	send.Stdin = strings.NewReader(payload)
	out, err := send.Output() // its status says that the outcome is a refusal, too
	var answer struct{ Outcome string }
	if json.Unmarshal(out, &answer) != nil {
		return "", fmt.Errorf("vicihook send: %w: %s", err, out)
	}
	return answer.Outcome, nil
}

// run runs a command of vicihook, and returns the expected outcome if its output has it.
func (b *binaries) run(ctx context.Context, d dialer, s scenario) (string, error) {
	command := exec.CommandContext(ctx, b.command, s.command...)
	command.Env = append(os.Environ(), "VICIDIAL_URL="+d.url(), "VICIDIAL_USER="+apiUser, "VICIDIAL_PASS="+apiPass,
		"VICIDIAL_LOOKUP_USER="+lookupUser, "VICIDIAL_LOOKUP_PASS="+lookupPass)
	out, err := command.CombinedOutput()
	if strings.Contains(string(out), s.outcome) {
		return s.outcome, nil
	}
	return "", fmt.Errorf("vicihook %s: %v: %s", strings.Join(s.command, " "), err, out)
}
