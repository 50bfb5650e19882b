package vicitest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

const callID = "Y1221052110000402027"

// form is a HANGUP of the call by the default account.
func form(changes ...string) url.Values {
	v := url.Values{
		"source": {"test"}, "user": {vicitest.DefaultUser}, "pass": {vicitest.DefaultPass}, "function": {"ra_call_control"},
		"agent_user": {"1028"}, "value": {callID}, "stage": {"HANGUP"}, "status": {"A"},
	}
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return v
}

// post sends a form and returns status and body.
func post(t *testing.T, srv *vicitest.Server, v url.Values) (int, string) {
	t.Helper()
	resp, err := http.PostForm(srv.URL+"/agc/api.php", v)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// start returns a server with agent 1028 in the call.
func start(t *testing.T, cfg vicitest.Config) *vicitest.Server {
	t.Helper()
	srv := vicitest.NewServer(cfg)
	t.Cleanup(srv.Close)
	srv.AddRemoteAgent(1028, 2)
	srv.AddCall(vicitest.Call{ID: callID, Agent: "1028"})
	return srv
}

func TestHangup(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	status, body := post(t, srv, form())
	if want := "SUCCESS: ra_call_control hungup - 1028|" + callID + "|HANGUP\n"; status != 200 || body != want {
		t.Errorf("got %d %q, want 200 %q", status, body, want)
	}
	state, _ := srv.Call(callID)
	if want := (vicitest.CallState{ID: callID, Agent: "1028", Disposition: "A"}); state != want {
		t.Errorf("got %+v, want %+v", state, want)
	}
	if agent := srv.Agents()[0]; agent.Status != "READY" || agent.CallID != "" {
		t.Errorf("agent not released: %+v", agent)
	}
	if _, body := post(t, srv, form()); !strings.HasPrefix(body, "ERROR: no active call found - ") {
		t.Errorf("a second hang-up got %q", body)
	}
}

func TestHangupThatDoesNothing(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	if err := srv.Inject(vicitest.Fault{Name: "does-nothing"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, body := post(t, srv, form()); !strings.HasPrefix(body, "SUCCESS: ra_call_control hungup - ") {
			t.Errorf("got %q", body)
		}
	}
	if _, body := post(t, srv, form("stage", "CHECK")); body != "ERROR: stage is not valid - CHECK\n" {
		t.Errorf("CHECK got %q", body)
	}
	if !srv.Listed(callID) || !srv.LineUp(callID) {
		t.Error("something was done")
	}
}
