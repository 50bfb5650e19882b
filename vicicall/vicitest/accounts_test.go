package vicitest_test

import (
	"strings"
	"testing"
	"time"

	"vicihook/vicicall/vicitest"
)

// verdict returns the message of a login refused, or the answer's line.
func verdict(t *testing.T, srv *vicitest.Server, changes ...string) string {
	t.Helper()
	_, body := post(t, srv, form(append([]string{"stage", "CHECK"}, changes...)...))
	rest, refused := strings.CutPrefix(body, "ERROR: Invalid Username/Password: |")
	if !refused {
		return strings.TrimSuffix(body, "\n")
	}
	return strings.Split(rest, "|")[4]
}

const listed = "ERROR: stage is not valid - CHECK"

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestLockoutAtThe21stFailure(t *testing.T) {
	t.Parallel()
	c := clock{observedAt}
	srv := start(t, vicitest.Config{Now: c.now})
	for n := 1; n <= 20; n++ {
		if got := verdict(t, srv, "pass", "wrong"); got != "BAD" {
			t.Fatalf("failure %d: %s", n, got)
		}
		if got := verdict(t, srv); n != 20 && got != listed {
			t.Fatalf("the right password after failure %d: %s", n, got)
		}
	}
	if got := verdict(t, srv, "pass", "wrong"); got != "LOCK" {
		t.Errorf("failure 21: %s", got)
	}
	if got := verdict(t, srv); got != "LOCK" {
		t.Errorf("the right password while locked: %s", got)
	}
	c.at = c.at.Add(15*time.Minute + time.Second)
	if got := verdict(t, srv); got != listed {
		t.Errorf("after 15 minutes: %s", got)
	}
}

func TestLockoutOfAnAccountUsedElsewhere(t *testing.T) {
	t.Parallel()
	c := clock{observedAt}
	srv := start(t, vicitest.Config{Now: c.now})
	u, _ := srv.User(vicitest.DefaultUser)
	u.LastLogin = observedAt.Unix()
	srv.AddUser(u)
	for n := 1; n <= 10; n++ {
		if got := verdict(t, srv, "pass", "wrong"); got != "BAD" {
			t.Fatalf("failure %d: %s", n, got)
		}
	}
	if got := verdict(t, srv); got != "LOCK" {
		t.Errorf("the right password after 10 failures: %s", got)
	}
	if srv.LoginAttempts() != 11 || srv.FailedLogins() != 11 {
		t.Errorf("%d attempts, %d failed, want 11 of 11", srv.LoginAttempts(), srv.FailedLogins())
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	const forbidden = "ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - " + callID + "|6666|ra_call_control|APIGRP"
	tests := map[string]struct {
		account  func(*vicitest.User)
		settings vicitest.Settings
		send     []string
		want     string
	}{
		"level 0 may not log in":       {account: func(u *vicitest.User) { u.Level = 0 }, want: "BAD"},
		"the user in another case":     {account: func(u *vicitest.User) { u.Name = "CRM" }, send: []string{"user", "crm"}, want: listed},
		"a user of one character":      {account: func(u *vicitest.User) { u.Name = "x" }, send: []string{"user", "x"}, want: "GOOD"},
		"the function between spaces":  {account: allowed(" version ra_call_control "), want: listed},
		"no space before the function": {account: allowed("ra_call_control "), want: forbidden},
		"no space after the function":  {account: allowed(" ra_call_control"), want: forbidden},
		"every function":               {account: allowed("xALL_FUNCTIONSx"), want: listed},
		"an address on the list":       {settings: vicitest.Settings{IPLists: true}, account: from("127.0.0.1"), want: listed},
		"a class C on the list":        {settings: vicitest.Settings{IPLists: true}, account: from("127.0.0.x"), want: listed},
		"an address not on the list":   {settings: vicitest.Settings{IPLists: true}, account: from("127.0.1.x"), want: "IPBLOCK"},
		"lists that are off":           {account: from("127.0.1.x"), want: listed},
		"a blocked class C":            {settings: vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.x"}}, want: "IPBLOCK"},
		"a foreign word":               {account: func(u *vicitest.User) { u.Words = map[string]string{"ERROR": "ERR\xd4R"} }, want: "ERR\xd4R: stage is not valid - CHECK"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := vicitest.APIUser(vicitest.DefaultUser, vicitest.DefaultPass)
			if tt.account != nil {
				tt.account(&u)
			}
			srv := start(t, vicitest.Config{Users: []vicitest.User{u}, Settings: tt.settings})
			if got := verdict(t, srv, tt.send...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func allowed(functions string) func(*vicitest.User) {
	return func(u *vicitest.User) { u.AllowedFunctions = functions }
}

func from(address string) func(*vicitest.User) {
	return func(u *vicitest.User) { u.AllowedIPs = []string{address} }
}
