package vicicall_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// Schedules of faults, drawn at random, in which time is synctest's: seconds of silence cost nothing. On a failure
// rapid prints the schedule and its seed; -rapid.checks=3400 plays 102,000 of them.

// A schedule is everything that happens to one or two deliveries.
type schedule struct {
	Budget     time.Duration
	Believe    bool      // SkipRecheck
	Servers    [][]reach // of one cluster: what becomes of each connection; the last one repeats
	Faults     []vicitest.Fault
	Happenings []happening
	Deliveries []delivery
}

// A reach is what becomes of a connection.
type reach string

const (
	connects  reach = "connects"
	refuses   reach = "refuses"
	blackHole reach = "black hole"
)

// A happening changes VICIdial at its time.
type happening struct {
	At   time.Duration
	What string // one of happenings
}

var happenings = map[string]func(srv *vicitest.Server, call string){
	"the caller hangs up":   (*vicitest.Server).EndCall,
	"the line drops":        (*vicitest.Server).DropLine,
	"the agent logs off":    func(srv *vicitest.Server, _ string) { srv.LogOff("1028") },
	"the password changes":  func(srv *vicitest.Server, _ string) { srv.AddUser(vicitest.APIUser(vicitest.DefaultUser, "another")) },
	"everything works anew": func(srv *vicitest.Server, _ string) { srv.ClearFaults() },
}

// A delivery is one webhook: at its time, on its own instance or on the first one's.
type delivery struct {
	At          time.Duration
	OtherCall   bool // than that of agent 1028
	OwnInstance bool
}

func drawSchedule(t *rapid.T) schedule {
	var (
		instants = rapid.SampledFrom([]time.Duration{0, time.Millisecond, 300 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second})
		reaches  = rapid.SliceOfN(rapid.SampledFrom([]reach{connects, connects, connects, refuses, blackHole}), 1, 3)
		what     = rapid.SampledFrom(slices.Sorted(maps.Keys(happenings)))
	)
	happening := rapid.Custom(func(t *rapid.T) happening { return happening{instants.Draw(t, "at"), what.Draw(t, "what")} })
	delivery := rapid.Custom(func(t *rapid.T) delivery {
		return delivery{instants.Draw(t, "at"), rapid.Bool().Draw(t, "other call"), rapid.Bool().Draw(t, "own instance")}
	})
	return schedule{
		Budget:     rapid.SampledFrom([]time.Duration{600 * time.Millisecond, time.Second, 2500 * time.Millisecond, 4 * time.Second, 10 * time.Second}).Draw(t, "budget"),
		Believe:    rapid.IntRange(0, 9).Draw(t, "believe") == 0,
		Servers:    rapid.SliceOfN(reaches, 1, 3).Draw(t, "servers"),
		Faults:     rapid.SliceOfN(rapid.Custom(drawFault), 0, 5).Draw(t, "faults"),
		Happenings: rapid.SliceOfN(happening, 0, 2).Draw(t, "happenings"),
		Deliveries: rapid.SliceOfN(delivery, 1, 2).Draw(t, "deliveries"),
	}
}

func drawFault(t *rapid.T) vicitest.Fault {
	f := vicitest.Fault{
		Name:  rapid.SampledFrom(vicitest.Faults()).Draw(t, "fault").Name,
		Stage: rapid.SampledFrom([]string{"", "HANGUP", "CHECK"}).Draw(t, "stage"),
		Skip:  rapid.IntRange(0, 2).Draw(t, "skip"),
		Times: rapid.IntRange(0, 2).Draw(t, "times"),
		Delay: rapid.SampledFrom([]time.Duration{0, time.Millisecond, 400 * time.Millisecond, 1300 * time.Millisecond, 3 * time.Second}).Draw(t, "delay"),
	}
	if f.Name == "proxy-gives-up" && f.Delay < time.Second {
		f.Delay = time.Second // no proxy is told to wait less
	}
	return f
}

// floors are how often an outcome comes at least in each 3000 schedules, a third of what is usual: laws on what never
// comes would hold nothing.
var floors = map[vicicall.Outcome]int{
	vicicall.HungUp: 450, vicicall.Unavailable: 300, vicicall.Accepted: 140, vicicall.NoActiveCall: 100, vicicall.CredentialsRejected: 70,
	vicicall.AgentNotLoggedIn: 60, vicicall.Unknown: 45, vicicall.StillListed: 40, vicicall.NoLongerListed: 30, vicicall.UnexpectedReply: 30,
	vicicall.Misconfigured: 1, // for one fault of many
}

func TestNoScheduleOfFaultsMakesAnOutcomeLie(t *testing.T) {
	t.Parallel()
	var (
		mu        sync.Mutex
		schedules int
		seen      = map[vicicall.Outcome]int{}
	)
	play := func(t *rapid.T) {
		s := drawSchedule(t)
		rapid.SyncTest(t, func(t *rapid.T) {
			lies, outcomes := s.run()
			for _, lie := range lies {
				t.Error(lie)
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
			t.Errorf("%s came %d times in %d schedules, want at least %d in 3000", outcome, seen[outcome], schedules, floor)
		}
	}
}

// A performance is a schedule under way.
type performance struct {
	schedule
	began time.Time
	srv   *vicitest.Server
	calls []vicicall.Call // live at the beginning, of agents 1028 and 1029

	mu       sync.Mutex
	delisted map[string]time.Time // when a call left the list, by its id
	outcomes []vicicall.Outcome
	lies     []string
}

// run plays the schedule and gives what was not as it must be, and the outcomes.
func (s schedule) run() (lies []string, outcomes []vicicall.Outcome) {
	p := &performance{schedule: s, began: time.Now(), srv: vicitest.New(vicitest.Config{}), delisted: map[string]time.Time{}}
	defer time.Sleep(time.Hour) // what was given up comes to its end
	defer p.srv.Close()
	ctx, over := context.WithCancel(context.Background())
	defer over()
	p.srv.AddRemoteAgent(1028, 2)
	for _, agent := range p.srv.Agents() {
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
	for _, h := range s.Happenings {
		all.Go(func() { time.Sleep(h.At); happenings[h.What](p.srv, p.calls[0].ID) })
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
	return p.lies, p.outcomes
}

// watch notes when a call leaves the list.
func (p *performance) watch(ctx context.Context, callID string) {
	if p.srv.Await(ctx, func() bool { return !p.srv.Listed(callID) }) == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.delisted[callID] = time.Now()
	}
}

// instance is the client of one instance of a function.
func (p *performance) instance() *vicicall.Client {
	c := &cluster{vicidial: p.srv.Handler(), reaches: map[string][]reach{}}
	for i, reaches := range p.Servers {
		c.reaches[clusterNames[i]] = reaches
	}
	return vicicall.NewOn(vicicall.Config{Budget: p.Budget, SkipRecheck: p.Believe}, c.dial)
}

func (p *performance) deliver(client *vicicall.Client, i int) {
	call := p.call(i)
	call.Source = sourceOf(i)
	cred := on(slices.Clone(clusterNames[:len(p.Servers)])...)
	cred.Pass = vicitest.DefaultPass
	start := time.Now()
	result, _ := client.Hangup(context.Background(), cred, call)
	took := time.Since(start)
	state, _ := p.srv.Call(call.ID)
	p.judge(i, result, took, state)
}

// call is the one that a delivery names.
func (p *performance) call(delivery int) vicicall.Call {
	if p.Deliveries[delivery].OtherCall {
		return p.calls[1]
	}
	return p.calls[0]
}

func sourceOf(delivery int) string { return fmt.Sprintf("vh%d", delivery) }

// Faults by what can be read of the request that they strike; "" is none.
var (
	// A HANGUP among these may answer with a clean SUCCESS.
	cleanSuccess = []string{
		"", "restart", "does-nothing", "success-then-clean", "strict-sql-clean", "sender-stopped", "slow-work", "slow-middle", "slow", "slow-headers", "slow-body",
		"closes-after", "closes-silently", "warnings", "agent-logs-off",
	}
	// A CHECK among these tells at once whether the call is listed.
	plainCheck = []string{
		"", "restart", "does-nothing", "success-then-500", "success-then-refused", "success-then-fatal", "success-then-clean", "success-then-silence", "strict-sql-500",
		"strict-sql-clean", "first-requests-collide", "sender-stopped", "slow-middle", "reset-midway", "other-agent", "other-agent-undone",
		"closes-after", "closes-silently", "warnings", "agent-logs-off",
	}
	// A CHECK among these may tell it, or tell it late.
	doubtfulCheck = []string{"slow-work", "slow", "slow-headers", "slow-body", "translated", "other-call", "other-call-undone", tableReadsEmpty}
	// These pages are none of an English VICIdial for this call.
	foreignPage = []string{"empty", "empty-undone", "garbage", "garbage-undone", "translated", "other-call", "other-call-undone"}
	// VICIdial stops before it does anything, and says so.
	stopsBefore = []string{"database-down", "database-down-500", "database-down-shown"}
)

// tableReadsEmpty is the fault in which VICIdial itself does not know that it lists the call.
const tableReadsEmpty = "calls-table-broken"

// judge holds what must be true of every delivery, whatever happened.
func (p *performance) judge(i int, result vicicall.Result, took time.Duration, state vicitest.CallState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcomes = append(p.outcomes, result.Outcome)
	must := func(ok bool, law string) {
		if !ok {
			p.lies = append(p.lies, fmt.Sprintf("delivery %d: %s: %+v after %v, and VICIdial has %+v; requests:%s", i, law, result, took, state, p.requests()))
		}
	}
	sent := p.sent(i)
	must(took <= p.Budget, "an answer comes within the budget")
	must(sent.hangups <= 2 && sent.checks <= 3, "at most 2 HANGUP and 3 CHECK are sent")
	must(sent.hangups <= result.Attempts && sent.checks <= result.Checks, "what arrived is counted")
	must(p.srv.MaxConcurrentHangups() <= p.deliveriesOf(state.ID), "no second HANGUP beside a first")
	p.judgeKnown(must, sent, result, state)
	switch result.Outcome {
	case vicicall.HungUp:
		must(!state.LineUp || p.has("strict-sql-clean", "sender-stopped", "restart", tableReadsEmpty), "hungup means that the line is down, but for what no answer shows")
		must(sent.struckBy(cleanSuccess), "hungup means that SUCCESS was read")
	case vicicall.NoLongerListed:
		must(sent.hangups == 2 || !sent.struckBy([]string{""}), "no_longer_listed means that an answer was lost or could not be trusted")
	case vicicall.NoActiveCall:
		must(sent.hangups == 1, "what a second HANGUP does not find was there")
	case vicicall.Accepted:
		must(p.Believe || sent.struckBy(cleanSuccess), "accepted means that SUCCESS was read")
	case vicicall.Unknown:
		must(result.Attempts > 0 && !sent.struckBy([]string{""}), "unknown means that a HANGUP was sent whose answer was lost or could not be trusted")
	case vicicall.AgentNotLoggedIn:
		must(p.has("agents-table-broken", "agent-logs-off") || p.loggedOff(), "an agent who is there is not said to be away")
	case vicicall.Unavailable:
		must(p.deliveriesOf(state.ID) > 1 || !p.ordered(state.ID), "unavailable means that nothing was done")
		must(sent.hangups == 0 || sent.hangups == 1 && sent.struckBy(stopsBefore), "unavailable means that VICIdial could do nothing")
	case vicicall.CredentialsRejected:
		must(p.passwordChanged(time.Now()), "a password that is right is not said to be wrong")
	case vicicall.UnexpectedReply:
		must(sent.struckBy(foreignPage), "what VICIdial answers is expected")
	case vicicall.Misconfigured:
		must(sent.struckBy([]string{"redirect"}), "a configuration that works is not said to be wrong")
	case vicicall.StillListed:
	default:
		must(false, "no other outcome fits these schedules")
	}
}

// judgeKnown holds an outcome to what the CHECKs told, neither less nor more.
func (p *performance) judgeKnown(must func(bool, string), sent sent, result vicicall.Result, state vicitest.CallState) {
	delisted, known := p.delisted[state.ID]
	switch {
	case known:
	case state.Listed:
		delisted = time.Now().Add(time.Hour)
	default:
		delisted = time.Now()
	}
	if told := sent.told; told != nil && sent.hangups == result.Attempts {
		must(!told.Time.Before(delisted) || result.Outcome == vicicall.StillListed, "a call that a CHECK still found is said to be listed")
		must(!told.Time.After(delisted) || result.Outcome == vicicall.HungUp || result.Outcome == vicicall.NoLongerListed, "a call that a CHECK did not find is said to be gone")
		must(result.Outcome != vicicall.Unknown && result.Outcome != vicicall.Accepted && result.Outcome != vicicall.UnexpectedReply, "what a CHECK told is said")
	}
	switch result.Outcome {
	case vicicall.HungUp:
		must(sent.mayHaveTold(delisted, false), "hungup means that a CHECK did not find the call")
	case vicicall.NoLongerListed:
		must(sent.hangups == 2 || sent.mayHaveTold(delisted, false), "no_longer_listed means that a request did not find the call")
	case vicicall.StillListed:
		must(sent.mayHaveTold(delisted, true), "still_listed means that a CHECK found the call")
	}
	switch result.Outcome {
	case vicicall.HungUp, vicicall.NoLongerListed, vicicall.NoActiveCall:
		must(!state.Listed || p.has(tableReadsEmpty), "a call that is listed is not said to be gone")
	}
}

// sent is what arrived of a delivery's requests.
type sent struct {
	hangups, checks int
	last            vicitest.Request   // HANGUP
	told            *vicitest.Request  // the CHECK after it that told whether the call is listed
	looks           []vicitest.Request // the CHECKs that may have told it
}

func (p *performance) sent(delivery int) (s sent) {
	for _, r := range p.srv.Requests() {
		switch {
		case r.Source != sourceOf(delivery):
		case r.Stage == "HANGUP":
			s.hangups, s.last, s.told = s.hangups+1, r, nil
		default:
			s.checks++
			plain := slices.Contains(plainCheck, r.Fault)
			if plain && !p.passwordChanged(r.Time) && !p.has("agent-logs-off") && !p.loggedOff() {
				s.told = &r
			}
			if plain || slices.Contains(doubtfulCheck, r.Fault) {
				s.looks = append(s.looks, r)
			}
		}
	}
	return s
}

// struckBy says whether a HANGUP arrived, and the last one was struck by one of these.
func (s sent) struckBy(faults []string) bool {
	return s.hangups > 0 && slices.Contains(faults, s.last.Fault)
}

// mayHaveTold says whether a CHECK may have found the call, or not have found it.
func (s sent) mayHaveTold(delisted time.Time, listed bool) bool {
	return slices.ContainsFunc(s.looks, func(r vicitest.Request) bool {
		late := slices.Contains(doubtfulCheck, r.Fault)
		if listed {
			return !r.Time.After(delisted) && r.Fault != tableReadsEmpty
		}
		return late || !r.Time.Before(delisted) && !r.Time.Before(s.last.Time)
	})
}

// passwordChanged says whether the password was another at a time, or became so at that instant.
func (p *performance) passwordChanged(at time.Time) bool {
	return slices.ContainsFunc(p.Happenings, func(h happening) bool {
		return h.What == "the password changes" && !p.began.Add(h.At).After(at)
	})
}

func (p *performance) deliveriesOf(callID string) int {
	n := 0
	for i := range p.Deliveries {
		if p.call(i).ID == callID {
			n++
		}
	}
	return n
}

// has says whether any of these faults is in the schedule.
func (p *performance) has(names ...string) bool {
	return slices.ContainsFunc(p.Faults, func(f vicitest.Fault) bool { return slices.Contains(names, f.Name) })
}

func (p *performance) loggedOff() bool { return len(p.srv.Agents()) < len(p.calls) }

// ordered says whether Asterisk was told to hang the call up.
func (p *performance) ordered(callID string) bool {
	return slices.ContainsFunc(p.srv.ManagerRows(), func(row vicitest.ManagerRow) bool { return strings.HasSuffix(row.CallerID, callID[4:]) })
}

func (p *performance) requests() string {
	var text strings.Builder
	for _, r := range p.srv.Requests() {
		fmt.Fprintf(&text, "\n\t%s %s %s %s %q", r.Time.Format("05.000"), r.Source, r.Stage, r.CallID, r.Fault)
	}
	return text.String()
}

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
