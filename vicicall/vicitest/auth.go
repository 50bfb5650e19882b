package vicitest

import (
	"fmt"
	"slices"
	"strings"
)

const (
	lockAfter = 10  // failed logins
	lockFor   = 900 // seconds since the last login that VICIdial noted
)

// authorize is user_authorization() for users of some level or more: GOOD, or the message of the refusal. MySQL compares
// the password without regard to case.
func (x *exchange) authorize(level int) string {
	u, now := x.user, x.s.now().Unix()
	good := u != nil && strings.EqualFold(u.Pass, x.in.pass) && u.Level >= level && u.Active &&
		(u.FailedLogins < lockAfter || u.LastLogin < now-lockFor)
	switch {
	case good && !x.addressAllowed():
		return "IPBLOCK"
	case good:
		return "GOOD"
	case x.countFailure(now):
		return "LOCK"
	default:
		return x.bad(now)
	}
}

// countFailure adds a failed login and reports whether the account is locked. A good login by the API resets nothing, so
// an account used for nothing else locks at its 21st failure.
func (x *exchange) countFailure(now int64) (locked bool) {
	u := x.user
	switch {
	case u == nil:
	case u.FailedLogins < lockAfter:
		u.FailedLogins++
	case u.LastLogin < now-lockFor:
		u.FailedLogins, u.LastLogin = 1, now
	default:
		return true
	}
	return false
}

// bad echoes the query, password and all.
func (x *exchange) bad(now int64) string {
	return fmt.Sprintf("BAD|0|api|SELECT count(*) from vicidial_users where user='%s' and pass='%s' and user_level > 0 and active='Y'"+
		" and ( (failed_login_count < %d) or (UNIX_TIMESTAMP(last_login_date) < %d) );", x.in.user, x.in.pass, lockAfter, now-lockFor)
}

// addressAllowed looks at the IP lists: exact addresses, or class C as 203.0.113.x.
func (x *exchange) addressAllowed() bool {
	set, u := x.s.settings, x.user
	if !set.IPLists {
		return true
	}
	return !onList(set.BlockedIPs, x.address()) && (u.AllowedIPs == nil || onList(u.AllowedIPs, x.address()))
}

func onList(list []string, address string) bool {
	classC := address
	if dot := strings.LastIndexByte(address, '.'); dot >= 0 {
		classC = address[:dot] + ".x"
	}
	return slices.Contains(list, address) || slices.Contains(list, classC)
}

// loginRefused is the user validation of agc/api.php; it prints why an account is refused.
func (x *exchange) loginRefused() bool {
	message := x.authorize(1)
	if message == "GOOD" && x.s.settings.NoServers {
		message = "ERRSERVERS"
	}
	good, access := message == "GOOD", x.user != nil && x.user.AgentAPI
	x.s.attempts++
	if good && access && len(x.in.user) >= 2 && len(x.in.pass) >= 2 {
		return false
	}
	if !good {
		x.s.failures++
	}
	x.refused = true
	x.fail("Invalid Username/Password", ": ", fmt.Sprintf("|%s|%s|%d|%d|%s|",
		x.in.user, x.in.pass, bit(good), bit(access), message))
	return true
}

// refusedLookup is that of non_agent_api.php. A user below level 7 fails as with a wrong password, and is counted so;
// one that is let in has no failures any more.
func (x *exchange) refusedLookup() bool {
	message, _, _ := strings.Cut(x.authorize(7), "|")
	x.s.attempts++
	if message == "GOOD" {
		x.user.FailedLogins, x.user.LastLogin = 0, x.s.now().Unix()
		return false
	}
	x.s.failures++
	x.refused = true
	switch message {
	case "LOCK":
		x.page.line = "ERROR: Too many login attempts, try again in 15 minutes: |" + x.in.user + "|LOCK|\n"
	case "IPBLOCK":
		x.page.line = "ERROR: Your IP Address is not allowed: : ||IPBLOCK|\n" // VICIdial leaves the address out
	default:
		x.page.line = "ERROR: Login incorrect, please try again: |" + x.in.user + "|" + x.in.pass + "|" + message + "|\n"
	}
	return true
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
