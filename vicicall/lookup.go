package vicicall

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// An Agent is a user who is logged in to VICIdial, and the call that VICIdial shows for that user.
type Agent struct {
	User      string // for example 1028
	Status    string // READY, QUEUE, INCALL, PAUSED, CLOSER, …
	SubStatus string // DEAD (the call is not listed any more), 3-WAY, PARK, DISPO, RING, …; empty if there is none or VICIdial's answer does not show it
	CallID    string // empty when VICIdial shows no call id
	LeadID    string // without leading zeros; empty when VICIdial shows no lead
	Campaign  string

	// Phone and VendorLeadCode belong to the call's lead. They are known only if Contact is true: agent_status has them
	// after texts that may contain its separator, and logged_in_agents does not have them.
	Phone, VendorLeadCode string
	Contact               bool
}

// InCall reports whether the agent is in a call that VICIdial lists and that can be hung up.
func (a Agent) InCall() bool {
	return (a.Status == "INCALL" || a.Status == "QUEUE") && a.CallID != "" && a.SubStatus != "DEAD"
}

// String leaves out phone and vendor lead code, so that they are in no log by mistake.
func (a Agent) String() string {
	return fmt.Sprintf("vicicall.Agent{%s %s %s call %q lead %q}", a.User, a.Status, a.SubStatus, a.CallID, a.LeadID)
}

// GoString is String: %#v leaves them out too.
func (a Agent) GoString() string { return a.String() }

// LogValue is String as a [slog.Value].
func (a Agent) LogValue() slog.Value { return slog.StringValue(a.String()) }

// ParseAgentStatus reads a whole HTTP answer of non_agent_api.php to function=agent_status for an agent, stage=tab and
// no header. It does no I/O and never fails. The Reply's outcome is empty when the answer is an agent's row; else it is
// AgentNotLoggedIn, InvalidRequest (no such agent, or the account may not view it), Unavailable, LockedOut, or one that
// an operator must act on. Nothing that VICIdial echoed is kept: the password is in some refusals.
func ParseAgentStatus(status int, body []byte, agentUser string) (Agent, Reply) {
	text, r := lookupText(status, body)
	if r.Outcome != "" {
		return Agent{}, r
	}
	a, ok := parseAgentRow(text)
	if !ok {
		return Agent{}, unknownLookup(status, body)
	}
	a.User = agentUser
	return a, Reply{Line: a.Status + "|" + a.CallID + "|" + a.LeadID}
}

// ParseLoggedInAgents reads a whole HTTP answer to function=logged_in_agents as [ParseAgentStatus] does that of
// agent_status. The Reply's outcome is empty when the answer is a list, which may be empty.
func ParseLoggedInAgents(status int, body []byte) ([]Agent, Reply) {
	text, r := lookupText(status, body)
	switch {
	case r.Line == refusalMark+nobody:
		return nil, Reply{Line: r.Line}
	case r.Outcome != "":
		return nil, r
	}
	var agents []Agent
	for line := range strings.SplitSeq(text, "\n") {
		a, ok := parseListedAgent(strings.TrimSuffix(line, "\r"))
		switch {
		case ok:
			agents = append(agents, a)
		case len(agents) == 0:
			return nil, unknownLookup(status, body)
		case containsAny([]byte(line), failures): // else it belongs to a name with a line end
			return nil, newReply(Unavailable, describe(status, body))
		}
	}
	return agents, Reply{Line: "logged_in_agents"}
}

// Fields of a row. A group whose name is one digit looks like a level too.
var (
	isStatus    = madeOf(digits+capitals, 3, 10)
	isNumber    = madeOf(digits, 0, 10) // or absent
	isCampaign  = madeOf(word, 1, 20)
	isLevel     = madeOf(digits, 1, 1)
	isSubStatus = madeOf(alphanum+"-", 0, 10)
	isSession   = madeOf(alphanum, 0, 20)
)

// parseAgentRow reads status, callerid, lead_id, campaign_id, calls_today, full_name, user_group, user_level,
// pause_code, real_time_sub_status, phone_number, vendor_lead_code and, since 2.12-80, session_id. The fields before
// the full name are always in their place. A tab in a name or code moves those after it, and old versions have fewer.
func parseAgentRow(text string) (Agent, bool) {
	f := strings.Split(text, "\t")
	if len(f) < 6 {
		return Agent{}, false
	}
	a, ok := agentOf(f[0], f[1], f[2], f[3], f[4])
	if len(f) >= 12 && isLevel(f[7]) && isSubStatus(f[9]) {
		a.SubStatus = f[9]
		a.Contact = len(f) == 12 || len(f) == 13 && isSession(f[12])
	}
	if a.Contact {
		a.Phone, a.VendorLeadCode = f[10], f[11]
	}
	return a, ok
}

// parseListedAgent reads user, campaign_id, session_id, status, lead_id, callerid, calls_today, full_name, user_group,
// user_level and, with show_sub_status=YES, pause_code and sub_status.
func parseListedAgent(line string) (Agent, bool) {
	f := strings.Split(line, "\t")
	if len(f) < 8 || !isAgentUser(f[0]) {
		return Agent{}, false
	}
	a, ok := agentOf(f[3], f[5], f[4], f[1], f[6])
	a.User = f[0]
	if len(f) == 12 && isLevel(f[9]) && isSubStatus(f[11]) {
		a.SubStatus = f[11]
	}
	return a, ok
}

// agentOf reads the fields that are always in their place; ok is false if they are not those of an agent.
func agentOf(status, callID, leadID, campaign, callsToday string) (a Agent, ok bool) {
	if !isStatus(status) || !isNumber(leadID) || !isNumber(callsToday) {
		return Agent{}, false
	}
	a = Agent{Status: status, LeadID: leadNumber(leadID)}
	if isCallID(callID) { // on-hook agents show the caller's name here, and e-mails have ids of their own
		a.CallID = callID
	}
	if isCampaign(campaign) {
		a.Campaign = campaign
	}
	return a, true
}

// lookupText returns the rows of an answer, or a Reply with an outcome instead.
func lookupText(status int, body []byte) (string, Reply) {
	text := string(scan(body).text)
	refusal, refused := strings.CutPrefix(text, refusalMark)
	switch {
	case refused:
		return "", parseLookupRefusal(refusal, status, body)
	case status >= http.StatusInternalServerError, strings.HasPrefix(text, databaseDown), strings.Contains(text, uncaughtMySQL):
		return "", newReply(Unavailable, describe(status, body))
	case status != http.StatusOK || text == "":
		return "", unknownLookup(status, body)
	}
	return text, Reply{}
}

const nobody = "logged_in_agents NO LOGGED IN AGENTS"

// lookupRefusals are VICIdial's phrases between "ERROR: " and the data.
var lookupRefusals = map[string]Reply{
	nobody:                                   {Outcome: NoActiveCall, Message: NoActiveCall.Advice()},
	"agent_status AGENT NOT LOGGED IN":       {Outcome: AgentNotLoggedIn, Message: AgentNotLoggedIn.Advice()},
	"agent_status AGENT NOT FOUND":           {Outcome: InvalidRequest, Message: adviceNoSuchAgent},
	"agent_status INVALID SEARCH PARAMETERS": {Outcome: RequestRejected, Message: adviceLookupRejected},
	"Invalid Source":                         {Outcome: RequestRejected, Message: adviceLookupRejected},
	"NO FUNCTION SPECIFIED":                  {Outcome: UnexpectedReply, Message: adviceTooOld},

	"agent_status USER DOES NOT HAVE PERMISSION TO GET AGENT INFO":     {Outcome: PermissionDenied, Message: adviceMayNotSee},
	"logged_in_agents USER DOES NOT HAVE PERMISSION TO GET AGENT INFO": {Outcome: PermissionDenied, Message: adviceMayNotSee},
	"auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION":          {Outcome: PermissionDenied, Message: adviceMayNotUse},
}

// parseLookupRefusal reads the text after "ERROR: ". Of a refused login it keeps only the last field.
func parseLookupRefusal(text string, status int, body []byte) Reply {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.TrimSuffix(text, "\r")
	if _, fields, ok := strings.Cut(text, ": |"); ok {
		if r, ok := refusedLookupLogin(fields); ok {
			return r
		}
	}
	phrase, _, _ := strings.Cut(text, ": ")
	phrase, _, _ = strings.Cut(phrase, " - ")
	phrase = strings.TrimSuffix(phrase, ":")
	r, known := lookupRefusals[phrase]
	switch {
	case known:
		r.Line = refusalMark + phrase
		return r
	case containsAny(body, failures):
		return newReply(Unavailable, describe(status, body))
	}
	return unknownLookup(status, body)
}

// refusedLookupLogin reads |user|password|BAD|, |user|LOCK| and ||IPBLOCK|. No language translates the last field.
func refusedLookupLogin(fields string) (Reply, bool) {
	parts := strings.Split(strings.TrimSuffix(fields, "|"), "|")
	why := parts[len(parts)-1]
	if strings.HasPrefix(why, "ERR") {
		why = "ERR"
	}
	r, known := lookupLogins[why]
	r.Line = refusalMark + "(login refused): |…|" + why + "|"
	return r, known
}

var lookupLogins = map[string]Reply{
	"BAD":     {Outcome: CredentialsRejected, Message: adviceLookupRefused},
	"2FA":     {Outcome: CredentialsRejected, Message: adviceLookupTwoFactor},
	"LOCK":    {Outcome: LockedOut, Message: adviceLookupLocked},
	"IPBLOCK": {Outcome: IPBlocked, Message: adviceLookupBlocked},
	"ERR":     {Outcome: NoActiveServer, Message: NoActiveServer.Advice()},
}

// unknownLookup returns the Reply for an answer that is not the non-agent API's. Another web server may do better.
func unknownLookup(status int, body []byte) Reply {
	r := unexpected(status, body, scan(body))
	r.Doubtful = true
	switch r.Message {
	case adviceNotFound:
		r.Message = adviceNoNonAgentAPI
	case adviceEmpty, UnexpectedReply.Advice():
		r.Message = adviceNotNonAgentAPI
	}
	return r
}

// Messages about lookups.
const (
	adviceUnreadable      = "VICIdial's answer does not show which fields are phone and code: remove the tab from the agent's full name or the code, or send lead_id (VICIdial before 2.10 needs it)"
	adviceNoLookup        = "lookup is missing in VICIdial's secret: the account for looking calls up, {\"user\": …, \"pass\": …}"
	adviceTooYoung        = "the agent's call began too late to be the one meant: nothing was sent"
	adviceNoTime          = "VICIdial's call id does not show when the call began, so a request that comes late can't know whether it is the call meant: send call_id"
	adviceNoSuchAgent     = "VICIdial knows no such agent (each line of a remote agent needs a user of its own), or the lookup account's group may not view the agent's group"
	adviceLookupRejected  = "VICIdial did not accept a lookup's fields: something on the way changes them, or this is no stock non_agent_api.php"
	adviceMayNotSee       = "the lookup account may not look calls up: set \"View Reports\" and \"Agent API Access\" to 1 in its user settings; its level must be 7 or more"
	adviceMayNotUse       = "the lookup account may not look calls up: add \" agent_status logged_in_agents \", with the spaces at both ends, to its Allowed API functions, or choose ALL_FUNCTIONS"
	adviceTooOld          = "VICIdial before 2.6-51 can't look calls up: send call_id"
	adviceTooOldList      = "VICIdial before 2.12-80 can't list its agents: send agent_user, or call_id"
	adviceLookupRefused   = "VICIdial refused the lookup account, for looking calls up: correct lookup's user and password in the secret; a user below level 7 or not active is refused alike"
	adviceLookupTwoFactor = "VICIdial wants a second factor of the lookup account, for looking calls up: use an account without two-factor authentication"
	adviceLookupLocked    = "VICIdial locked the lookup account after failed logins, for looking calls up, for 15 minutes: a lookup by a user below level 7 counts as one"
	adviceLookupBlocked   = "VICIdial refuses this caller's address, for looking calls up: add it to the list in api_ip_list of the lookup account's group, and take it off the IP blacklist"
	adviceNoNonAgentAPI   = "there is no vicidial/non_agent_api.php at this address, for looking calls up: look at url, and at what the web server lets through"
	adviceNotNonAgentAPI  = "this is no answer of VICIdial's non-agent API, for looking calls up: look at url, and at what stands before VICIdial"
)
