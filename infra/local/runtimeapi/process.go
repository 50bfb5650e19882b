//go:build unix

package runtimeapi

import (
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// A process is one running bootstrap, its Runtime API and what it prints.
type process struct {
	cmd    *exec.Cmd
	server *http.Server
	lines  *lines
	exited chan struct{} // closed when it is gone; cmd.ProcessState is set by then
	end    sync.Once
}

// start runs the bootstrap in a process group of its own, with calls getting what it asks of its Runtime API.
func start(c Config, calls chan<- call, emit func(string)) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	printed, out, err := newLines(emit)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	p := &process{
		cmd:    exec.Command(filepath.Join(c.TaskRoot, "bootstrap")),
		server: &http.Server{Handler: api(calls)},
		lines:  printed,
		exited: make(chan struct{}),
	}
	p.cmd.Dir, p.cmd.Env = c.TaskRoot, environment(c, listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = p.cmd.Start()
	_ = out.Close() // the process has it
	if err != nil {
		_ = listener.Close()
		printed.close()
		return nil, err
	}
	go func() { _ = p.server.Serve(listener) }() // ends with ErrServerClosed
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	_ = p.cmd.Wait() // how it ended is in cmd.ProcessState
	p.signal(syscall.SIGKILL)
	close(p.exited)
}

// signal reaches the bootstrap and everything that it started.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s) // a group that is gone needs no signal
}

// gone says whether it has ended, be it a moment ago.
func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return errors.Is(syscall.Kill(p.cmd.Process.Pid, 0), syscall.ESRCH)
	}
}

// close kills it and waits until nothing of it is left.
func (p *process) close() {
	p.end.Do(func() {
		if !p.gone() {
			p.signal(syscall.SIGKILL)
		}
		<-p.exited
		p.lines.close()
		_ = p.server.Close()
	})
}
