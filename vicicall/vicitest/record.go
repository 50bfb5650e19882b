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
	Time                                       time.Time
	Method, Path                               string
	Function, Stage, CallID, AgentUser         string
	Disposition, Source, User                  string
	PasswordSent, PasswordRight, PasswordInURL bool
	Conn                                       int    // number of the connection, from 1; equal for requests that shared one
	Overlapped                                 bool   // a HANGUP while another for the same call was still running
	Fault                                      string // what struck it, if anything
}

// Kind is the stage of ra_call_control, or else the function: HANGUP, CHECK, version, agent_status, logged_in_agents.
func (r Request) Kind() string {
	if r.Function == "ra_call_control" {
		return r.Stage
	}
	return r.Function
}

// A LogRow is a row of vicidial_api_log.
type LogRow struct {
	Time                                     time.Time
	User, AgentUser, Function, Value, Result string
	Reason, Source                           string
	PasswordStored                           bool // VICIdial's own tables now hold this request's password
}

const (
	hidden  = "[password]" // stands where a record would otherwise hold it
	longest = 256          // characters kept of a parameter
)

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

// Await waits until a condition on the server holds; it is asked again whenever something happened. For example
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

// notify wakes whoever waits for a change; the server is locked.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// LoginAttempts counts how often the account was looked at.
func (s *Server) LoginAttempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins.attempts
}

// FailedLogins counts the attempts that were refused for user, password, lockout or address.
func (s *Server) FailedLogins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins.failures
}

// MaxConcurrentHangups is the highest number of HANGUP requests for one call that ran at the same time.
func (s *Server) MaxConcurrentHangups() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxRunning
}

// Running counts the HANGUP requests that may still do their work, or whose answer is not out: until it is 0, list and
// lines may change.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for _, n := range s.running {
		sum += n
	}
	return sum
}

// APILog returns the rows of vicidial_api_log.
func (s *Server) APILog() []LogRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// record notes a request at its arrival.
func (s *Server) record(r *http.Request, p params, in input, nonAgent bool) *exchange {
	sent := func(name string) string { return cut(p.values[name], longest) }
	req := Request{
		Time: s.now(), Method: r.Method, Path: cut(r.URL.Path, longest),
		Function: sent("function"), Stage: sent("stage"), CallID: cut(shown(p), longest), AgentUser: sent("agent_user"),
		Disposition: sent("status"), Source: sent("source"), User: sent("user"),
		PasswordInURL: p.inURL.Has("pass"), Conn: connNumber(r),
	}
	_, req.PasswordSent = p.values["pass"]
	s.mu.Lock()
	defer s.mu.Unlock()
	req.PasswordRight = s.users[fold(in.user)].matches(in.pass, s.settings.HashPasswords)
	x := &exchange{s: s, r: r, in: in, kind: req.Kind(), callID: fold(in.value), nonAgent: nonAgent, hidden: req.CallID == hidden}
	x.fault = s.nextFault(x.kind, x.callID, nonAgent)
	req.Fault = x.fault.Name
	if x.running = x.kind == "HANGUP"; x.running {
		s.running[x.callID]++
		s.maxRunning = max(s.maxRunning, s.running[x.callID])
		req.Overlapped = s.running[x.callID] > 1
	}
	s.requests = append(s.requests, req)
	s.counts[x.kind]++
	s.notify()
	return x
}

// recordStray notes a request for something else than the API.
func (s *Server) recordStray(r *http.Request) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Time: s.now(), Method: r.Method, Path: cut(r.URL.Path, longest), Conn: connNumber(r)})
	s.notify()
	return &exchange{s: s, r: r}
}

// shown is the call id as sent, or what VICIdial takes for it.
func shown(p params) string {
	if p.valueName() == "pass" {
		return hidden
	}
	return p.values[p.valueName()]
}

// over notes, just before the answer ends, that a HANGUP no longer runs.
func (x *exchange) over() {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if !x.running {
		return
	}
	x.running = false
	if x.s.running[x.callID]--; x.s.running[x.callID] == 0 {
		delete(x.s.running, x.callID)
	}
	x.s.notify()
}

// log writes a row of vicidial_api_log, each column cut to its width.
func (c *script) log(result, reason string) {
	value := c.in.value
	if c.valueHidden {
		value = hidden
	}
	c.s.log = append(c.s.log, LogRow{
		Time: c.s.now(), User: cut(c.in.user, 20), AgentUser: cut(c.in.agentUser, 20), Function: cut(c.in.function, 20),
		Value: cut(value, 255), Result: cut(c.word(result), 10), Reason: cut(c.word(reason), 255), Source: cut(c.in.source, 20),
		PasswordStored: c.in.pass != "", // vicidial_api_urls keeps every request
	})
}

// cut is what a column keeps of a text that is too long, in MySQL's forgiving mode.
func cut(s string, width int) string { return s[:min(len(s), width)] }
