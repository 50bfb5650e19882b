//go:build unix

package systemtest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// The webhooks of a day and the lines of one remote agent.
const (
	webhooksADay = 240
	linesADay    = 20
)

const dryRunSources = `{
	"crm":   {"scheme": "standard-webhooks", "disposition": ".disposition", "ref": ".ticket", "actor": ".by"},
	"tight": {"scheme": "zendesk", "when": ".event == \"end_call\"", "disposition": ".disposition", "agents": "^102[0-9]$", "dispositions": ["SALE", "NI"], "calls": "Y"},
	"bulk":  {"scheme": "standard-webhooks", "each": ".calls[]"},
	"trial": {"scheme": "github", "dry_run": true}
}`

// A dryRun is a webhook that is sent twice: in a dry run, and for real.
type dryRun struct {
	source, body string
	calls        []string // that it names
}

// An order is what a webhook asks for.
type order struct {
	Call        string `json:"call_id"`
	Agent       string `json:"agent_user"`
	Disposition string `json:"disposition,omitempty"`
	Event       string `json:"event,omitempty"`
}

// newDay adds calls to VICIdial and returns webhooks about them, good and bad, the same each time.
func newDay(t *testing.T, srv *vicitest.Server) []dryRun {
	t.Helper()
	chance := rand.New(rand.NewPCG(1, 2))
	srv.AddRemoteAgent(1020, linesADay)
	var day []dryRun
	for range webhooksADay {
		r := dryRun{source: []string{"crm", "crm", "crm", "tight", "tight", "bulk", "trial"}[chance.IntN(7)]}
		orders := make([]order, 1+map[bool]int{true: chance.IntN(4)}[r.source == "bulk"])
		for i := range orders {
			orders[i] = newOrder(srv, chance, day)
			r.calls = append(r.calls, orders[i].Call)
		}
		var payload any = orders[0]
		if r.source == "bulk" {
			payload = map[string]any{"calls": orders}
		}
		body, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		r.body = string(body)
		day = append(day, r)
	}
	return day
}

// newOrder returns an order, mostly for a live call.
func newOrder(srv *vicitest.Server, chance *rand.Rand, before []dryRun) order {
	agent := strconv.Itoa(1020 + chance.IntN(linesADay))
	o := order{Call: srv.NextCallID("YYYV"[chance.IntN(4)]), Agent: agent, Disposition: []string{"SALE", "NI", "DNC"}[chance.IntN(3)], Event: "end_call"}
	switch chance.IntN(12) {
	case 0: // it has ended by itself
		srv.AddCall(vicitest.Call{ID: o.Call, Agent: agent})
		srv.EndCall(o.Call)
	case 1: // delivered again, or by a second system
		if len(before) > 0 {
			o.Call = before[chance.IntN(len(before))].calls[0]
		}
	case 2:
		o.Agent = "1999"
		srv.AddCall(vicitest.Call{ID: o.Call, Agent: agent})
	case 3:
		o.Call = "3125551212"
	case 4:
		o.Event = "opened"
		fallthrough
	default:
		srv.AddCall(vicitest.Call{ID: o.Call, Agent: agent})
	}
	return o
}

// outcomesOf returns the outcome of each call that the webhook names, or the single outcome of all.
func outcomesOf(t *testing.T, b *fixture, w dryRun) []string {
	t.Helper()
	var answer struct {
		Outcome string
		Calls   []struct{ Outcome string }
	}
	body := b.post(t, b.delivery(t, w.source, w.body)).body
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Calls) == 0 {
		return []string{answer.Outcome}
	}
	var outcomes []string
	for _, c := range answer.Calls {
		outcomes = append(outcomes, c.Outcome)
	}
	return outcomes
}

// rows returns the content of VICIdial's tables except the API log.
func rows(srv *vicitest.Server) string {
	user, _ := srv.User(vicitest.DefaultUser)
	return fmt.Sprintf("%+v\n%+v\n%+v\n%+v", srv.Calls(), srv.Agents(), srv.ManagerRows(), user)
}

func TestDryRunPredictsTheOutcome(t *testing.T) {
	t.Parallel()
	srv := vicitest.NewServer(vicitest.Config{})
	t.Cleanup(srv.Close)
	day := newDay(t, srv)
	file := sourcesText(t, dryRunSources)
	dry := newFixture(t, stack.Config{VICIdial: srv, SourcesFile: file, Env: map[string]string{"DRY_RUN": "true"}})
	live := newFixture(t, stack.Config{VICIdial: srv, SourcesFile: file})

	before, logged := rows(srv), srv.APILogRows()
	var foretold [][]string
	for _, w := range day {
		foretold = append(foretold, outcomesOf(t, dry, w))
	}
	if after := rows(srv); after != before || srv.Count("HANGUP") > 0 {
		t.Fatalf("the dry run changed VICIdial's tables, by %d HANGUP:\n%s\nwant\n%s", srv.Count("HANGUP"), after, before)
	}
	if asked := srv.APILogRows() - logged; asked != srv.Count("CHECK") || asked < webhooksADay/2 {
		t.Errorf("%d rows of the API log, %d CHECKs", asked, srv.Count("CHECK"))
	}
	seen, ended := map[string]int{}, map[string]bool{}
	for i, w := range day {
		came := outcomesOf(t, live, w)
		if want := expectedOutcomes(w, foretold[i], ended); !slices.Equal(came, want) {
			t.Errorf("webhook %d, %s %s: %v, foretold %v, want %v", i, w.source, w.body, came, foretold[i], want)
		}
		for _, o := range came {
			seen[o]++
		}
	}
	for call := range ended {
		if c, _ := srv.Call(call); c.Listed || c.LineUp || c.Disposition == "" {
			t.Errorf("hungup, and the call is %+v", c)
		}
	}
	for _, o := range []string{"hungup", "no_active_call", "agent_not_logged_in", "would_hang_up", "ignored", "not_allowed", "invalid_request"} {
		if seen[o] == 0 {
			t.Errorf("the day has no %s: %v", o, seen)
		}
	}
	t.Logf("outcomes of %d webhooks: %v", len(day), seen)
}

// expectedOutcomes returns the live outcomes for those of the dry run: the calls that it would hang up are hung up, once.
func expectedOutcomes(w dryRun, foretold []string, ended map[string]bool) []string {
	want := slices.Clone(foretold)
	earlier := map[string]string{} // of the same delivery: a call acts once
	for i, o := range want {
		switch {
		case o != "would_hang_up" || w.source == "trial" && !ended[w.calls[i]]:
		case earlier[w.calls[i]] != "":
			want[i] = earlier[w.calls[i]]
		case ended[w.calls[i]]:
			want[i] = "no_active_call"
		default:
			want[i], ended[w.calls[i]], earlier[w.calls[i]] = "hungup", true, "hungup"
		}
	}
	return want
}

// A dry run meets every refusal that the hang-up would meet.
var obstacles = map[string]func(*testing.T, *fixture){
	"a wrong password":       account(func(u *vicitest.User) { u.Pass = "another" }),
	"no agent API access":    account(func(u *vicitest.User) { u.AgentAPI = false }),
	"a function not allowed": account(func(u *vicitest.User) { u.AllowedFunctions = " version " }),
	"an IP list":             settings(vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.1"}}),
	"the agent API off":      settings(vicitest.Settings{APIInactive: true}),
	"no active server":       settings(vicitest.Settings{NoServers: true}),
	"a translated API user":  account(func(u *vicitest.User) { u.Words = map[string]string{"ERROR": "FALLO", "SUCCESS": "HECHO"} }),
	"an agent logged off":    func(_ *testing.T, b *fixture) { b.VICIdial.LogOff("1028") },
	"a redirect":             injectAll("redirect"),
	"a page of a stranger":   injectAll("garbage-undone"),
	"a dead database":        injectAll("database-down"),
}

// injectAll injects a fault into HANGUP and CHECK.
func injectAll(name string) func(*testing.T, *fixture) {
	return func(t *testing.T, b *fixture) {
		t.Helper()
		if err := b.VICIdial.Inject(vicitest.Fault{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDryRunReportsTheRefusal(t *testing.T) {
	t.Parallel()
	for name, stage := range obstacles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dry := newFixture(t, stack.Config{Env: map[string]string{"DRY_RUN": "true"}})
			live := newFixture(t, stack.Config{VICIdial: dry.VICIdial})
			stage(t, dry)
			foretold := dry.send(t, dry.delivery(t, "crm", payloadOf(dry.call)))
			came := live.send(t, live.delivery(t, "crm", payloadOf(live.call)))
			if foretold.Outcome != came.Outcome || foretold.status != came.status || foretold.Outcome == "would_hang_up" {
				t.Errorf("foretold %d %s, came %d %s", foretold.status, foretold.body, came.status, came.body)
			}
			if !live.VICIdial.Listed(live.call) {
				t.Error("the call was ended")
			}
		})
	}
}
