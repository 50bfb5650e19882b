// Package mend says of each outcome what it means and what is to be done about it: which page of VICIdial's
// administration, which setting, which command. README.md's table of mends has the same texts.
package mend

import (
	"maps"
	"slices"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// Meaning says in a sentence what an outcome means: [vicicall.Outcome.Advice], and as much for the outcomes of package
// hangup. It is empty for a word that is no outcome.
func Meaning(o hangup.Outcome) string {
	if text, own := meanings[o]; own {
		return text
	}
	if _, known := mends[o]; !known {
		return ""
	}
	return o.Advice()
}

// Of says what to do about an outcome; empty for a word that is no outcome.
func Of(o hangup.Outcome) string { return mends[o] }

// Outcomes lists the words that there are, sorted.
func Outcomes() []hangup.Outcome { return slices.Sorted(maps.Keys(mends)) }

var meanings = map[hangup.Outcome]string{
	hangup.Ignored:      "the source's `when` does not ask for a hang-up, or this was a ping or a challenge",
	hangup.Paused:       "the source is paused: its key in the webhook secret is \"off\"",
	hangup.Unauthorized: "source, signature, key or time is not accepted",
	hangup.NotAllowed:   "the call, the agent or the disposition is outside what the source may end",
	hangup.TooLarge:     "the body is larger than 256 KiB",
}

// Mends of VICIdial's refusals name page and setting as its administration does.
var mends = map[hangup.Outcome]string{
	vicicall.HungUp:           "Nothing. If lines stay up all the same, look at VICIdial's sql_mode and at AST_manager_send.pl on the Asterisk server.",
	vicicall.Accepted:         "Set RECHECK=true. If it is, the message says why the second look told nothing: the agent logged off in between, or VICIdial answers too slowly for REQUEST_BUDGET (`vicihook doctor` shows the times).",
	vicicall.NoLongerListed:   "Nothing for one. If it is often so, something cuts or delays VICIdial's answers: `vicihook doctor` shows the times.",
	vicicall.NoActiveCall:     "Nothing if the call had ended. Otherwise compare the call id that was sent with VICIdial's variable call_id: it is no phone number, uniqueid or lead id.",
	vicicall.AgentNotLoggedIn: "Send the user of the agent's own line: Admin → Remote Agents shows the first (User ID Start), which must be ACTIVE; each further line is one more.",
	vicicall.WouldHangUp:      "Take `dry_run` from the source in sources.json, or DRY_RUN from the function's environment, to end calls.",
	hangup.Ignored:            "Nothing. If the call should have ended, hold the payload against the source's `when` in sources.json.",

	vicicall.StillListed: "On VICIdial's database server set sql_mode to NO_ENGINE_SUBSTITUTION; in Admin → System Settings turn QueueMetrics Logging off, or make its database answer.",
	vicicall.Unknown:     "Nothing for one. If it is often so, look at the load and error log of VICIdial's web server, and raise REQUEST_BUDGET if the sender waits longer.",
	vicicall.Unavailable: "Run `vicihook doctor`: it tells DNS, firewall, TLS, web server, database and secrets apart.",
	hangup.Paused:        "Run `vicihook keys resume SOURCE`.",
	vicicall.LockedOut:   "Find the program that sends a wrong password and give this user to vicihook alone. Wait 15 minutes: until then VICIdial refuses the right password too.",

	vicicall.CredentialsRejected: "Admin → Users → the API user: Active Y, User Level 1 or more, Password as in VICIdial's secret. Then put the secret anew: vicihook asks again at once when its version is new, else after 15 minutes.",
	vicicall.APIAccessDenied:     "Admin → Users → the API user: set Agent API Access to 1.",
	vicicall.IPBlocked:           "Admin → IP Lists: add the function's fixed address to the list that Admin → User Groups → the API user's group names as API IP List, and take it off the system's blacklist.",
	vicicall.PermissionDenied:    "Admin → Users → the API user → Allowed API Functions: choose ra_call_control (the field holds it with a space on both sides) or ALL_FUNCTIONS.",
	vicicall.APIDisabled:         "Admin → System Settings: set Agent API Active to 1.",
	vicicall.NoActiveServer:      "Admin → Servers: at least one needs Active Y and Active Asterisk Server Y. In a maintenance, wait.",
	vicicall.TLSUntrusted:        "Run `vicihook doctor`: it says what is wrong with the certificate and prints the pin for `tls_pin` of VICIdial's secret.",
	vicicall.RequestRejected:     "Something between the function and VICIdial changes form fields: try `vicihook check` from VICIdial's own network, and bar proxies and firewalls from rewriting /agc/api.php.",
	vicicall.UnexpectedReply:     "Run `vicihook doctor`: it tells a wrong address, a foreign page and a translated API user apart (Admin → Users → the API user → Language: default English).",
	vicicall.Misconfigured:       "The function's log names each fault of its settings and secrets; so does `vicihook doctor`.",

	hangup.Unauthorized:     "The function's log says which. `vicihook explain` finds what happened to a captured request.",
	hangup.NotAllowed:       "Widen `agents`, `dispositions` or `calls` of the source in sources.json, if the source should be able to do this.",
	vicicall.InvalidRequest: "The message names the field. Hold the payload against the source's expressions in sources.json.",
	hangup.TooLarge:         "Let the sender send less: the call id, the agent and the disposition are enough.",
}
