// Package vicicall ends one call of a VICIdial remote agent, at most once, and returns in one word what became of it.
//
//	client := vicicall.New(vicicall.Config{})
//	result, err := client.Hangup(ctx, credentials, vicicall.Call{ID: "Y1221052110000402027", AgentUser: "1028", Disposition: "SALE"})
//
// [Client.Hangup] ends the call, [Client.Check] checks whether Hangup would find it, and [Client.Find] finds the call id
// by agent, lead, phone or ticket. [Client.Probe] tries the account, and [Client.Version] asks without a password which
// VICIdial answers. [ParseReply], [ParseAgentStatus] and [ParseLoggedInAgents] classify one answer without a network.
// Every [Outcome] has its [Outcome.Advice]. An [Error] wraps the outcome: errors.Is(err, vicicall.LockedOut). Package
// vicitest beside this one is a VICIdial in memory to try it on.
//
// # The protocol
//
// A form is posted to /agc/api.php, VICIdial's agent API:
//
//	source      who asks, 2 to 20 letters and digits, for VICIdial's API log
//	user, pass  the API user: level 1 or more, active, with agent API access, and " ra_call_control "
//	            (both spaces) or ALL_FUNCTIONS among its allowed functions; its language "default English"
//	function    ra_call_control
//	stage       HANGUP or CHECK
//	agent_user  any agent that is logged in; the call's disposition is credited to it
//	value       the call id, vicidial_auto_calls.callerid: V (outbound), Y (inbound), J (transferred within) or
//	            M (manual) and 19 digits; the remote agent's CallerIDname, VICIdial's variable call_id
//	status      the disposition, at most 6 characters; RAXFER is VICIdial's default
//
// The answer is one line of text, always with HTTP status 200:
//
//	SUCCESS: ra_call_control hungup - <agent_user>|<value>|HANGUP
//	ERROR: no active call found - <value>
//	ERROR: agent_user is not logged in - <agent_user>
//	ERROR: stage is not valid - <stage>
//	ERROR: Invalid Username/Password: |<user>|<pass>|<login 0/1>|<API access 0/1>|BAD|…
//
// and more like these, between PHP warnings and debug output. The last one echoes the password, up to twice: this
// package keeps no body and shows only lines that it has rebuilt. VICIdial silently strips and cuts fields, so a field
// that it would change is rejected here before anything is sent.
//
// Lookups are posted to /vicidial/non_agent_api.php, function agent_status or logged_in_agents, with an account of
// their own, whose rights [Client.Find] lists. Their answers are rows of fields, separated by tabs that may also be in
// names and codes.
//
// # What SUCCESS proves
//
// Little. VICIdial prints SUCCESS before the work; seven SQL statements later it may have failed, and the answer is
// then HTTP 500 with the SUCCESS line, or 200 with more text after it, or, with output buffering off, 200 and the
// clean line alone. Nothing printed, on the other hand, means that nothing was done.
//
// So a SUCCESS is followed by stage=CHECK. No version of VICIdial knows that stage: it goes through every check of a
// HANGUP (account, permission, agent, call) and then answers "stage is not valid - CHECK", which means that the call is
// listed, with no side effect. "no active call found" means that it is not. CHECK is documented nowhere; it was
// observed to do this in VICIdial 2.4, 2.10 and 2.14, and the source of every version since 2.2.0-12 reads so.
//
// A call that is no longer listed may still be up. VICIdial hands the hang-up to Asterisk, which usually acts within a
// second, and no API shows the result. And a restart of VICIdial's database empties its list of calls: a CHECK that
// does not find the call proves nothing after one that met a dead database, and where there is an account for lookups,
// NoLongerListed needs an agent who is no longer shown in the call. VICIdial does not check whose call it is: any listed
// call goes, with any agent_user that is logged in. The agent is READY for the next call at once.
//
// # Once
//
// Two hang-ups of one call at the same time can both return SUCCESS, and the second may free the agent from his next
// call. So a second HANGUP follows only a whole answer and a CHECK that still lists the call; never when an answer is
// missing, since the first may still be at work. Nothing is replayed by the transport, and redirects are not followed.
//
// # Lockout
//
// Each wrong password counts. VICIdial locks the account for 15 minutes after 10 to 21 of them, for all its users, and
// the right password does not reset the count when it comes through this API. So CredentialsRejected and LockedOut
// latch: for 15 minutes the same [Credentials] are answered without asking, until their Version changes; and until an
// account was accepted once, one request at a time tries it.
//
// # Limits
//
// At most 2 HANGUP and 3 CHECK for one call; 256 KiB of an answer; 4 s for all of it unless the context has a deadline,
// of which 500 ms are left for CHECK. VICIdial stores its API requests with the password in clear since 2.14-54: use
// this API user for nothing else.
//
// VICIdial's own description is [AGENT_API.txt], function ra_call_control.
//
// [AGENT_API.txt]: http://vicidial.org/docs/AGENT_API.txt
package vicicall
