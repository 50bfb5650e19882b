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
	malformed    bool
	hidden       bool // the value is the password
	fault        active
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.busy.Done()
	if !strings.HasSuffix(r.URL.Path, "/agc/api.php") {
		notFound.write(w)
		return
	}
	p := readParams(r)
	x := s.record(r, p, p.clean(s.rules, s.nonLatin()))
	defer s.leave(x)
	x.w, x.r = w, r
	x.run()
}

func (s *Server) nonLatin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.NonLatin
}

// run is the way of a request: before the script, the script, the answer.
func (x *exchange) run() {
	if x.fault.before != nil && x.fault.before(x) {
		return
	}
	if x.malformed {
		page{status: 500, kind: utf8HTML, caching: true}.write(x.w)
		return
	}
	c := x.script()
	if struck := !x.fault.onSuccess || c.order != nil; !struck {
		c.page.write(x.w)
		return
	}
	if x.fault.turn != nil {
		x.fault.turn(x, c)
	}
	if x.fault.send != nil {
		x.fault.send(x, c.page)
		return
	}
	c.page.write(x.w)
}

// script runs checks and work. The lock is let go of in between, as VICIdial has none: two requests at once may both
// pass the checks.
func (x *exchange) script() *script {
	c := &script{
		s: x.s, rules: x.s.rules, in: x.in, page: scriptPage(), address: address(x.r),
		valueHidden: x.hidden, words: x.fault.words, blind: x.fault.blind, strict: x.fault.strict,
	}
	x.s.mu.Lock()
	c.check()
	x.s.mu.Unlock()
	if x.fault.pause && c.order != nil && !x.wait(nil) {
		return c
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	c.work(x.fault.without)
	c.finish()
	return c
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

// write sends the whole page with the headers that the real script sends.
func (p page) write(w http.ResponseWriter) {
	p.header(w.Header())
	w.WriteHeader(p.status)
	w.Write([]byte(p.body()))
}

func (p page) header(h http.Header) {
	h.Set("Content-Type", p.kind)
	if p.caching {
		h.Set("Cache-Control", "no-cache, must-revalidate")
		h.Set("Pragma", "no-cache")
	}
	if p.location != "" {
		h.Set("Location", p.location)
	}
}
