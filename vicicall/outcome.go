package vicicall

// Outcome is what became of one request, in one word that is the same in Go, in the answer and in the log.
//
// It is an error too, a sentinel for the category of an [Error]: errors.Is(err, vicicall.LockedOut).
type Outcome string

// What became of the call. For these, [Client.Hangup] and [Client.Check] return no error.
const (
	HungUp           Outcome = "hungup"              // accepted, and a CHECK no longer finds the call listed
	Accepted         Outcome = "accepted"            // accepted, but not looked at again
	NoLongerListed   Outcome = "no_longer_listed"    // the answer was lost or is not reliable; the call is not listed any more
	NoActiveCall     Outcome = "no_active_call"      // the call was not listed
	AgentNotLoggedIn Outcome = "agent_not_logged_in" // the agent is not logged in
	OtherCall        Outcome = "other_call"          // the agent is in another call than the one meant: nothing was sent
	WouldHangUp      Outcome = "would_hang_up"       // only looked at: the call is listed
)

// VICIdial could not do it, or did not: worth another try later.
const (
	StillListed Outcome = "still_listed" // SUCCESS was printed, or no whole answer came, and the call is still listed
	Unknown     Outcome = "unknown"      // HANGUP was sent, and CHECK did not show whether the call is listed
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

// Ambiguous is a reply's class, never the outcome of a request: the reply is not reliable, so a CHECK must follow.
const Ambiguous Outcome = "ambiguous"

// Outcomes returns every outcome of a request, in the order in which documents list them.
func Outcomes() []Outcome {
	all := make([]Outcome, len(outcomes))
	for i, row := range outcomes {
		all[i] = row.outcome
	}
	return all
}

type outcomeRow struct {
	outcome Outcome
	answer  bool // shows what became of the call, so that there is no error
	advice  string
}

// outcomes lists every outcome. A new one is one row here, and one in the table of each package that answers with it.
var outcomes = []outcomeRow{
	{HungUp, true, "VICIdial accepted the hang-up and no longer lists the call"},
	{Accepted, true, "VICIdial accepted the hang-up; whether it still lists the call was not checked"},
	{NoLongerListed, true, "VICIdial's answer to the hang-up was lost or is not reliable, but it no longer lists the call"},
	{NoActiveCall, true, "VICIdial does not list this call: it has ended, or never was"},
	{AgentNotLoggedIn, true, "this agent is not logged in to VICIdial; agent_user must be the user of the remote agent's own line"},
	{OtherCall, true, "the agent is in another call than the one meant: nothing was sent"},
	{WouldHangUp, true, "VICIdial lists the call, and this account may end it; this was a dry run and nothing was done"},

	{StillListed, false, "VICIdial still lists the call: try again. If it stays so, look at the database's sql_mode and QueueMetrics settings and at PHP's error log"},
	{Unknown, false, "a hang-up was sent, but CHECK did not show whether the call is still listed: it may be up or not, try again"},
	{Unavailable, false, "VICIdial could not be reached, or stopped before it did anything: try again"},
	{LockedOut, false, "VICIdial locked the API account for 15 minutes: find who sends wrong passwords, and give this API user to nothing else"},

	{CredentialsRejected, false, "VICIdial refused user or password (or the user is not active, or of level 0): correct the secret; before 2.14-72 a password can't hold . + / ="},
	{APIAccessDenied, false, "the API user lacks agent API access: set \"Agent API Access\" (vdc_agent_api_access) to 1 in its user settings"},
	{IPBlocked, false, "VICIdial refuses this caller's address: add it to the list in api_ip_list of the API user's group, and take it off the IP blacklist"},
	{PermissionDenied, false, "the API user may not use this function: add \" ra_call_control \", with both spaces, to its Allowed API functions, or choose ALL_FUNCTIONS"},
	{APIDisabled, false, "the agent API is off: set \"Agent API Active\" (vdc_agent_api_active) to 1 in VICIdial's system settings"},
	{NoActiveServer, false, "VICIdial has no active Asterisk server, or is at another limit, and refuses every login; the password is not wrong: look at Admin, Servers"},
	{TLSUntrusted, false, "VICIdial's certificate is not trusted: give its CA as ca, or its public key as tls_pin"},
	{RequestRejected, false, "VICIdial did not accept a field of the request: something on the way changes it, or this is not a stock api.php"},
	{UnexpectedReply, false, "this is not a reply of VICIdial's agent API: check url, and what stands before VICIdial"},
	{Misconfigured, false, "url, user, pass, ca or tls_pin can't be used"},
	{InvalidRequest, false, "a field is missing, or VICIdial would cut or misread it: nothing was sent"},
}

// Advice returns what an outcome means and, if it can be fixed, how. The message of a [Result] begins with it, or is more
// precise.
func (o Outcome) Advice() string {
	if o == Ambiguous {
		return "VICIdial's words are not reliable: only a CHECK shows whether the call is still listed"
	}
	return o.row().advice
}

// isAnswer reports whether the outcome shows what became of the call, so that there is no error.
func (o Outcome) isAnswer() bool { return o.row().answer }

func (o Outcome) row() outcomeRow {
	for _, row := range outcomes {
		if row.outcome == o {
			return row
		}
	}
	return outcomeRow{advice: "an outcome of another program"}
}

// Error makes an Outcome a sentinel for errors.Is. It is the bare word, since fmt and slog print it too.
func (o Outcome) Error() string { return string(o) }
