package main

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// newVICIdial starts a simulated VICIdial with one live call, and the environment that leads there.
func newVICIdial(t *testing.T) (srv *vicitest.Server, id string, env map[string]string) {
	t.Helper()
	srv = vicitest.NewServer(vicitest.Config{})
	t.Cleanup(srv.Close)
	srv.AddRemoteAgent(1028, 1)
	id = srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028"})
	env = map[string]string{
		"VICIDIAL_URL": srv.URL, "VICIDIAL_USER": vicitest.DefaultUser, "VICIDIAL_PASS": vicitest.DefaultPass,
	}
	return srv, id, env
}

// vicidialRuns are runs against a VICIdial that lists the call ID and has agent 1028 logged in.
var vicidialRuns = map[string]struct {
	line    string
	change  func(*testing.T, *vicitest.Server)
	status  int
	printed string
	hangups int
}{
	"a live call would be hung up":         {"check --call-id ID --agent-user 1028", nil, statusOK, "outcome   would_hang_up\n", 0},
	"an unknown call is not listed":        {"check --call-id Y0101000000000000001 --agent-user 1028", nil, statusOK, "outcome   no_active_call\n", 0},
	"an agent may not be logged in":        {"check --call-id ID --agent-user 1999", nil, statusOK, "outcome   agent_not_logged_in\n", 0},
	"without a call the account is tried":  {"check", nil, statusOK, "user, password and permission are good", 0},
	"a bad account fails, with its remedy": {"check", wrongPassword, statusFailed, "remedy    Admin → Users", 0},
	"a dead VICIdial does not answer":      {"check", fault("reset"), statusNoAnswer, "outcome   unavailable\n", 0},
	"a check prints JSON":                  {"check --json --call-id ID --agent-user 1028", nil, statusOK, `{"outcome":"would_hang_up","call_id":"ID","agent_user":"1028",`, 0},
	"a call is hung up":                    {"hangup --yes --call-id ID --agent-user 1028 --disposition SALE", nil, statusOK, "outcome   hungup\n", 1},
	"a hang-up prints JSON":                {"hangup --yes --json --call-id ID --agent-user 1028", nil, statusOK, `"attempts":1,"checks":1`, 1},
	"a SUCCESS without effect is detected": {"hangup --yes --call-id ID --agent-user 1028", fault("does-nothing"), statusFailed, "outcome   still_listed\n", 2},
	"a redirect is not followed":           {"hangup --yes --call-id ID --agent-user 1028", fault("redirect"), statusFailed, "misconfigured", 1},
	"a bad password hangs nothing up":      {"hangup --yes --call-id ID --agent-user 1028", wrongPassword, statusFailed, "credentials_rejected", 1},
}

func fault(name string) func(*testing.T, *vicitest.Server) {
	return func(t *testing.T, srv *vicitest.Server) {
		t.Helper()
		if err := srv.Inject(vicitest.Fault{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
}

func wrongPassword(_ *testing.T, srv *vicitest.Server) {
	srv.AddUser(vicitest.APIUser(vicitest.DefaultUser, "another"))
}

func TestCheckAndHangup(t *testing.T) {
	t.Parallel()
	for name, test := range vicidialRuns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, id, env := newVICIdial(t)
			if test.change != nil {
				test.change(t, srv)
			}
			r := vicihook(t, call{args: args(strings.ReplaceAll(test.line, "ID", id)), env: env})
			r.check(t, test.status, strings.ReplaceAll(test.printed, "ID", id))
			if n := srv.Count("HANGUP"); n != test.hangups {
				t.Errorf("%d hang-ups, want %d", n, test.hangups)
			}
			if ended := test.hangups > 0 && test.status == statusOK; srv.Listed(id) == ended {
				t.Errorf("the call is listed: %v", srv.Listed(id))
			}
			if strings.Contains(r.stdout+r.stderr, vicitest.DefaultPass) {
				t.Errorf("the output shows the password:\n%s%s", r.stdout, r.stderr)
			}
		})
	}
}

func TestCheckReadsTheAccount(t *testing.T) {
	t.Parallel()
	srv, _, _ := newVICIdial(t)
	account := `{"url": "` + srv.URL + `", "user": "6666", "pass": "` + vicitest.DefaultPass + `"}`
	for name, c := range map[string]call{
		"a file":         {args: args("check --account", file(t, "account.json", account))},
		"standard input": {args: args("check --account -"), stdin: account},
		"without a url":  {args: args("check --account -"), stdin: `{"user": "6666", "pass": "S3cret"}`, env: map[string]string{"VICIDIAL_URL": srv.URL}},
	} {
		t.Run(name, func(t *testing.T) { vicihook(t, c).check(t, statusOK, "agent_not_logged_in") })
	}
}

// A terminal is standard input at which somebody answers.
type terminal struct{ *strings.Reader }

func (terminal) Stat() (fs.FileInfo, error) {
	return fs.Stat(fstest.MapFS{"tty": {Mode: fs.ModeDevice | fs.ModeCharDevice}}, "tty")
}

func TestHangupAsksFirst(t *testing.T) {
	t.Parallel()
	for answer, hungUp := range map[string]bool{"y\n": true, "yes\n": true, "Y": true, "n\n": false, "\n": false, "": false, "yeah\n": false} {
		srv, id, env := newVICIdial(t)
		var stdout, stderr strings.Builder
		status := run(t.Context(), args("hangup --agent-user 1028 --disposition SALE --call-id "+id), terminal{strings.NewReader(answer)},
			&stdout, &stderr, func(name string) string { return env[name] })
		if (status == statusOK) != hungUp || srv.Listed(id) == hungUp || (srv.Count("") == 0) == hungUp {
			t.Errorf("%q: status %d, %d requests, %s%s", answer, status, srv.Count(""), stdout.String(), stderr.String())
		}
		if (status == statusUsage) != (answer == "") || answer == "" && !strings.Contains(stderr.String(), "give --yes") {
			t.Errorf("%q: status %d, %s", answer, status, stderr.String())
		}
		question := "Hang up call " + id + " of agent 1028 at " + srv.URL + ", and book SALE? [y/N] "
		if !strings.HasPrefix(stderr.String(), question) {
			t.Errorf("the question is %q", stderr.String())
		}
	}
}

func TestHangupWithoutATerminal(t *testing.T) {
	t.Parallel()
	srv, id, env := newVICIdial(t)
	r := vicihook(t, call{args: args("hangup --agent-user 1028 --call-id " + id), env: env, stdin: "y\n"})
	r.check(t, statusUsage, "give --yes")
	if n := srv.Count(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, rule := range hangup.Rules() {
		r := vicihook(t, call{args: args("outcome " + string(rule.Outcome))})
		r.check(t, statusOK, "\nmessage   "+rule.Meaning+"\n", "\nremedy    "+rule.Remedy+"\n")
		if again := strings.Contains(r.stdout, "asked for, after"); again != (rule.RetryAfter > 0) {
			t.Errorf("%s: %s", rule.Outcome, r.stdout)
		}
	}
	answer := jsonOf(t, []byte(vicihook(t, call{args: args("outcome locked_out --json")}).stdout))
	if answer["message"] != vicicall.LockedOut.Advice() || answer["status"] != 503.0 || answer["retry_after"] != 900.0 || answer["fault"] != "operator" {
		t.Errorf("got %v", answer)
	}
}
