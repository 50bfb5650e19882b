package vicitest

import (
	"cmp"
	"net"
	"net/http"
	"strings"
	"time"
)

// An exchange is one request: what it asks, the fault that applies to it, and the run of the script that answers it.
type exchange struct {
	s            *Server
	w            http.ResponseWriter
	r            *http.Request
	in           input
	kind, callID string
	nonAgent     bool // for non_agent_api.php
	fault        definition
	running      bool // counts as a HANGUP that runs

	page    page
	user    *User             // nil: no such user
	words   map[string]string // the user's language
	refused bool              // the login failed
	call    *call
	holder  *Agent      // who held the call when SUCCESS was printed, if anybody
	order   *ManagerRow // what SUCCESS promises; nil when nothing is to be done
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.busy.Done()
	known, nonAgent := apiAt(r.URL.Path)
	if !known {
		s.recordStray(r)
		x := &exchange{s: s, w: w, r: r}
		asObserved("any", "api.php not at this path (wrong base URL, /agc not installed)")(x)
		return
	}
	x := s.record(w, r, nonAgent)
	defer x.over()
	if x.fault.before == nil || !x.fault.before(x) {
		x.run()
	}
}

// apiAt reports whether a path is one of the two APIs', and whether it is the non-agent API's. A proxy may add a prefix,
// but not one that names an API itself: that is a client whose address is too long.
func apiAt(path string) (known, nonAgent bool) {
	for _, api := range []string{"/agc/api.php", "/vicidial/non_agent_api.php"} {
		if prefix, found := strings.CutSuffix(path, api); found {
			return !strings.HasSuffix(prefix, "/agc") && !strings.HasSuffix(prefix, ".php"), api != "/agc/api.php"
		}
	}
	return false, false
}

// run runs the script and sends its answer, as changed by the fault. The server is unlocked between the checks
// and the work, as VICIdial has no lock: two requests at once may both pass the checks.
func (x *exchange) run() {
	if x.nonAgent {
		x.s.locked(x.lookup)
	} else {
		x.s.locked(x.check)
		if x.fault.pause && x.order != nil && !x.wait(nil) {
			x.close() // the server was closed meanwhile
			return
		}
		x.s.locked(func() { x.work(x.fault.without) })
	}
	if x.fault.onSuccess && x.order == nil {
		x.whole()
		return
	}
	if x.fault.turn != nil {
		x.fault.turn(x)
	}
	if x.fault.send != nil {
		x.fault.send(x)
		return
	}
	x.whole()
}

// locked runs a function with the server locked, and wakes whoever awaits a change.
func (s *Server) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits for the fault's delay or release. It returns false when the server closes, or when givenUp is closed first.
// PHP does not notice that its client has gone, so givenUp is nil before and amid the work.
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

// address is PHP's REMOTE_ADDR.
func (x *exchange) address() string {
	host, _, err := net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		return x.r.RemoteAddr
	}
	return host
}
