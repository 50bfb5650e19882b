package hangup

import (
	"slices"

	"vicihook/vicicall"
)

// Outcome is one word on the wire: one of package vicicall or one of those below.
type Outcome = vicicall.Outcome

// Outcomes of deliveries for which VICIdial is not asked.
const (
	Ignored      Outcome = "ignored"      // the source's `when` is false, a ping, a challenge, an empty batch
	Paused       Outcome = "paused"       // the source is off
	Unauthorized Outcome = "unauthorized" // source, signature, key or time
	NotAllowed   Outcome = "not_allowed"  // outside what the source may end
	TooLarge     Outcome = "too_large"    // above MaxBody
)

// Fault is who can fix an outcome; empty if nothing is broken.
type Fault string

const (
	SenderFault   Fault = "sender"
	OperatorFault Fault = "operator"
	VICIdialFault Fault = "vicidial"
)

// A Rule is how one outcome is answered and explained.
type Rule struct {
	Outcome    Outcome
	Status     int
	RetryAfter int // seconds; 0 = no such header, and senders do not redeliver
	Fault      Fault
	Meaning    string
	Remedy     string // how to fix it: which page of VICIdial's administration, which setting, which command
}

// Rules returns the table of all outcomes, in the order of the documents. Answers, log levels, `vicihook outcome`, the
// doctor and README.md's tables are made from it or tested against it.
//
// Zendesk redelivers only a 503 whose Retry-After is below 60 seconds; others redeliver any 5xx, hence 503 for what
// another try can fix and 502 for what an operator must. There is no 3xx and no 410: senders unsubscribe on them.
func Rules() []Rule { return slices.Clone(rules) }

// RuleOf returns the rule of an outcome; ok is false for any other word.
func RuleOf(o Outcome) (rule Rule, ok bool) {
	for _, rule := range rules {
		if rule.Outcome == o {
			return rule, true
		}
	}
	return Rule{}, false
}

var rules = []Rule{
	{vicicall.HungUp, 200, 0, "", vicicall.HungUp.Advice(),
		"Nothing. If lines stay up all the same, look at VICIdial's sql_mode and at AST_manager_send.pl on the Asterisk server."},
	{vicicall.Accepted, 200, 0, "", vicicall.Accepted.Advice(),
		"To have each hang-up checked, set RECHECK=true in the function's environment."},
	{vicicall.OtherCall, 200, 0, "", vicicall.OtherCall.Advice(),
		"Nothing if the call that was meant had ended. Otherwise compare the lead id, phone or vendor lead code that was sent with the agent's call (`vicihook calls`)."},
	{vicicall.NoLongerListed, 200, 0, "", vicicall.NoLongerListed.Advice(),
		"Nothing for one. If it happens often, something cuts or delays VICIdial's answers: `vicihook doctor` shows the times. A restart of VICIdial's database empties its list of calls while lines stay up: end those in the Real-Time report."},
	{vicicall.NoActiveCall, 200, 0, "", vicicall.NoActiveCall.Advice(),
		"Nothing if the call had ended. Otherwise compare the call id that was sent with VICIdial's variable call_id: it is no phone number, uniqueid or lead id. After a restart of its database VICIdial lists no call while lines stay up: end those in the Real-Time report."},
	{vicicall.AgentNotLoggedIn, 200, 0, "", vicicall.AgentNotLoggedIn.Advice(),
		"Send the user of the agent's own line: Admin → Remote Agents shows the first (User ID Start), which must be ACTIVE; each further line is one more."},
	{vicicall.WouldHangUp, 200, 0, "", vicicall.WouldHangUp.Advice(),
		"To end calls, remove `dry_run` from the source in sources.json, or DRY_RUN from the function's environment."},
	{Ignored, 200, 0, "", "the source's `when` does not ask for a hang-up, or this was a ping or a challenge",
		"Nothing. If the call should have ended, compare the payload with the source's `when` in sources.json."},

	{vicicall.StillListed, 503, 30, VICIdialFault, vicicall.StillListed.Advice(),
		"On VICIdial's database server set sql_mode to NO_ENGINE_SUBSTITUTION; in Admin → System Settings turn QueueMetrics Logging off, or make its database answer. The web server's PHP error log names the statement that failed."},
	{vicicall.Unknown, 503, 30, VICIdialFault, vicicall.Unknown.Advice(),
		"Nothing for one: the sender's next try shows the result. The message says whether VICIdial accepted the hang-up. If it happens often, look at the load and error log of VICIdial's web server and database, and raise REQUEST_BUDGET if the sender waits longer (`vicihook doctor` shows the times)."},
	{vicicall.Unavailable, 503, 30, VICIdialFault, "nothing was sent, VICIdial stopped before it did anything, or the secrets could not be fetched: try again",
		"Run `vicihook doctor`: it shows whether DNS, a firewall, TLS, the web server, its database or a secret is the cause."},
	{Paused, 503, 60, OperatorFault, "the source is paused: its key in the webhook secret is \"off\"",
		"Run `vicihook keys resume SOURCE`."},
	{vicicall.LockedOut, 503, 900, OperatorFault, vicicall.LockedOut.Advice(),
		"Find the program that sends a wrong password and give this user to vicihook alone. Wait 15 minutes: until then VICIdial refuses the right password too."},

	{vicicall.CredentialsRejected, 502, 0, OperatorFault, vicicall.CredentialsRejected.Advice(),
		"Admin → Users → the API user: Active Y, User Level 1 or more, Password as in VICIdial's secret. Then store the secret again: vicihook asks again at once when its version is new, else after 15 minutes."},
	{vicicall.APIAccessDenied, 502, 0, OperatorFault, vicicall.APIAccessDenied.Advice(),
		"Admin → Users → the API user: set Agent API Access to 1."},
	{vicicall.IPBlocked, 502, 0, OperatorFault, vicicall.IPBlocked.Advice(),
		"Admin → IP Lists: add the function's fixed address to the list that Admin → User Groups → the API user's group names as API IP List, and take it off the system's blacklist."},
	{vicicall.PermissionDenied, 502, 0, OperatorFault, vicicall.PermissionDenied.Advice(),
		"Admin → Users → the API user → Allowed API Functions: choose ra_call_control (the field holds it with a space on both sides) or ALL_FUNCTIONS."},
	{vicicall.APIDisabled, 502, 0, OperatorFault, vicicall.APIDisabled.Advice(),
		"Admin → System Settings: set Agent API Active to 1."},
	{vicicall.NoActiveServer, 502, 0, OperatorFault, vicicall.NoActiveServer.Advice(),
		"Admin → Servers: at least one needs Active Y and Active Asterisk Server Y. During maintenance, wait."},
	{vicicall.TLSUntrusted, 502, 0, OperatorFault, vicicall.TLSUntrusted.Advice(),
		"Run `vicihook doctor`: it says what is wrong with the certificate and prints the pin for `tls_pin` of VICIdial's secret."},
	{vicicall.RequestRejected, 502, 0, OperatorFault, vicicall.RequestRejected.Advice(),
		"Something between the function and VICIdial changes form fields: try `vicihook check` from VICIdial's own network, and keep proxies and firewalls from rewriting /agc/api.php."},
	{vicicall.UnexpectedReply, 502, 0, OperatorFault, vicicall.UnexpectedReply.Advice(),
		"Run `vicihook doctor`: it shows whether the address is wrong, a proxy answers, or the API user is translated (Admin → Users → the API user → Language: default English)."},
	{vicicall.Misconfigured, 500, 0, OperatorFault, "the function's own settings or secrets can't be used; its log names each fault",
		"Read the function's log, or run `vicihook doctor`: both name each fault of its settings and secrets, and how to fix it."},

	{Unauthorized, 401, 0, SenderFault, unauthorizedMessage,
		"The function's log says which. `vicihook explain` finds what happened to a captured request."},
	{NotAllowed, 403, 0, SenderFault, "the call, the agent or the disposition is outside what the source may end",
		"Widen `agents`, `dispositions` or `calls` of the source in sources.json, if the source should be able to do this."},
	{vicicall.InvalidRequest, 422, 0, SenderFault, "signed, but a field is missing or can't be used; the message names it",
		"The message names the field. Compare the payload with the source's expressions in sources.json."},
	{TooLarge, 413, 0, SenderFault, "the body is larger than 256 KiB",
		"Let the sender send less: the call id, the agent and the disposition are enough."},
}

// rule returns the rule of an outcome, and that of misconfigured for any other word.
func rule(o Outcome) Rule {
	if r, ok := RuleOf(o); ok {
		return r
	}
	r, _ := RuleOf(vicicall.Misconfigured)
	return r
}

// worst returns the outcome that answers a batch: any 503, then 502, 500, 422, 403, 2xx. Among equals the longest
// Retry-After wins, then the first.
func worst(outcomes []Outcome) Outcome {
	return slices.MaxFunc(outcomes, func(a, b Outcome) int {
		ra, rb := rule(a), rule(b)
		if d := severity[ra.Status] - severity[rb.Status]; d != 0 {
			return d
		}
		return ra.RetryAfter - rb.RetryAfter
	})
}

var severity = map[int]int{503: 5, 502: 4, 500: 3, 422: 2, 403: 1}
