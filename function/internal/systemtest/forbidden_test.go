//go:build unix

package systemtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// scopedSources are senders of every kind with one scope: agents 1000 to 1099, two statuses, dialled and incoming calls.
var scopedSources = map[string]struct {
	definition string
	payload    func(asked) (body, contentType string)
}{
	"plain": {
		`"scheme": "standard-webhooks", "disposition": ".disposition"`,
		asJSON(`{"call_id":%q,"agent_user":%q,"disposition":%q}`),
	},
	"nested": {
		`"scheme": "zendesk", "when": ".event == \"end\"", "call_id": ".call.id", "agent_user": ".call.agent", "disposition": ".dispo"`,
		asJSON(`{"event":"end","call":{"id":%q,"agent":%q},"dispo":%q}`),
	},
	"text": {
		`"scheme": "github", "call_id": ".text | split(\" \") | .[0]", "agent_user": ".text | split(\" \") | .[1]", "disposition": ".text | split(\" \") | .[2]"`,
		func(a asked) (string, string) {
			return fmt.Sprintf(`{"text":%q}`, strings.Join([]string{a.call, a.agent, a.disposition}, " ")), "application/json"
		},
	},
	"form": {
		`"scheme": "slack", "disposition": ".disposition"`,
		func(a asked) (string, string) {
			return url.Values{"call_id": {a.call}, "agent_user": {a.agent}, "disposition": {a.disposition}}.Encode(), formType
		},
	},
	"batch": {
		`"scheme": "standard-webhooks", "each": ".calls[]", "disposition": ".disposition"`,
		asJSON(`{"calls":[{"call_id":%q,"agent_user":%q,"disposition":%q}]}`),
	},
	"unsigned": {
		`"scheme": {"kind": "token", "header": ["X-Token"]}, "accept_unsigned": true, "disposition": ".disposition"`,
		asJSON(`{"call_id":%q,"agent_user":%q,"disposition":%q}`),
	},
	"dryrun": {
		`"scheme": "standard-webhooks", "disposition": ".disposition", "dry_run": true`,
		asJSON(`{"call_id":%q,"agent_user":%q,"disposition":%q}`),
	},
}

const scope = `"agents": "10[0-9]{2}", "dispositions": ["SALE", "NI"], "calls": "VY"`

// asked is the order of a delivery.
type asked struct{ call, agent, disposition string }

func asJSON(format string) func(asked) (string, string) {
	return func(a asked) (string, string) {
		return fmt.Sprintf(format, a.call, a.agent, a.disposition), "application/json"
	}
}

// forbiddenTries each change one part of an allowed order. Every call is live and every agent logged in.
var forbiddenTries = map[string]func(*asked){
	"another agent":                        func(a *asked) { a.agent = "2028" },
	"an agent whose name ends in one":      func(a *asked) { a.agent = "91028" },
	"an agent whose name begins with one":  func(a *asked) { a.agent = "10288" },
	"a list of agents":                     func(a *asked) { a.agent = "1028|2028" },
	"another status":                       func(a *asked) { a.disposition = "DNC" },
	"a status in small letters":            func(a *asked) { a.disposition = "sale" },
	"a longer status, which VICIdial cuts": func(a *asked) { a.disposition = "SALEXYZ" },
	"a call that an agent dialled":         func(a *asked) { a.call = "M1122131500000402028" },
	"a transferred call":                   func(a *asked) { a.call = "J1122131500000402029" },
	"a repaired transfer":                  func(a *asked) { a.call = "C1234123450000402030" },
	"a caller in a menu, by number":        func(a *asked) { a.call = "3125551212" },
	"a call id in small letters":           func(a *asked) { a.call = strings.ToLower(a.call) },
	"all three": func(a *asked) {
		*a = asked{"M1122131500000402028", "2028", "DNC"}
	},
}

func TestForbiddenCallsNeverReachVICIdial(t *testing.T) {
	t.Parallel()
	b := newScopedFixture(t)
	allowed := asked{b.call, "1028", "SALE"}
	for name, s := range scopedSources {
		for what, spoil := range forbiddenTries {
			try := allowed
			spoil(&try)
			if got := b.ask(t, name, s.payload, try); got.Outcome != "not_allowed" || got.status != http.StatusForbidden {
				t.Errorf("%s: %s: got %d %s", name, what, got.status, got.body)
			}
		}
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
	for name, s := range scopedSources {
		b.addCallFor(allowed.call)
		want := "hungup"
		if name == "dryrun" {
			want = "would_hang_up"
		}
		if got := b.ask(t, name, s.payload, allowed); got.Outcome != want {
			t.Errorf("%s may not end what it may: %s", name, got.body)
		}
		b.checkCall(t, allowed.call, want)
	}
}

// newScopedFixture has all calls and agents of the forbidden tries live.
func newScopedFixture(t *testing.T) *fixture {
	t.Helper()
	var members []string
	for name, s := range scopedSources {
		members = append(members, fmt.Sprintf(`%q: {%s, %s}`, name, s.definition, scope))
	}
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, "{"+strings.Join(members, ",")+"}")})
	for _, agent := range []string{"2028", "91028", "10288"} {
		b.VICIdial.AddAgent(vicitest.Agent{User: agent})
	}
	for _, call := range []string{"M1122131500000402028", "J1122131500000402029", "C1234123450000402030"} {
		b.VICIdial.AddCall(vicitest.Call{ID: call, Agent: "2028"})
	}
	b.VICIdial.AddCall(vicitest.Call{ID: "3125551212"})
	return b
}

func (b *fixture) ask(t *testing.T, source string, payload func(asked) (string, string), a asked) answer {
	t.Helper()
	body, contentType := payload(a)
	d := b.delivery(t, source, body)
	d.contentType = contentType
	got := b.send(t, d)
	if source == "batch" && strings.Count(got.body, `"outcome":"`+got.Outcome+`"`) != 2 {
		t.Errorf("the batch and its one item differ: %s", got.body)
	}
	return got
}
