package vicicall_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// Schedules of faults are drawn at random and run in synctest's time, so that waiting costs nothing. On a failure rapid
// prints the schedule and its seed; -rapid.checks=3400 runs 102,000 of them.

// A schedule is everything that happens to one or two deliveries.
type schedule struct {
	Budget     time.Duration
	Believe    bool      // SkipRecheck
	Lookup     bool      // there is an account for lookups
	Servers    [][]reach // of one cluster: the result of each connection; the last one repeats
	Faults     []vicitest.Fault
	Events     []event
	Deliveries []delivery
}

// A reach is the result of connecting.
type reach string

const (
	connects  reach = "connects"
	refuses   reach = "refuses"
	blackHole reach = "black hole"
)

// An event changes VICIdial at its time, or just before the first request of a kind that arrives.
type event struct {
	At     time.Duration
	Before string // HANGUP, CHECK, agent_status or logged_in_agents; empty is at its time
	What   string // one of events
}

var events = map[string]func(srv *vicitest.Server, call string){
	"the caller hangs up":   (*vicitest.Server).EndCall,
	"the line drops":        (*vicitest.Server).DropLine,
	"the agent logs off":    func(srv *vicitest.Server, _ string) { srv.LogOff("1028") },
	"another call follows":  func(srv *vicitest.Server, call string) { srv.EndCall(call); putCall(srv, "1028", 'Y', "") },
	"the call is passed on": func(srv *vicitest.Server, call string) { srv.EndCall(call); putCall(srv, "1030", 'J', call[10:]) },
	"the database restarts": func(srv *vicitest.Server, _ string) { srv.Restart() },
	"the password changes":  func(srv *vicitest.Server, _ string) { srv.AddUser(vicitest.APIUser(vicitest.DefaultUser, "another")) },
	"all faults end":        func(srv *vicitest.Server, _ string) { srv.ClearFaults() },
}

// putCall adds a call of an agent, if logged in, with the given lead or a new one.
func putCall(srv *vicitest.Server, agent string, letter byte, lead string) {
	id := srv.NextCallID(letter)
	if lead != "" {
		id = id[:9] + "1" + lead // a second later
	}
	if slices.ContainsFunc(srv.Agents(), func(a vicitest.Agent) bool { return a.User == agent }) {
		srv.AddCall(vicitest.Call{ID: id, Agent: agent})
	}
}

// A delivery is one webhook: at its time, on its own instance or on the first one's.
type delivery struct {
	At          time.Duration
	OtherCall   bool // than that of agent 1028
	OwnInstance bool
	Names       string // what it names: the call id, agent and lead, or the lead alone
}

const (
	theCallID    = "call id"
	agentAndLead = "agent and lead"
	leadAlone    = "lead"
)

func drawSchedule(t *rapid.T) schedule {
	var (
		instants = rapid.SampledFrom([]time.Duration{0, time.Millisecond, 300 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second})
		reaches  = rapid.SliceOfN(rapid.SampledFrom([]reach{connects, connects, connects, refuses, blackHole}), 1, 3)
		what     = rapid.SampledFrom(slices.Sorted(maps.Keys(events)))
		names    = rapid.SampledFrom([]string{theCallID, theCallID, agentAndLead, leadAlone})
	)
	draw := rapid.Custom(func(t *rapid.T) event {
		before := rapid.SampledFrom([]string{"", "HANGUP", "CHECK", "agent_status", "logged_in_agents"})
		return event{instants.Draw(t, "at"), before.Draw(t, "before"), what.Draw(t, "what")}
	})
	delivery := rapid.Custom(func(t *rapid.T) delivery {
		return delivery{instants.Draw(t, "at"), rapid.Bool().Draw(t, "other call"), rapid.Bool().Draw(t, "own instance"), names.Draw(t, "names")}
	})
	return schedule{
		Budget:     rapid.SampledFrom([]time.Duration{600 * time.Millisecond, time.Second, 2500 * time.Millisecond, 4 * time.Second, 10 * time.Second}).Draw(t, "budget"),
		Believe:    rapid.IntRange(0, 9).Draw(t, "believe") == 0,
		Lookup:     rapid.Bool().Draw(t, "lookup"),
		Servers:    rapid.SliceOfN(reaches, 1, 3).Draw(t, "servers"),
		Faults:     rapid.SliceOfN(rapid.Custom(drawFault), 0, 5).Draw(t, "faults"),
		Events:     rapid.SliceOfN(draw, 0, 2).Draw(t, "events"),
		Deliveries: rapid.SliceOfN(delivery, 1, 2).Draw(t, "deliveries"),
	}
}

func drawFault(t *rapid.T) vicitest.Fault {
	f := vicitest.Fault{
		Name:  rapid.SampledFrom(vicitest.Faults()).Draw(t, "fault").Name,
		Stage: rapid.SampledFrom([]string{"", "HANGUP", "CHECK", "agent_status", "logged_in_agents"}).Draw(t, "stage"),
		Skip:  rapid.IntRange(0, 2).Draw(t, "skip"),
		Times: rapid.IntRange(0, 2).Draw(t, "times"),
		Delay: rapid.SampledFrom([]time.Duration{0, time.Millisecond, 400 * time.Millisecond, 1300 * time.Millisecond, 3 * time.Second}).Draw(t, "delay"),
	}
	if f.Name == "proxy-gives-up" && f.Delay < time.Second {
		f.Delay = time.Second // no proxy has a shorter timeout
	}
	return f
}

// floors are how often each outcome must occur in 3000 schedules, a third of the usual: an invariant on an outcome that
// never occurs would check nothing.
var floors = map[vicicall.Outcome]int{
	vicicall.HungUp: 430, vicicall.Unavailable: 300, vicicall.NoActiveCall: 180, vicicall.Unknown: 100, vicicall.Accepted: 90,
	vicicall.CredentialsRejected: 40, vicicall.AgentNotLoggedIn: 25, vicicall.StillListed: 33, vicicall.NoLongerListed: 27,
	vicicall.UnexpectedReply: 23, vicicall.OtherCall: 1, vicicall.Misconfigured: 1,
}

func TestOutcomesAreTrueUnderRandomSchedules(t *testing.T) {
	t.Parallel()
	var (
		mu        sync.Mutex
		schedules int
		seen      = map[vicicall.Outcome]int{}
	)
	play := func(t *rapid.T) {
		s := drawSchedule(t)
		rapid.SyncTest(t, func(t *rapid.T) {
			violations, outcomes := s.run()
			for _, violation := range violations {
				t.Error(violation)
			}
			mu.Lock()
			defer mu.Unlock()
			schedules++
			for _, o := range outcomes {
				seen[o]++
			}
		})
	}
	t.Run("schedules", func(t *testing.T) {
		for i := range 30 { // of 100 schedules each
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, play)
			})
		}
	})
	t.Logf("%d schedules: %v", schedules, seen)
	for outcome, floor := range floors {
		if schedules >= 3000 && seen[outcome]*3000 < floor*schedules {
			t.Errorf("%s occurred %d times in %d schedules, want at least %d in 3000", outcome, seen[outcome], schedules, floor)
		}
	}
}

// A playback is a schedule while it runs.
type playback struct {
	schedule
	began time.Time
	srv   *vicitest.Server
	calls []vicicall.Call // live at the beginning, of agents 1028 and 1029; agent 1030 has none

	mu         sync.Mutex
	found      map[int]string       // call ids, by delivery
	waiting    []event              // that come before a request
	delisted   map[string]time.Time // when a call left the list, by its id
	outcomes   []vicicall.Outcome
	violations []string
}

// run runs the schedule and returns the violations of invariants, and the outcomes.
func (s schedule) run() (violations []string, outcomes []vicicall.Outcome) {
	p := &playback{schedule: s, began: time.Now(), srv: vicitest.New(vicitest.Config{}), delisted: map[string]time.Time{}, found: map[int]string{}}
	defer time.Sleep(time.Hour) // requests whose client is gone end, too
	defer p.srv.Close()
	ctx, over := context.WithCancel(context.Background())
	defer over()
	p.srv.AddRemoteAgent(1028, 3)
	for _, agent := range p.srv.Agents()[:2] {
		call := vicicall.Call{ID: p.srv.NextCallID('Y'), AgentUser: agent.User}
		p.srv.AddCall(vicitest.Call{ID: call.ID, Agent: agent.User})
		p.calls = append(p.calls, call)
		go p.watch(ctx, call.ID)
	}
	if err := p.srv.Inject(s.Faults...); err != nil {
		return []string{err.Error()}, nil
	}
	first := p.instance()
	defer first.Close()
	var all sync.WaitGroup
	for _, h := range s.Events {
		if h.Before != "" {
			p.waiting = append(p.waiting, h)
			continue
		}
		all.Go(func() { time.Sleep(h.At); events[h.What](p.srv, p.calls[0].ID) })
	}
	for i, d := range s.Deliveries {
		client := first
		if d.OwnInstance {
			client = p.instance()
			defer client.Close()
		}
		all.Go(func() { time.Sleep(d.At); p.deliver(client, i) })
	}
	all.Wait()
	p.judgeOthers()
	return p.violations, p.outcomes
}

// ServeHTTP is VICIdial, and what happens before a request of some kind.
func (p *playback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	kind := form.Get("stage")
	if kind == "tab" {
		kind = form.Get("function")
	}
	for _, what := range p.before(kind) {
		events[what](p.srv, p.calls[0].ID)
	}
	p.srv.Handler().ServeHTTP(w, r)
}

// before takes the events before the first request of a kind.
func (p *playback) before(kind string) (what []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(h event) bool {
		if h.Before == kind {
			what = append(what, h.What)
		}
		return h.Before == kind
	})
	return what
}

// watch records when a call leaves the list.
func (p *playback) watch(ctx context.Context, callID string) {
	if p.srv.Await(ctx, func() bool { return !p.srv.Listed(callID) }) == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.delisted[callID] = time.Now()
	}
}

// instance is the client of one instance of a function.
func (p *playback) instance() *vicicall.Client {
	c := &cluster{vicidial: p, reaches: map[string][]reach{}}
	for i, reaches := range p.Servers {
		c.reaches[clusterNames[i]] = reaches
	}
	return vicicall.NewOn(vicicall.Config{Budget: p.Budget, SkipRecheck: p.Believe}, c.dial)
}

func (p *playback) deliver(client *vicicall.Client, i int) {
	call := p.call(i)
	call.Source = sourceOf(i)
	cred := on(slices.Clone(clusterNames[:len(p.Servers)])...)
	cred.Pass = vicitest.DefaultPass
	if p.Lookup {
		cred.Lookup = &vicicall.Account{User: vicitest.DefaultLookupUser, Pass: vicitest.DefaultLookupPass}
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), p.Budget)
	defer cancel()
	result := p.end(ctx, client, cred, call, i)
	took := time.Since(start)
	state, _ := p.srv.Call(p.target(i))
	p.judge(i, result, took, state)
}

// end finds the call if it is not named, and hangs it up.
func (p *playback) end(ctx context.Context, client *vicicall.Client, cred vicicall.Credentials, call vicicall.Call, delivery int) vicicall.Result {
	if names := p.names(delivery); names != theCallID {
		query := vicicall.Query{AgentUser: call.AgentUser, LeadID: call.ID[10:], Source: call.Source}
		if names == leadAlone {
			query.AgentUser = ""
		}
		found, err := client.Find(ctx, cred, query)
		if failed, ok := errors.AsType[*vicicall.Error](err); ok {
			return vicicall.Result{Outcome: failed.Outcome, Message: failed.Message}
		}
		call.ID, call.AgentUser = found.CallID, found.User
		p.mu.Lock()
		p.found[delivery] = call.ID
		p.mu.Unlock()
	}
	result, _ := client.Hangup(ctx, cred, call)
	return result
}

// names is what a delivery names; without an account for lookups it is the call id.
func (p *playback) names(delivery int) string {
	if !p.Lookup {
		return theCallID
	}
	return p.Deliveries[delivery].Names
}

// target is the call that a delivery tries to end: the one that it found, or the one that it means.
func (p *playback) target(delivery int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.found[delivery], p.call(delivery).ID)
}

// call is the one that a delivery means.
func (p *playback) call(delivery int) vicicall.Call {
	if p.Deliveries[delivery].OtherCall {
		return p.calls[1]
	}
	return p.calls[0]
}

func sourceOf(delivery int) string { return fmt.Sprintf("vh%d", delivery) }

// A cluster is VICIdial's web servers as one instance reaches them: one VICIdial, for they share its database.
type cluster struct {
	vicidial http.Handler

	mu      sync.Mutex
	reaches map[string][]reach // by name
}

var clusterNames = []string{"localhost", "127.0.0.2", "127.0.0.3"}

func (c *cluster) dial(ctx context.Context, _, address string) (net.Conn, error) {
	switch c.next(address) {
	case refuses:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case blackHole:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go (&http.Server{Handler: c.vicidial, ErrorLog: log.New(io.Discard, "", 0)}).Serve(&oneConn{conn: server})
	return client, nil
}

func (c *cluster) next(address string) reach {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, _, _ := net.SplitHostPort(address)
	now := c.reaches[name][0]
	if len(c.reaches[name]) > 1 {
		c.reaches[name] = c.reaches[name][1:]
	}
	return now
}
