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

// startWorkbench serves the page and prints its address.
func (c *cli) startWorkbench(ctx context.Context, s *stack.Stack, say narrator) (stop func(), err error) {
	command := c.Command
	remove := func() {}
	if command == "" {
		folder, err := os.MkdirTemp("", "vicihook-")
		if err != nil {
			return nil, err
		}
		remove = func() { _ = os.RemoveAll(folder) }
		if command, err = stack.BuildCommand(ctx, folder); err != nil {
			remove()
			return nil, err
		}
	}
	bench, err := workbench.New(workbench.Config{
		Stack: s, Command: command,
		Sources: cmp.Or(c.Sources, filepath.Join(c.Bootstrap, "sources.json")),
		Samples: workbench.Samples(os.DirFS("events")),
	})
	if err != nil {
		remove()
		return nil, err
	}
	listener, err := net.Listen("tcp", c.Workbench)
	if err != nil {
		remove()
		return nil, fmt.Errorf("--workbench: %w", err)
	}
	server := &http.Server{Handler: bench, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed
	say.row("workbench", "http://%s  shows calls, sends webhooks, makes them go wrong", listener.Addr())
	return func() {
		bench.Close()
		_ = server.Close()
		remove()
	}, nil
}
