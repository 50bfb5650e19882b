package vicicall

// Advice says in a sentence what an outcome means and, where somebody can mend it, how.
// The message of a [Result] begins with it or says the same about the very reply.
func (o Outcome) Advice() string {
	switch o { // a map would be built at every start
	case HungUp:
		return "VICIdial accepted the hang-up and no longer lists the call"
	case Accepted:
		return "VICIdial accepted the hang-up; whether it still lists the call was not seen"
	case NoLongerListed:
		return "VICIdial's answer to the hang-up was lost or can't be trusted, but it no longer lists the call"
	case NoActiveCall:
		return "VICIdial does not list this call: it has ended, or never was"
	case AgentNotLoggedIn:
		return "no such agent is logged in: agent_user must be the user of the remote agent's own line (user_start, user_start + 1, …)"
	case WouldHangUp:
		return "VICIdial lists the call, and this account may hang it up; nothing was done"
	case StillListed:
		return "VICIdial still lists the call: try again. If this stays and it printed SUCCESS, it fails after that: look at the database's sql_mode (NO_ENGINE_SUBSTITUTION, not strict) and at its QueueMetrics settings"
	case Unknown:
		return "a hang-up was sent and nothing trustworthy came back: the call may be up or not, try again"
	case Unavailable:
		return "VICIdial could not be reached, or stopped before it did anything: try again"
	case LockedOut:
		return "VICIdial locked the API account after 10 wrong passwords, for 15 minutes: find who sends the wrong one, and give this API user to nothing else"
	case CredentialsRejected:
		return "VICIdial refused user or password (or the user is not active, or of level 0): correct the secret; before 2.14-72 a password can't hold . + / ="
	case APIAccessDenied:
		return "the API user lacks agent API access: set \"Agent API Access\" (vdc_agent_api_access) to 1 in its user settings"
	case IPBlocked:
		return "VICIdial refuses this caller's address: add it to the IP list in api_ip_list of the API user's group, and take it off the system's IP blacklist (Admin, IP Lists)"
	case PermissionDenied:
		return "the API user may not use this function: add \" ra_call_control \", with both spaces, to its Allowed API functions (api_allowed_functions), or choose ALL_FUNCTIONS"
	case APIDisabled:
		return "the agent API is off: set \"Agent API Active\" (vdc_agent_api_active) to 1 in VICIdial's system settings"
	case NoActiveServer:
		return "VICIdial has no active Asterisk server (or is at another of its limits), so it refuses every login; the password is not wrong: look at Admin, Servers"
	case TLSUntrusted:
		return "VICIdial's certificate is not trusted: give its CA as ca, or its public key as tls_pin"
	case RequestRejected:
		return "VICIdial did not accept the request's fields: something between here and VICIdial changes them, or this is no stock api.php"
	case UnexpectedReply:
		return "this is no answer of VICIdial's agent API: look at url, and at what stands before VICIdial"
	case Misconfigured:
		return "url, user, pass, ca or tls_pin can't be used"
	case InvalidRequest:
		return "VICIdial would strip, cut or misread a field of this call: nothing was sent"
	case Ambiguous:
		return "VICIdial's words can't be trusted: only a CHECK tells whether the call is still listed"
	}
	return "an outcome of another program"
}

// What a reply says beyond its outcome.
const (
	adviceTranslated    = "VICIdial answered in another language than English and did nothing: set the API user's language to \"default English\""
	adviceOtherCall     = "VICIdial answered about another call than the one that was asked for: something between here and VICIdial changes or repeats requests"
	adviceOtherAgent    = "VICIdial answered about another agent than the one that was asked for: before 2.14-75 it strips - and _ from agent_user"
	adviceBrokenRefusal = "VICIdial printed a refusal among failures of its database: it can't be trusted"
	adviceTransfer      = "VICIdial answered a hang-up with a transfer: something between here and VICIdial changes requests"
	adviceEmpty         = "VICIdial answered nothing, as it does to a function that it does not know: it is older than 2.2.0-12, or its api.php is not the agent's (agc/api.php)"
	adviceNotFound      = "there is no agc/api.php at this address: look at url"
	adviceForbidden     = "the web server or a firewall before VICIdial refuses this caller"
	adviceRedirect      = "the web server redirects, and a redirect is never followed with a password: give the address that it redirects to as url"
	adviceTLSNotSpoken  = "the address speaks no TLS on this port: look at the scheme and port of url"
)
