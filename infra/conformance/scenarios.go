package main

import (
	"slices"
	"strings"
)

// A scenario is one webhook, or one command, in one condition of VICIdial.
type scenario struct {
	name      string
	condition string // see conditions; empty is a VICIdial that works
	calls     []call // live before it
	source    string // of sources.json; empty is crm
	payload   string
	command   []string // in place of a webhook: arguments of vicihook
	outcome   string
	budget    string // REQUEST_BUDGET; empty is the function's own
	realOnly  bool   // the double can't stage it
	ended     bool   // the call of the payload must be off VICIdial's list afterwards, with an order to hang up
	listed    bool   // it must still be listed
}

// looksUp reports whether a scenario needs the non-agent API.
func (s scenario) looksUp() bool {
	return s.source == "find" || s.source == "confirm" || slices.Equal(s.command, []string{"calls"})
}

const (
	sample  = "Y1261131500000402027"
	another = "Y1261131600000402028"
)

// leadOf returns the lead in a call id.
func leadOf(callID string) string { return strings.TrimLeft(callID[10:], "0") }

// sources is the sources.json of every scenario.
const sources = `{
  "crm":     {"scheme": "standard-webhooks", "disposition": ".disposition"},
  "dry":     {"scheme": "standard-webhooks", "disposition": ".disposition", "dry_run": true},
  "find":    {"scheme": "standard-webhooks", "lead_id": ".lead", "phone": ".phone", "vendor_lead_code": ".code", "disposition": ".disposition"},
  "confirm": {"scheme": "standard-webhooks", "disposition": ".disposition", "confirm": true}
}`

const (
	named   = `{"call_id":"` + sample + `","agent_user":"1028","disposition":"SALE"}`
	byPhone = `{"agent_user":"1028","phone":"312-555-1212","disposition":"SALE"}`
)

var (
	first  = call{sample, "1028", "402027", "3125551212", "TICKET77"}
	second = call{another, "1029", "402028", "3125551213", "TICKET78"}
)

var scenarios = []scenario{
	{name: "a live call", calls: []call{first, second}, payload: named, outcome: "hungup", ended: true},
	{name: "a dry run", source: "dry", calls: []call{first}, payload: named, outcome: "would_hang_up", listed: true},
	{name: "a call that has ended", condition: "call ended", calls: []call{first}, payload: named, outcome: "no_active_call"},
	{name: "an agent who is not logged in", condition: "agent logged off", calls: []call{first}, payload: named, outcome: "agent_not_logged_in"},
	{name: "a wrong password", condition: "wrong password", calls: []call{first}, payload: named, outcome: "credentials_rejected", listed: true},
	{name: "an inactive account", condition: "inactive account", calls: []call{first}, payload: named, outcome: "credentials_rejected", listed: true},
	{name: "an account of level 0", condition: "account of level 0", calls: []call{first}, payload: named, outcome: "credentials_rejected", listed: true},
	{name: "an account without API access", condition: "no agent API access", calls: []call{first}, payload: named, outcome: "api_access_denied", listed: true},
	{name: "a function that is not allowed", condition: "function not allowed", calls: []call{first}, payload: named, outcome: "permission_denied", listed: true},
	{name: "an agent API that is off", condition: "agent API off", calls: []call{first}, payload: named, outcome: "api_disabled", listed: true},
	{name: "a locked account", condition: "account locked", calls: []call{first}, payload: named, outcome: "locked_out", listed: true},
	{name: "an address outside the IP list", condition: "address not in the IP list", calls: []call{first}, payload: named, outcome: "ip_blocked", listed: true},
	{name: "no active server", condition: "no active server", calls: []call{first}, payload: named, outcome: "no_active_server", listed: true},
	{name: "strict SQL", condition: "strict SQL", calls: []call{first}, payload: named, outcome: "still_listed", listed: true},
	{name: "QueueMetrics' database down", condition: "QueueMetrics down", calls: []call{first}, payload: named, outcome: "still_listed", listed: true},
	{name: "a broken table", condition: "manager table missing", calls: []call{first}, payload: named, outcome: "still_listed", listed: true},
	{name: "PHP's warnings shown", condition: "errors shown", calls: []call{first}, payload: named, outcome: "hungup", ended: true},
	{name: "an account in another language", condition: "account in another language", calls: []call{first}, payload: named, outcome: "unexpected_reply", listed: true},
	{name: "the database down", condition: "database down", calls: []call{first}, payload: named, outcome: "unavailable"},
	{name: "the database frozen", condition: "database frozen", calls: []call{first}, payload: named, outcome: "unknown", budget: "2s"},

	{name: "found by agent and phone", source: "find", calls: []call{first, second}, payload: byPhone, outcome: "hungup", ended: true},
	{name: "found by agent and lead", source: "find", calls: []call{first, second}, payload: `{"agent_user":"1028","lead":402027,"disposition":"SALE"}`, outcome: "hungup", ended: true},
	{name: "found by agent and ticket", source: "find", calls: []call{first, second}, payload: `{"agent_user":"1028","code":"TICKET77","disposition":"SALE"}`, outcome: "hungup", ended: true},
	{name: "found by lead alone", source: "find", calls: []call{first, second}, payload: `{"lead":"402027","disposition":"SALE"}`, outcome: "hungup", ended: true},
	{name: "found by phone alone", source: "find", calls: []call{first, second}, payload: `{"phone":"+1 (312) 555-1212","disposition":"SALE"}`, outcome: "hungup", ended: true},
	{name: "found by ticket alone", source: "find", calls: []call{first, second}, payload: `{"code":"TICKET77","disposition":"SALE"}`, outcome: "hungup", ended: true},
	{name: "another phone", source: "find", calls: []call{first, second}, payload: `{"agent_user":"1028","phone":"3125559999","disposition":"SALE"}`, outcome: "other_call", listed: true},
	{name: "an agent alone", source: "find", calls: []call{first}, payload: `{"agent_user":"1028","disposition":"SALE"}`, outcome: "invalid_request", listed: true},
	{name: "an agent without a call", source: "find", payload: byPhone, outcome: "no_active_call"},
	{name: "a call that is dead in the list", source: "find", condition: "call dead in the list", calls: []call{first}, payload: byPhone, outcome: "no_active_call"},
	{name: "a phone that nobody talks to", source: "find", calls: []call{second}, payload: `{"phone":"3125551212","disposition":"SALE"}`, outcome: "no_active_call"},
	{name: "two calls of one phone", source: "find", calls: []call{first, {another, "1029", "402028", "3125551212", "TICKET78"}}, payload: `{"phone":"3125551212","disposition":"SALE"}`, outcome: "invalid_request", listed: true},
	{name: "an agent of no account", source: "find", condition: "line without a user", calls: []call{first}, payload: byPhone, outcome: "invalid_request", listed: true},
	{name: "an agent who logged off", source: "find", condition: "agent logged off", calls: []call{first}, payload: byPhone, outcome: "agent_not_logged_in"},
	{name: "confirmed", source: "confirm", calls: []call{first}, payload: named, outcome: "hungup", ended: true},
	{name: "not confirmed", source: "confirm", calls: []call{first, second}, payload: `{"call_id":"` + sample + `","agent_user":"1029","disposition":"SALE"}`, outcome: "other_call", listed: true},
	{name: "a lookup account of level 6", source: "find", condition: "lookup of level 6", calls: []call{first}, payload: byPhone, outcome: "credentials_rejected", listed: true},
	{name: "a lookup account without reports", source: "find", condition: "lookup without reports", calls: []call{first}, payload: byPhone, outcome: "permission_denied", listed: true},
	{name: "a lookup account without API access", source: "find", condition: "lookup without API access", calls: []call{first}, payload: byPhone, outcome: "permission_denied", listed: true},
	{name: "a lookup function that is not allowed", source: "find", condition: "lookup without function", calls: []call{first}, payload: byPhone, outcome: "permission_denied", listed: true},
	{name: "a lookup group that may not view", source: "find", condition: "lookup group can't view", calls: []call{first}, payload: byPhone, outcome: "invalid_request", listed: true},
	{name: "a wrong lookup password", source: "find", condition: "lookup password wrong", calls: []call{first}, payload: byPhone, outcome: "credentials_rejected", listed: true},
	{name: "a restarted database, call named", condition: "database restarted", calls: []call{first}, payload: named, outcome: "no_active_call"},

	{name: "the database killed amid a HANGUP", condition: "database killed amid a HANGUP", calls: []call{first}, payload: named, outcome: "unknown", realOnly: true},

	{name: "vicihook check", calls: []call{first}, command: []string{"check", "--call-id", sample, "--agent-user", "1028"}, outcome: "would_hang_up", listed: true},
	{name: "vicihook hangup", calls: []call{first}, command: []string{"hangup", "--yes", "--call-id", sample, "--agent-user", "1028"}, outcome: "hungup", ended: true},
	{name: "vicihook calls", calls: []call{first}, command: []string{"calls"}, outcome: sample, listed: true},
}
