package vicitest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// A Request is one request that reached the server, with its parameters as sent, up to 256 characters each. It never
// holds the password.
type Request struct {
	Time                               time.Time
	Method, Path                       string
	Function, Stage, CallID, AgentUser string
	Disposition, Source, User          string
	Conn                               int    // number of the connection, from 1; equal for requests that shared one
	Overlapped                         bool   // a HANGUP while another for the same call was still running
	Fault                              string // name of the fault that applied, if any
}

// Kind is the stage of ra_call_control, or else the function: HANGUP, CHECK, version, agent_status, logged_in_agents.
func (r Request) Kind() string {
	if r.Function == "ra_call_control" {
		return r.Stage
	}
	return r.Function
}

const longest = 256 // characters kept of a parameter

// Requests returns every request in the order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count returns how many requests of a kind came: HANGUP, CHECK, version, agent_status, …; empty counts all.
func (s *Server) Count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == "" {
		return len(s.requests)
	}
	return s.counts[kind]
}

// Await waits until a condition on the server is true; it is asked again whenever something happened. For example
// that a HANGUP has come: srv.Await(ctx, func() bool { return srv.Count("HANGUP") == 1 }).
func (s *Server) Await(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("vicitest: await: %w", ctx.Err())
		}
	}
}

// LoginAttempts returns how often a password was checked.
func (s *Server) LoginAttempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts
}

// FailedLogins returns how many attempts were refused for user, password, lockout or address.
func (s *Server) FailedLogins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures
}

// MaxConcurrentHangups returns the highest number of HANGUP requests for one call that ran at the same time.
func (s *Server) MaxConcurrentHangups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxRunning
}

// Running returns the number of HANGUP requests that may still do their work, or whose answer is not out: until it is 0,
// list and lines may change.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for _, n := range s.running {
		sum += n
	}
	return sum
}

// APILogRows returns the number of rows in vicidial_api_log.
func (s *Server) APILogRows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged
}

// record notes a request at its arrival.
func (s *Server) record(w http.ResponseWriter, r *http.Request, nonAgent bool) *exchange {
	f := readForm(r)
	sent := func(name string) string { return cut(f[name], longest) }
	req := Request{
		Time: s.now(), Method: r.Method, Path: cut(r.URL.Path, longest), Conn: connNumber(r),
		Function: sent("function"), Stage: sent("stage"), CallID: sent("value"), AgentUser: sent("agent_user"),
		Disposition: sent("status"), Source: sent("source"), User: sent("user"),
	}
	x := &exchange{s: s, w: w, r: r, in: f.clean(nonAgent), kind: req.Kind(), nonAgent: nonAgent, page: scriptPage()}
	x.callID = fold(x.in.value)
	s.locked(func() {
		x.fault = s.nextFault(x)
		req.Fault = x.fault.Name
		if x.running = x.kind == "HANGUP"; x.running {
			s.running[x.callID]++
			s.maxRunning = max(s.maxRunning, s.running[x.callID])
			req.Overlapped = s.running[x.callID] > 1
		}
		s.requests = append(s.requests, req)
		s.counts[x.kind]++
	})
	return x
}

// recordStray notes a request for something else than the APIs.
func (s *Server) recordStray(r *http.Request) {
	s.locked(func() {
		s.requests = append(s.requests, Request{Time: s.now(), Method: r.Method, Path: cut(r.URL.Path, longest), Conn: connNumber(r)})
	})
}

// over notes, just before the answer ends, that a HANGUP no longer runs.
func (x *exchange) over() {
	x.s.locked(func() {
		if x.running {
			x.running = false
			x.s.running[x.callID]--
		}
	})
}

// cut is what a column keeps of a text that is too long, in MySQL's forgiving mode.
func cut(s string, width int) string { return s[:min(len(s), width)] }
