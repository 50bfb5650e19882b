package vicitest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall/vicitest"
)

const (
	hungup  = "SUCCESS: ra_call_control hungup - 1028|" + callID + "|HANGUP"
	nothing = "nothing"
)

// An effect is what a client saw of a HANGUP with a fault, and the state of the call after it.
type effect struct {
	answer         string // status and line that matters, or how the connection ended
	listed, lineUp bool
	booked         string
}

var (
	untouched = effect{listed: true, lineUp: true}
	midway    = effect{listed: true, lineUp: true, booked: "A"}
	finished  = effect{booked: "A"}
)

func (e effect) saying(answer string) effect {
	e.answer = answer
	return e
}

// effects has every fault.
var effects = map[string]effect{
	"database-down":          untouched.saying("200 MySQL connect ERROR: Connection refused"),
	"database-down-500":      untouched.saying("500 " + nothing),
	"database-down-shown":    untouched.saying("200 <b>Fatal error</b>:  Uncaught mysqli_sql_exception: Connection refused in /srv/www/htdocs/agc/dbconnect_mysqli.php:68 + Stack trace:"),
	"restart":                {answer: "200 ERROR: no active call found - " + callID, lineUp: true},
	"agents-table-broken":    untouched.saying("200 ERROR: agent_user is not logged in - 1028"),
	"calls-table-broken":     untouched.saying("200 ERROR: no active call found - " + callID),
	"does-nothing":           untouched.saying("200 " + hungup),
	"translated":             untouched.saying("200 OPERACION CORRECTA: ra_call_control hungup - 1028|" + callID + "|HANGUP"),
	"success-then-500":       midway.saying("500 " + hungup),
	"success-then-refused":   midway.saying("200 " + hungup + " + Could not connect: 127.0.0.1:33099|qmConnection refused"),
	"success-then-fatal":     midway.saying("200 " + hungup + " + <b>Fatal error</b>:  Uncaught mysqli_sql_exception: Connection refused in /srv/www/htdocs/agc/api.php:3674"),
	"success-then-clean":     midway.saying("200 " + hungup),
	"success-then-silence":   midway.saying("EOF"),
	"strict-sql-500":         midway.saying("500 " + hungup),
	"strict-sql-clean":       {answer: "200 " + hungup, lineUp: true, booked: "A"},
	"first-requests-collide": untouched.saying("500 " + hungup),
	"sender-stopped":         {answer: "200 " + hungup, lineUp: true, booked: "A"},
	"slow-work":              finished.saying("200 " + hungup),
	"slow-middle":            finished.saying("200 " + hungup),
	"slow":                   finished.saying("200 " + hungup),
	"silent":                 finished.saying("EOF"),
	"silent-undone":          untouched.saying("EOF"),
	"slow-headers":           finished.saying("200 " + hungup),
	"slow-body":              finished.saying("200 " + hungup),
	"dropped":                finished.saying("EOF"),
	"dropped-undone":         untouched.saying("EOF"),
	"reset":                  finished.saying("reset"),
	"reset-midway":           midway.saying("reset"),
	"reset-undone":           untouched.saying("reset"),
	"cut":                    finished.saying("200 SUCCESS: ra_call_control hungup - + unexpected EOF"),
	"cut-undone":             untouched.saying("200 SUCCESS: ra_call_control hungup - + unexpected EOF"),
	"closes-after":           finished.saying("200 " + hungup),
	"closes-silently":        finished.saying("200 " + hungup),
	"warnings":               finished.saying("200 " + hungup + " + <b>Warning</b>:  Undefined variable $data in <b>/srv/www/htdocs/agc/api.php</b> on line <b>3524</b><br />"),
	"other-call":             finished.saying("200 SUCCESS: ra_call_control hungup - 1028|Y1221052110000402028|HANGUP"),
	"other-call-undone":      untouched.saying("200 SUCCESS: ra_call_control hungup - 1028|Y1221052110000402028|HANGUP"),
	"other-agent":            finished.saying("200 SUCCESS: ra_call_control hungup - 10289|" + callID + "|HANGUP"),
	"other-agent-undone":     untouched.saying("200 SUCCESS: ra_call_control hungup - 10289|" + callID + "|HANGUP"),
	"endless":                finished.saying("200 " + hungup + " + more than a megabyte"),
	"huge":                   finished.saying("200 " + hungup + " + more than a megabyte"),
	"empty":                  finished.saying("200 " + nothing),
	"empty-undone":           untouched.saying("200 " + nothing),
	"garbage":                finished.saying("200 <html><head><title>It works!</title></head><body><h1>Welcome</h1></body></html>"),
	"garbage-undone":         untouched.saying("200 <html><head><title>It works!</title></head><body><h1>Welcome</h1></body></html>"),
	"proxy-502":              finished.saying("502 <html>"),
	"proxy-502-undone":       untouched.saying("502 <html>"),
	"proxy-gives-up":         finished.saying("502 <html>"),
	"busy-503":               untouched.saying("503 <html><head><title>503 Service Temporarily Unavailable</title></head><body></body></html>"),
	"redirect":               untouched.saying("301 <!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">"),
	"agent-logs-off":         finished.saying("200 " + hungup),
}

func TestEveryFaultHasItsEffect(t *testing.T) {
	t.Parallel()
	for _, info := range vicitest.Faults() {
		want, ok := effects[info.Name]
		if !ok {
			t.Errorf("no effect for fault %q", info.Name)
			continue
		}
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, vicitest.Config{})
			inject(t, srv, vicitest.Fault{Name: info.Name, Times: 1, Release: released()})
			got := hangUp(srv)
			if state, _ := srv.Call(callID); true {
				got.listed, got.lineUp, got.booked = state.Listed, state.LineUp, state.Disposition
			}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if name := srv.Requests()[0].Fault; name != info.Name {
				t.Errorf("recorded fault %q", name)
			}
			checkNextRequest(t, srv, info.Name, want)
		})
	}
	if n := len(vicitest.Faults()); n != len(effects) {
		t.Errorf("%d faults, %d effects", n, len(effects))
	}
}

// checkNextRequest checks that a fault with Times 1 is over.
func checkNextRequest(t *testing.T, srv *vicitest.Server, name string, want effect) {
	t.Helper()
	line := "ERROR: no active call found - " + callID + "\n"
	switch {
	case name == "agent-logs-off":
		line = "ERROR: agent_user is not logged in - 1028\n"
	case want.listed:
		line = "ERROR: stage is not valid - CHECK\n"
	}
	if status, body := post(t, srv, form("stage", "CHECK")); status != 200 || body != line {
		t.Errorf("the next request got %d %q, want %q", status, body, line)
	}
}

// released is a gate that is open: what waits goes on at once.
func released() <-chan struct{} {
	gate := make(chan struct{})
	close(gate)
	return gate
}

func inject(t *testing.T, srv *vicitest.Server, faults ...vicitest.Fault) {
	t.Helper()
	if err := srv.Inject(faults...); err != nil {
		t.Fatal(err)
	}
}

// hangUp sends a HANGUP and returns what a client sees of the answer.
func hangUp(srv *vicitest.Server) effect {
	client := &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	resp, err := client.PostForm(srv.URL+"/agc/api.php", form())
	if err != nil {
		return effect{answer: ending(err)}
	}
	defer resp.Body.Close()
	return effect{answer: fmt.Sprintf("%d %s", resp.StatusCode, summary(io.LimitReader(resp.Body, 1<<20)))}
}

func ending(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected EOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	default:
		return err.Error()
	}
}

// summary returns the script's line and the first remarkable one below it.
func summary(body io.Reader) string {
	size, lines := 0, bufio.NewScanner(body)
	var first, line, below string
	for lines.Scan() {
		text := lines.Text()
		size += len(text) + 1
		switch {
		case strings.TrimSpace(text) == "" || text == "<br />":
		case line != "" && (below == "" || strings.Contains(text, "Fatal error")):
			below = " + " + text
		case line == "" && strings.Contains(text, ": ") && !strings.Contains(text, "<b>Warning"):
			line = text
		case first == "":
			first = text
		}
	}
	switch {
	case lines.Err() != nil:
		below = " + " + ending(lines.Err())
	case size >= 1<<20:
		below = " + more than a megabyte"
	}
	if line == "" {
		line = first
	}
	if line == "" {
		return nothing
	}
	return line + below
}

func TestUnknownFaultListsTheKnownNames(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	err := srv.Inject(vicitest.Fault{Name: "does-nothing"}, vicitest.Fault{Name: "meteorite"})
	if !errors.Is(err, vicitest.ErrUnknownFault) {
		t.Fatalf("got %v", err)
	}
	for _, info := range vicitest.Faults() {
		if !strings.Contains(err.Error(), info.Name) {
			t.Errorf("the error does not name %q", info.Name)
		}
	}
	if post(t, srv, form()); srv.Listed(callID) {
		t.Error("the known fault was injected all the same")
	}
	if _, err := vicitest.FaultByName("meteorite"); !errors.Is(err, vicitest.ErrUnknownFault) {
		t.Errorf("FaultByName: %v", err)
	}
	if info, err := vicitest.FaultByName("slow-middle"); err != nil || info.Stage != "HANGUP" {
		t.Errorf("FaultByName: %+v, %v", info, err)
	}
}

func TestFaultAppliesOnlyToWhatItNames(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	inject(t, srv, vicitest.Fault{Name: "busy-503", Stage: "CHECK", CallID: strings.ToLower(callID), Skip: 1, Times: 2})
	other, _ := post(t, srv, form("stage", "CHECK", "value", unlisted))
	var got []int
	for range 4 {
		status, _ := post(t, srv, form("stage", "CHECK"))
		got = append(got, status)
	}
	version, _ := post(t, srv, form("function", "version"))
	if want := "200 [200 503 503 200] 200"; fmt.Sprint(other, got, version) != want {
		t.Errorf("got %d %v %d, want %s", other, got, version, want)
	}
	inject(t, srv, vicitest.Fault{Name: "busy-503"})
	if status, _ := post(t, srv, form()); status != 503 {
		t.Errorf("got %d, want 503", status)
	}
	srv.ClearFaults()
	if status, _ := post(t, srv, form()); status != 200 {
		t.Errorf("cleared, but got %d", status)
	}
}

func TestRedirectLocation(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	inject(t, srv, vicitest.Fault{Name: "redirect", Location: "http://127.0.0.2:1/elsewhere"})
	if got := ask(t, srv, encode(usual)); got.header.Get("Location") != "http://127.0.0.2:1/elsewhere" ||
		!strings.Contains(got.body, "http://127.0.0.2:1/elsewhere") {
		t.Errorf("got %+v", got)
	}
}

// startHangup sends a HANGUP in the background, and returns a channel for the body.
func startHangup(ctx context.Context, srv *vicitest.Server) <-chan string {
	answer := make(chan string, 1)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "POST", srv.URL+"/agc/api.php", strings.NewReader(encode(usual)))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			answer <- "error"
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	return answer
}

func await(t *testing.T, srv *vicitest.Server, condition func() bool) {
	t.Helper()
	if err := srv.Await(t.Context(), condition); err != nil {
		t.Fatal(err)
	}
}

func TestHoldOutlastsItsClient(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	release := srv.Hold("HANGUP")
	ctx, giveUp := context.WithCancel(t.Context())
	first := startHangup(ctx, srv)
	await(t, srv, func() bool { return srv.Count("HANGUP") == 1 })
	giveUp()
	if got := <-first; got != "error" {
		t.Fatalf("got %q", got)
	}
	if _, body := post(t, srv, form("stage", "CHECK")); body != "ERROR: stage is not valid - CHECK\n" {
		t.Errorf("CHECK while a HANGUP is held: %q", body)
	}
	second := startHangup(t.Context(), srv)
	await(t, srv, func() bool { return srv.Count("HANGUP") == 2 })
	release()
	<-second
	if srv.Listed(callID) || srv.LineUp(callID) {
		t.Error("the held work was not done")
	}
	post(t, srv, form())
	requests := srv.Requests()
	if requests[2].Fault != "slow-work" || requests[3].Fault != "" {
		t.Errorf("held %q, then %q", requests[2].Fault, requests[3].Fault)
	}
	if requests[0].Overlapped || !requests[2].Overlapped || requests[3].Overlapped || srv.MaxConcurrentHangups() != 2 {
		t.Errorf("overlap not seen: %+v, at most %d", requests, srv.MaxConcurrentHangups())
	}
}

func TestTwoHangupsAtOnce(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	gate := make(chan struct{})
	inject(t, srv, vicitest.Fault{Name: "slow-middle", Release: gate})
	first, second := startHangup(t.Context(), srv), startHangup(t.Context(), srv)
	await(t, srv, func() bool { return srv.APILogRows() == 2 }) // both have printed SUCCESS
	close(gate)
	for _, answer := range []string{<-first, <-second} {
		if answer != hungup+"\n" {
			t.Errorf("got %q", answer)
		}
	}
	if rows := srv.ManagerRows(); len(rows) != 2 {
		t.Errorf("%d hang-ups were queued, want 2", len(rows))
	}
}

func TestLateHangupClearsTheAgentsNextCall(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	gate := make(chan struct{})
	inject(t, srv, vicitest.Fault{Name: "slow-middle", Release: gate})
	answer := startHangup(t.Context(), srv)
	await(t, srv, func() bool { return srv.APILogRows() == 1 })
	srv.EndCall(callID)
	next := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: next, Agent: "1028"})
	close(gate)
	<-answer
	if agent := srv.Agents()[0]; agent.Status != "READY" || agent.CallID != "" || !srv.Listed(next) || !srv.LineUp(next) {
		t.Errorf("got %+v, next call listed %t, up %t", agent, srv.Listed(next), srv.LineUp(next))
	}
}

func TestCloseEndsWaitingRequests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"slow-work", "slow-middle", "slow", "silent", "silent-undone", "slow-headers", "slow-body", "endless"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, vicitest.Config{})
			inject(t, srv, vicitest.Fault{Name: name})
			answer := startHangup(t.Context(), srv)
			await(t, srv, func() bool { return srv.Count("HANGUP") == 1 })
			srv.Close()
			if got := <-answer; strings.HasSuffix(got, "HANGUP\n") {
				t.Errorf("got a whole answer: %q", got)
			}
		})
	}
}

func TestFaultAfterSuccess(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	inject(t, srv, vicitest.Fault{Name: "success-then-500", Times: 2})
	if got := verdict(t, srv); got != listed {
		t.Errorf("CHECK got %q", got)
	}
	status, body := post(t, srv, form("value", unlisted))
	if want := "ERROR: no active call found - " + unlisted + "\n"; status != 200 || body != want {
		t.Errorf("got %d %q, want 200 %q", status, body, want)
	}
	status, body = post(t, srv, form())
	if status != 500 || body != hungup+"\n" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"slow-work", "slow-middle", "slow"} {
		for delay, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Hour: time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				srv := vicitest.New(vicitest.Config{})
				srv.AddRemoteAgent(1028, 1)
				srv.AddCall(vicitest.Call{ID: callID, Agent: "1028"})
				inject(t, srv, vicitest.Fault{Name: name, Delay: delay})
				begin, answer := time.Now(), httptest.NewRecorder()
				srv.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/agc/api.php?"+encode(usual), nil))
				if took := time.Since(begin); took != want || answer.Body.String() != hungup+"\n" {
					t.Errorf("%s: %q after %v, want %v", name, answer.Body, took, want)
				}
			})
		}
	}
}

func TestCancelledRequestEnds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"slow", "silent", "silent-undone", "slow-headers"} {
		srv := start(t, vicitest.Config{})
		inject(t, srv, vicitest.Fault{Name: name, Times: 1, Delay: time.Hour})
		ctx, giveUp := context.WithCancel(t.Context())
		first := startHangup(ctx, srv)
		await(t, srv, func() bool { return srv.Count("HANGUP") == 1 })
		giveUp()
		<-first
		await(t, srv, func() bool { return srv.Running() == 0 })
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Await(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
