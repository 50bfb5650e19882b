// Package vicitest is a VICIdial in memory: a real HTTP server with the agent API of the versions 2.14-82 and 2.4-17,
// for tests of whatever talks to one.
//
// It keeps the list of calls and the telephone lines apart, because VICIdial does: agc/api.php prints SUCCESS before
// anything is done, deletes the call from vicidial_auto_calls, and leaves the line to Asterisk. So a call may be listed
// and gone, or delisted and up; [Server.Listed] and [Server.LineUp] tell which.
//
//	srv := vicitest.NewServer(vicitest.Config{})
//	defer srv.Close()
//	srv.AddRemoteAgent(1028, 2) // lines 1028 and 1029
//	id := srv.NextCallID('Y')
//	srv.AddCall(vicitest.Call{ID: id, Agent: "1028"})
//	// … send a hang-up to srv.URL + "/agc/api.php" …
//	srv.Listed(id) // false
//
// # What is computed
//
// function=version, ra_call_control with every stage, the order of its checks, and the empty 200 of any other
// function: parameters as PHP reads them (GET beats POST one by one, only form encodings count, the last of equal keys
// wins, and since 2.14-54 a POST without value acts on the field posted last), what each version strips from them,
// comparison without regard to case, accounts with their lockout, IP lists, allowed functions and language, the
// refusals that echo the password, and the tables that keep it.
//
// Nothing here checks whose call it is: any logged-in agent_user and any listed call id will do, as in VICIdial.
//
// # What is staged
//
// [Server.Inject] makes requests go wrong in one of the ways that [Faults] lists. [Server.StageObserved] answers with
// one of the bodies that real VICIdials of 15 versions gave, byte for byte. [Server.Hold] and [Server.Await] stop the
// server at a point without anybody sleeping.
//
// # What is remembered
//
// [Server.Requests] has every request but its password, [Server.APILog] VICIdial's own log, and
// [Server.MaxConcurrentHangups] whether two hang-ups of one call ever ran side by side. A fresh server is a fresh
// VICIdial; there is no reset.
//
// The facts follow the source of agc/api.php (https://www.vicidial.org, SVN r1376 to r3939) and its answers when run.
package vicitest
