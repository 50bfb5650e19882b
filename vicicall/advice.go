package vicicall

// What a reply says beyond its outcome.
const (
	adviceTranslated    = "VICIdial answered in another language than English and did nothing: set the API user's language to \"default English\""
	adviceOtherCall     = "VICIdial answered about another call than the one that was asked for: something on the way changes or repeats requests"
	adviceOtherAgent    = "VICIdial answered about another agent than the one that was asked for: before 2.14-75 it strips - and _ from agent_user"
	adviceBrokenRefusal = "VICIdial printed a refusal among failures of its database: it is not reliable"
	adviceTransfer      = "VICIdial answered a hang-up with a transfer: something on the way changes requests"
	adviceEmpty         = "VICIdial answered nothing, as it does to an unknown function: it is older than 2.2.0-12, or this is not the agent's api.php (agc/api.php)"
	adviceNotFound      = "there is no agc/api.php at this address: check url"
	adviceForbidden     = "the web server or a firewall before VICIdial refuses this caller"
	adviceRedirect      = "the web server redirects, and a redirect is never followed with a password: give the address that it redirects to as url"
	adviceTLSNotSpoken  = "the address speaks no TLS on this port: check the scheme and port of url"
)
