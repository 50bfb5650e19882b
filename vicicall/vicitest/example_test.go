package vicitest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"vicihook/vicicall/vicitest"
)

// say sends a stage of ra_call_control and prints the answer.
func say(srv *vicitest.Server, stage, call, agent string) {
	resp, err := http.PostForm(srv.URL+"/agc/api.php", url.Values{
		"source": {"example"}, "user": {vicitest.DefaultUser}, "pass": {vicitest.DefaultPass},
		"function": {"ra_call_control"}, "stage": {stage}, "value": {call}, "agent_user": {agent}, "status": {"SALE"},
	})
	if err != nil {
		fmt.Println("no answer")
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%d %s", resp.StatusCode, body)
}

func midday() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func ExampleNewServer() {
	srv := vicitest.NewServer(vicitest.Config{Now: midday})
	defer srv.Close()
	srv.AddRemoteAgent(1028, 1)
	id := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028"})

	say(srv, "CHECK", id, "1028")
	say(srv, "HANGUP", id, "1028")
	say(srv, "CHECK", id, "1028")
	state, _ := srv.Call(id)
	fmt.Printf("listed %t, line up %t, booked %s\n", state.Listed, state.LineUp, state.Disposition)
	// Output:
	// 200 ERROR: stage is not valid - CHECK
	// 200 SUCCESS: ra_call_control hungup - 1028|Y1221200000000402027|HANGUP
	// 200 ERROR: no active call found - Y1221200000000402027
	// listed false, line up false, booked SALE
}

// An answer that is not true: the call stays.
func ExampleServer_Inject() {
	srv := vicitest.NewServer(vicitest.Config{Now: midday})
	defer srv.Close()
	srv.AddRemoteAgent(1028, 1)
	id := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028"})

	if err := srv.Inject(vicitest.Fault{Name: "does-nothing"}); err != nil {
		fmt.Println(err)
	}
	say(srv, "HANGUP", id, "1028")
	fmt.Println("listed:", srv.Listed(id))
	say(srv, "CHECK", id, "1028")
	// Output:
	// 200 SUCCESS: ra_call_control hungup - 1028|Y1221200000000402027|HANGUP
	// listed: true
	// 200 ERROR: stage is not valid - CHECK
}

// The answer of another version, once.
func ExampleObserved() {
	srv := vicitest.NewServer(vicitest.Config{})
	defer srv.Close()
	fault := vicitest.Observed("2.8-32", "right password, vdc_agent_api_access=0")
	fault.Times = 1
	if err := srv.Inject(fault); err != nil {
		fmt.Println(err)
	}
	say(srv, "HANGUP", "Y1221052110000402027", "1028")
	say(srv, "HANGUP", "Y1221052110000402027", "1028")
	// Output:
	// 200 ERROR: Invalid Username/Password: |6666|S3cret|1|0|GOOD|
	// 200 ERROR: agent_user is not logged in - 1028
}

// A hang-up that is still running, without sleeping.
func ExampleServer_Hold() {
	srv := vicitest.NewServer(vicitest.Config{Now: midday})
	defer srv.Close()
	srv.AddRemoteAgent(1028, 1)
	id := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: id, Agent: "1028"})

	release := srv.Hold("HANGUP")
	done := make(chan struct{})
	go func() {
		defer close(done)
		say(srv, "HANGUP", id, "1028")
	}()
	if err := srv.Await(context.Background(), func() bool { return srv.Count("HANGUP") == 1 }); err != nil {
		fmt.Println(err)
	}
	fmt.Println("listed:", srv.Listed(id))
	release()
	<-done
	fmt.Println("listed:", srv.Listed(id))
	// Output:
	// listed: true
	// 200 SUCCESS: ra_call_control hungup - 1028|Y1221200000000402027|HANGUP
	// listed: false
}

func ExampleFaultByName() {
	info, _ := vicitest.FaultByName("proxy-502")
	fmt.Printf("%s: %s\n", info.Name, info.About)
	_, err := vicitest.FaultByName("")
	fmt.Println(err != nil)
	// Output:
	// proxy-502: a proxy's 502 hides the finished work
	// true
}
