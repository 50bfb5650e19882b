package vicitest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

const (
	lockAfter = 10  // failed logins
	lockFor   = 900 // seconds since the last login that VICIdial noted
)

// matches is MySQL's comparison of the password: without regard to case, unless passwords are hashed.
func (u *User) matches(pass string, hashed bool) bool {
	if u == nil {
		return false
	}
	if hashed {
		return u.Pass == pass
	}
	return strings.EqualFold(u.Pass, pass)
}

// authorize is user_authorization() for users of some level or more: GOOD, or the message that the refusal carries.
func (c *script) authorize(level int) string {
	u, now := c.user, c.s.now().Unix()
	good := u.matches(c.in.pass, c.s.settings.HashPasswords) && u.Level >= level && u.Active &&
		(u.FailedLogins < lockAfter || u.LastLogin < now-lockFor)
	switch {
	case good && !c.addressAllowed():
		return "IPBLOCK"
	case good:
		return "GOOD"
	case c.countFailure(now):
		return "LOCK"
	default:
		return c.bad(now)
	}
}

// countFailure adds a failed login and says whether the account is locked. A good login by the API resets nothing, so
// an account used for nothing else locks at its 21st failure.
func (c *script) countFailure(now int64) (locked bool) {
	u := c.user
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
func (c *script) bad(now int64) string {
	pass := "pass='" + c.in.pass + "'"
	if c.s.settings.HashPasswords {
		pass = "pass_hash='" + hashed(c.in.pass) + "'"
	}
	return fmt.Sprintf("BAD|0|api|SELECT count(*) from vicidial_users where user='%s' and %s and user_level > 0 and active='Y'"+
		" and ( (failed_login_count < %d) or (UNIX_TIMESTAMP(last_login_date) < %d) );", c.in.user, pass, lockAfter, now-lockFor)
}

// hashed replaces bp.pl's bcrypt: 31 characters that depend on the password alone.
func hashed(pass string) string {
	sum := sha256.Sum256([]byte("vicitest" + pass))
	return base64.RawStdEncoding.EncodeToString(sum[:])[:31]
}

// addressAllowed looks at the IP lists: exact addresses, or class C as 203.0.113.x.
func (c *script) addressAllowed() bool {
	set, u := c.s.settings, c.user
	if !set.IPLists || u.IgnoreIPLists {
		return true
	}
	if onList(set.BlockedIPs, c.address) {
		return false
	}
	return u.AllowedIPs == nil || onList(u.AllowedIPs, c.address)
}

func onList(list []string, address string) bool {
	classC := address
	if dot := strings.LastIndexByte(address, '.'); dot >= 0 {
		classC = address[:dot] + ".x"
	}
	return slices.Contains(list, address) || slices.Contains(list, classC)
}

// refused is the user validation of agc/api.php; it prints why not.
func (c *script) refused() bool {
	message := c.authorize(1)
	if message == "GOOD" && c.s.settings.NoServers {
		message = "ERRSERVERS"
	}
	good, access := message == "GOOD", c.user != nil && c.user.AgentAPI
	c.s.logins.attempts++
	if good && access && len(c.in.user) >= 2 && len(c.in.pass) >= 2 {
		return false
	}
	if !good {
		c.s.logins.failures++
	}
	c.passwordStored = true
	c.fail("Invalid Username/Password", ": ", fmt.Sprintf("|%s|%s|%d|%d|%s|",
		c.in.user, c.in.pass, bit(good), bit(access), message))
	return true
}

// refusedLookup is that of non_agent_api.php. A user below level 7 fails as with a wrong password, and is counted so;
// one that is let in has no failures any more.
func (c *script) refusedLookup() bool {
	message, _, _ := strings.Cut(c.authorize(7), "|")
	c.s.logins.attempts++
	if message == "GOOD" {
		c.user.FailedLogins, c.user.LastLogin = 0, c.s.now().Unix()
		return false
	}
	c.s.logins.failures++
	c.passwordStored = true
	switch message {
	case "LOCK":
		c.page.line = "ERROR: Too many login attempts, try again in 15 minutes: |" + c.in.user + "|LOCK|\n"
	case "IPBLOCK":
		c.page.line = "ERROR: Your IP Address is not allowed: : ||IPBLOCK|\n" // VICIdial leaves the address out
	default:
		c.page.line = "ERROR: Login incorrect, please try again: |" + c.in.user + "|" + c.in.pass + "|" + message + "|\n"
	}
	return true
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
