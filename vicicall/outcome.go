package vicicall

// Outcome is the truth about one request in one word, the same in Go, in the answer and in the log.
//
// It is an error too, so that errors.Is(err, vicicall.LockedOut) asks for the category of an [Error].
type Outcome string

// What became of the call. For these, [Client.Hangup] and [Client.Check] return no error.
const (
	HungUp           Outcome = "hungup"              // accepted, and a CHECK no longer finds the call listed
	Accepted         Outcome = "accepted"            // accepted, but not looked at again
	NoLongerListed   Outcome = "no_longer_listed"    // the answer was lost or can't be trusted; the call is not listed any more
	NoActiveCall     Outcome = "no_active_call"      // the call was not listed
	AgentNotLoggedIn Outcome = "agent_not_logged_in" // no such agent is logged in
	WouldHangUp      Outcome = "would_hang_up"       // only looked at: the call is listed
)

// VICIdial could not do it, or did not: worth another try later.
const (
	StillListed Outcome = "still_listed" // SUCCESS was printed, or no whole answer came, and the call is still listed
	Unknown     Outcome = "unknown"      // HANGUP was sent, nothing trustworthy came back, and CHECK could not tell
	Unavailable Outcome = "unavailable"  // nothing was sent, or VICIdial stopped before its database
	LockedOut   Outcome = "locked_out"   // VICIdial locked the API account for 15 minutes
)

// Somebody must act before another try can succeed.
const (
	CredentialsRejected Outcome = "credentials_rejected"
	APIAccessDenied     Outcome = "api_access_denied"
	IPBlocked           Outcome = "ip_blocked"
	PermissionDenied    Outcome = "permission_denied"
	APIDisabled         Outcome = "api_disabled"
	NoActiveServer      Outcome = "no_active_server"
	TLSUntrusted        Outcome = "tls_untrusted"
	RequestRejected     Outcome = "request_rejected"
	UnexpectedReply     Outcome = "unexpected_reply"
	Misconfigured       Outcome = "misconfigured"   // credentials that VICIdial would cut or strip, no web server, or one that redirects
	InvalidRequest      Outcome = "invalid_request" // a call id, agent or disposition that VICIdial would cut or strip: nothing was sent
)

// Ambiguous is a reply's class, never the outcome of a request: VICIdial's words can't be trusted, so look again.
const Ambiguous Outcome = "ambiguous"

// Error makes an Outcome a sentinel for errors.Is. It is the bare word, since fmt and slog print it too.
func (o Outcome) Error() string { return string(o) }
