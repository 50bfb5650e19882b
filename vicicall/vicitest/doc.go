// Package vicitest is a VICIdial in memory, for tests of its clients: a real HTTP server with the agent API of 2.14-82 and
// the lookups of the non-agent API.
//
//	srv := vicitest.NewServer(vicitest.Config{})
//	defer srv.Close()
//	srv.AddRemoteAgent(1028, 2) // lines 1028 and 1029
//	id := srv.NextCallID('Y')
//	srv.AddCall(vicitest.Call{ID: id, Agent: "1028", Phone: "3125551212"})
//	// … send a hang-up to srv.URL + "/agc/api.php" …
//	srv.Listed(id) // false
//
// The list of calls and the telephone lines are separate, as in VICIdial: agc/api.php prints SUCCESS before anything is
// done, deletes the call from vicidial_auto_calls, and leaves the line to Asterisk. So a call may be listed and gone, or
// delisted and up; see [Server.Listed] and [Server.LineUp].
//
// # What is computed
//
// agc/api.php: function=version, ra_call_control with HANGUP and with stages that it does not know, like CHECK, and the
// empty 200 of any other function. vicidial/non_agent_api.php: version, agent_status and logged_in_agents with stage=tab.
// For both: the order of checks, what is stripped from parameters, comparison without regard to case, accounts with their
// rights, lockout and IP lists, the user's language, and the refusals that echo the password. As in VICIdial, nothing
// checks whose call it is: any logged-in agent_user and any listed call id will do.
//
// # What is staged
//
// [Server.Inject] makes requests fail in one of the ways that [Faults] lists. [Observed] returns a fault for each body
// that real VICIdials of 15 versions sent, byte for byte; [Lookups] are those of the non-agent API. [Server.Hold] and
// [Server.Await] stop the server at a point without sleeping.
//
// # What is recorded
//
// [Server.Requests] returns every request without its password, and [Server.MaxConcurrentHangups] whether two hang-ups
// of one call ran at the same time. There is no reset: start a new server.
package vicitest
