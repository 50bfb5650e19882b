//go:build unix

package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"vicihook/infra/local/stack"
	"vicihook/infra/local/workbench"
)

// startWorkbench serves the page and prints its address. The vicihook command is built into folder if none is given.
func (c *cli) startWorkbench(ctx context.Context, s *stack.Stack, folder string, out printer) (stop func(), err error) {
	if c.Command == "" {
		if c.Command, err = stack.BuildCommand(ctx, folder); err != nil {
			return nil, err
		}
	}
	bench, err := workbench.New(workbench.Config{
		Stack: s, Command: c.Command,
		Sources: cmp.Or(c.Sources, filepath.Join(c.Bootstrap, "sources.json")),
		Samples: workbench.Samples(os.DirFS("events")),
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", c.Workbench)
	if err != nil {
		return nil, fmt.Errorf("--workbench: %w", err)
	}
	server := &http.Server{Handler: bench, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed
	out.row("workbench", "http://%s  shows calls, sends webhooks, makes them go wrong", listener.Addr())
	return func() {
		bench.Close()
		_ = server.Close()
	}, nil
}
