package vicitest

import (
	"cmp"
	"net"
	"net/http"
	"strings"
	"time"
)

// An exchange is one request on its way through the script, and what strikes it there.
type exchange struct {
	s            *Server
	w            http.ResponseWriter
	r            *http.Request
	in           input
	kind, callID string
	nonAgent     bool // for non_agent_api.php
	hidden       bool // the value is the password
	fault        active
	running      bool // counts as a HANGUP that runs
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.busy.Done()
	known, nonAgent := apiAt(r.URL.Path)
	if !known {
		x := s.recordStray(r)
		x.w = w
		whole(x, mustObserve("any", "api.php not at this path (wrong base URL, /agc not installed)").page())
		return
	}
	p := readParams(r)
	x := s.record(r, p, p.clean(nonAgent), nonAgent)
	defer x.over()
	x.w = w
	x.run()
}

// apiAt reports whether a path is one of the two APIs', and whether it is the non-agent API's. A proxy may add a prefix,
// but not one that names an API itself: that is a client which was given too long an address.
func apiAt(path string) (known, nonAgent bool) {
	for _, api := range []string{"/agc/api.php", "/vicidial/non_agent_api.php"} {
		if prefix, found := strings.CutSuffix(path, api); found {
			return !strings.HasSuffix(prefix, "/agc") && !strings.HasSuffix(prefix, ".php"), api != "/agc/api.php"
		}
	}
	return false, false
}

// run is the way of a request: before the script, the script, the answer.
func (x *exchange) run() {
	if x.fault.before != nil && x.fault.before(x) {
		return
	}
	c, alive := x.script()
	switch {
	case !alive:
		closeConn(x, page{})
	case x.fault.onSuccess && c.order == nil:
		whole(x, c.page)
	default:
		x.answer(c)
	}
}

// script runs checks and work. The lock is let go of in between, as VICIdial has none: two requests at once may both
// pass the checks. It returns false when the server was closed meanwhile.
func (x *exchange) script() (c *script, alive bool) {
	c = &script{
		s: x.s, in: x.in, page: scriptPage(), address: address(x.r),
		valueHidden: x.hidden, words: x.fault.words, blind: x.fault.blind, strict: x.fault.strict,
	}
	if x.nonAgent {
		x.s.locked(c.lookup)
		return c, true
	}
	x.s.locked(c.check)
	if x.fault.pause && c.order != nil && !x.wait(nil) {
		return c, false
	}
	x.s.locked(func() { c.work(x.fault.without) })
	return c, true
}

func (s *Server) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.notify()
}

// answer sends the page, or what the fault makes of it.
func (x *exchange) answer(c *script) {
	if x.fault.turn != nil {
		x.fault.turn(x, c)
	}
	send := x.fault.send
	if send == nil {
		send = whole
	}
	send(x, c.page)
}

// wait waits for the fault's delay or release. It returns false when the server closes or given up says so first;
// PHP does not notice that its client has gone, so before and amid the work given up is nil.
func (x *exchange) wait(givenUp <-chan struct{}) bool {
	var timer <-chan time.Time
	if x.fault.Delay > 0 || x.fault.Release == nil {
		t := time.NewTimer(cmp.Or(x.fault.Delay, x.fault.delay))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
		return true
	case <-x.fault.Release:
		return true
	case <-givenUp:
		return false
	case <-x.s.closed:
		return false
	}
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
