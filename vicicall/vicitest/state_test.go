package vicitest_test

import (
	"slices"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

func TestVersionNeedsNoAccount(t *testing.T) {
	t.Parallel()
	c := clock{observedAt}
	srv := start(t, vicitest.Config{Now: c.now})
	got := ask(t, srv, "function=version")
	if want := "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-22 10:34:00|EPOCH: 1795343640\n"; got.body != want {
		t.Errorf("got %q, want %q", got.body, want)
	}
	if r := srv.Requests()[0]; r.Kind() != "version" || srv.LoginAttempts() != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	got := ask(t, srv, encode(usual))
	if got.kind != "text/html; charset=utf-8" || got.header.Get("Cache-Control") != "no-cache, must-revalidate" || got.header.Get("Pragma") != "no-cache" {
		t.Errorf("got %v", got.header)
	}
	inject(t, srv, vicitest.Fault{Name: "database-down"})
	got = ask(t, srv, encode(usual))
	if got.kind != "text/html; charset=UTF-8" || got.header.Get("Cache-Control") != "" {
		t.Errorf("before the script's headers: got %v", got.header)
	}
}

func TestListAndLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		happens func(*vicitest.Server)
		listed  bool
		lineUp  bool
		check   string
	}{
		"nothing":                {func(*vicitest.Server) {}, true, true, listed},
		"VICIdial delists":       {func(s *vicitest.Server) { s.Delist(callID) }, false, true, "ERROR: no active call found - " + callID},
		"the line drops":         {func(s *vicitest.Server) { s.DropLine(callID) }, true, false, listed},
		"the caller hangs up":    {func(s *vicitest.Server) { s.EndCall(callID) }, false, false, "ERROR: no active call found - " + callID},
		"the agent logs off":     {func(s *vicitest.Server) { s.LogOff("1028") }, true, true, "ERROR: agent_user is not logged in - 1028"},
		"another agent logs off": {func(s *vicitest.Server) { s.LogOff("1029") }, true, true, listed},
		"the database restarts":  {(*vicitest.Server).Restart, false, true, "ERROR: no active call found - " + callID},
		"no such call ends":      {func(s *vicitest.Server) { s.EndCall(unlisted) }, true, true, listed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, vicitest.Config{})
			tt.happens(srv)
			if srv.Listed(callID) != tt.listed || srv.LineUp(callID) != tt.lineUp {
				t.Errorf("listed %t, line up %t", srv.Listed(callID), srv.LineUp(callID))
			}
			if got := verdict(t, srv); got != tt.check {
				t.Errorf("CHECK got %q, want %q", got, tt.check)
			}
		})
	}
}

func TestEndCall(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	if a := srv.Agents()[0]; a.Status != "INCALL" || a.CallID != callID {
		t.Fatalf("got %+v", a)
	}
	srv.EndCall(callID)
	if a := srv.Agents()[0]; a.Status != "READY" || a.CallID != "" {
		t.Errorf("got %+v", a)
	}
}

func TestHangupReleasesTheAgentWhoHeldTheCall(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	srv.AddAgent(vicitest.Agent{User: "2000", Status: "PAUSED"})
	id := srv.NextCallID('V')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1029"})
	post(t, srv, form("value", id, "agent_user", "2000"))
	want := []vicitest.Agent{
		{User: "1028", RemoteUser: "1028", Status: "INCALL", CallID: callID},
		{User: "1029", RemoteUser: "1028", Status: "READY"},
		{User: "2000", Status: "PAUSED"},
	}
	if got := srv.Agents(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestHangupOfAShortID(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	srv.AddCall(vicitest.Call{ID: "12"})
	if _, body := post(t, srv, form("value", "12")); body != "SUCCESS: ra_call_control hungup - 1028|12|HANGUP\n" {
		t.Errorf("got %q", body)
	}
	if row := srv.ManagerRows()[0]; row.CallerID != "12" {
		t.Errorf("got %+v", row)
	}
}

func TestNextCallID(t *testing.T) {
	t.Parallel()
	c := clock{observedAt}
	srv := start(t, vicitest.Config{Now: c.now})
	got := srv.NextCallID('Y') + " " + srv.NextCallID('V')
	if want := "Y1221034000000402027 V1221034000000402028"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAddCallTwice(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	srv.Delist(callID)
	srv.AddCall(vicitest.Call{ID: callID, Agent: "1029", LineDown: true})
	srv.AddCall(vicitest.Call{ID: unlisted, Unlisted: true})
	want := []vicitest.CallState{{ID: callID, Agent: "1029", Listed: true}, {ID: unlisted, LineUp: true}}
	if got := srv.Calls(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAddCallNeedsALoggedInAgent(t *testing.T) {
	t.Parallel()
	srv := vicitest.New(vicitest.Config{})
	defer srv.Close()
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "agent 1028, who is not logged in") {
			t.Errorf("got %q", text)
		}
	}()
	srv.AddCall(vicitest.Call{ID: callID, Agent: "1028"})
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	srv.Configure(vicitest.Settings{APIInactive: true})
	if got := verdict(t, srv); got != "ERROR: System API NOT ACTIVE" {
		t.Errorf("got %q", got)
	}
	srv.Configure(vicitest.Settings{})
	if got := verdict(t, srv); got != listed {
		t.Errorf("got %q", got)
	}
}

func TestLeadOf(t *testing.T) {
	srv := vicitest.New(vicitest.Config{})
	defer srv.Close()
	srv.AddRemoteAgent(1028, 1)
	id := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028", Phone: "3125551212", VendorLeadCode: "T-7"})
	if got, want := srv.LeadOf(id), (vicitest.Lead{ID: strings.TrimLeft(id[10:], "0"), Phone: "3125551212", VendorLeadCode: "T-7"}); got != want {
		t.Errorf("lead %+v, want %+v", got, want)
	}
	if got := srv.LeadOf("Y0000000000000000000"); got != (vicitest.Lead{}) {
		t.Errorf("a call that was never added has the lead %+v", got)
	}
}

func TestCallStateInWords(t *testing.T) {
	t.Parallel()
	for want, state := range map[string]vicitest.CallState{
		"not listed, line down, booked SALE": {ID: "Y1", Agent: "1028", Disposition: "SALE"},
		"listed, line up":                    {ID: "Y1", Agent: "1028", Listed: true, LineUp: true},
		"not listed, line up":                {ID: "Y1", Agent: "1028", LineUp: true},
	} {
		if got := state.Words(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
