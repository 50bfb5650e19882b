package vicicall_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	var sent []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text bytes.Buffer
		if err := r.Write(&text); err != nil {
			t.Error(err)
		}
		sent = append(sent, strings.ReplaceAll(text.String(), r.Host, "HOST"))
		fmt.Fprint(w, []string{hungUp, noCall}[len(sent)-1])
	}))
	defer srv.Close()
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	result, err := c.Hangup(t.Context(), credentials(srv.URL+"/vici/"), vicicall.Call{ID: callID, AgentUser: agent})
	if err != nil || result.Outcome != vicicall.HungUp || result.Reply != strings.TrimSpace(hungUp) {
		t.Fatalf("%+v, %v", result, err)
	}
	const want = "POST /vici/agc/api.php HTTP/1.1\r\nHost: HOST\r\nUser-Agent: vicihook\r\nContent-Length: %d\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\n\r\n%s"
	const form = "source=vicihook&user=6666&pass=S3cret.%%2B%%2F%%3D&function=ra_call_control&stage=%s&agent_user=1028&value=Y1221052110000402027&status=RAXFER"
	for i, stage := range []string{"HANGUP", "CHECK"} {
		body := fmt.Sprintf(form, stage)
		if got, want := sent[i], fmt.Sprintf(want, len(body), body); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", stage, got, want)
		}
	}
}

func TestInvalidRequestsAreNotSent(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer srv.Close()
	c := vicicall.New(vicicall.Config{})
	bad := credentials(srv.URL, "http://10.0.0.5")
	bad.Pass = "S3cret!"
	for name, tt := range map[string]struct {
		cred    vicicall.Credentials
		call    vicicall.Call
		want    vicicall.Outcome
		kind    error
		message string
	}{
		"a call":      {credentials(srv.URL), vicicall.Call{ID: "1", AgentUser: "é"}, vicicall.InvalidRequest, vicicall.ErrInvalidCall, "call_id must be"},
		"credentials": {bad, theCall(), vicicall.Misconfigured, vicicall.ErrInvalidCredentials, "url[1] must be https"},
	} {
		for op, do := range map[string]func(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error){"hangup": c.Hangup, "check": c.Check} {
			result, err := do(t.Context(), tt.cred, tt.call)
			if result.Outcome != tt.want || !errors.Is(err, tt.want) || !errors.Is(err, tt.kind) || !strings.Contains(result.Message, tt.message) {
				t.Errorf("%s, %s: %+v, %v", op, name, result, err)
			}
			if strings.Contains(err.Error(), "S3cret") {
				t.Errorf("%s, %s: %v shows the password", op, name, err)
			}
		}
	}
	if _, err := c.Version(t.Context(), bad); !errors.Is(err, vicicall.Misconfigured) {
		t.Errorf("version: %v", err)
	}
	if asked > 0 {
		t.Errorf("%d requests were sent", asked)
	}
}

func TestAllowHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{t: t, hosts: map[string]*host{"10.0.0.5": {hangups: steps{ok}, checks: steps{gone}}}}
		c := vicicall.NewOn(vicicall.Config{AllowHTTP: true}, n.Dial)
		defer c.Close()
		if result, err := c.Hangup(t.Context(), on("10.0.0.5"), theCall()); result.Outcome != vicicall.HungUp {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

func TestRefusedCredentialsLatch(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a wrong password": badPass,
		"a locked account": login + "6666|S3cret|0|1|LOCK|\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{hangups: steps{say(body), gone, say(body)}, checks: steps{say(body)}}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			old := on("localhost")
			first, _ := c.Hangup(t.Context(), old, theCall())
			until := time.Now().Add(15 * time.Minute).UTC().Format(time.RFC3339)
			time.Sleep(15*time.Minute - time.Nanosecond)
			for range 3 {
				again, err := c.Hangup(t.Context(), old, theCall())
				if again.Outcome != first.Outcome || !errors.Is(err, first.Outcome) || again.Attempts != 0 || !strings.Contains(again.Message, until) {
					t.Errorf("%s: latched: %+v, %v", name, again, err)
				}
			}
			if checked, _ := c.Check(t.Context(), old, theCall()); checked.Outcome != first.Outcome || checked.Checks != 0 {
				t.Errorf("%s: a CHECK passed the latch: %+v", name, checked)
			}
			renewed := old
			renewed.Version = "v2"
			if r, _ := c.Hangup(t.Context(), renewed, theCall()); r.Outcome != vicicall.NoActiveCall {
				t.Errorf("%s: a new version is latched: %+v", name, r)
			}
			time.Sleep(time.Nanosecond)
			if r, _ := c.Hangup(t.Context(), old, theCall()); r.Attempts != 1 {
				t.Errorf("%s: still latched after 15 minutes: %+v", name, r)
			}
			other := on("localhost")
			other.Version = "v3"
			if r, _ := c.Check(t.Context(), other, theCall()); r.Outcome != first.Outcome || r.Checks != 1 {
				t.Errorf("%s: %+v", name, r)
			}
			if r, _ := c.Hangup(t.Context(), other, theCall()); r.Attempts != 0 {
				t.Errorf("%s: a CHECK's refusal does not latch: %+v", name, r)
			}
		})
	}
}

func TestLatchUsesConfigNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("", 3600))
		n := &network{t: t, hosts: map[string]*host{"localhost": {hangups: steps{say(badPass), gone}}}}
		c := vicicall.NewOn(vicicall.Config{Now: func() time.Time { return now }}, n.Dial)
		defer c.Close()
		c.Hangup(t.Context(), on("localhost"), theCall())
		r, _ := c.Hangup(t.Context(), on("localhost"), theCall())
		if want := "2026-11-22T09:15:00Z"; !strings.Contains(r.Message, want) {
			t.Errorf("message = %q, want it to name %s", r.Message, want)
		}
		now = now.Add(15 * time.Minute)
		if r, _ := c.Hangup(t.Context(), on("localhost"), theCall()); r.Outcome != vicicall.NoActiveCall {
			t.Errorf("after 15 minutes: %+v", r)
		}
	})
}

func TestClientIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.PostFormValue("stage") {
		case "HANGUP":
			id, user := r.PostFormValue("value"), r.PostFormValue("agent_user")
			fmt.Fprintf(w, "SUCCESS: ra_call_control hungup - %s|%s|HANGUP\n", user, id)
		default:
			fmt.Fprintf(w, "ERROR: no active call found - %s\n", r.PostFormValue("value"))
		}
	}))
	defer srv.Close()
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			call := vicicall.Call{ID: fmt.Sprintf("Y122105211%010d", i+1), AgentUser: fmt.Sprint(1000 + i)}
			if r, err := c.Hangup(t.Context(), credentials(srv.URL), call); err != nil || r.Outcome != vicicall.HungUp {
				t.Errorf("%d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

var checkTests = map[string]struct {
	checks  steps
	want    vicicall.Outcome
	message string
}{
	"listed":                         {steps{live}, vicicall.WouldHangUp, "nothing was done"},
	"not listed":                     {steps{gone}, vicicall.NoActiveCall, ""},
	"no agent":                       {steps{say(noAgent)}, vicicall.AgentNotLoggedIn, ""},
	"no password":                    {steps{say(badPass)}, vicicall.CredentialsRejected, ""},
	"no permission":                  {steps{say("ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - x\n")}, vicicall.PermissionDenied, ""},
	"listed, at the third try":       {steps{lost, answer(500, ""), live}, vicicall.WouldHangUp, ""},
	"never an answer":                {steps{lost, lost, lost}, vicicall.Unavailable, "no whole answer"},
	"always a bad gateway":           {steps{answer(502, ""), answer(502, ""), answer(502, "")}, vicicall.Unavailable, "HTTP 502"},
	"always busy":                    {steps{answer(503, busy), answer(503, busy), answer(503, busy)}, vicicall.Unavailable, "HTTP 503"},
	"always another agent":           {steps{say(wrongOne), say(wrongOne), say(wrongOne)}, vicicall.UnexpectedReply, "2.14-75"},
	"a stage that something changed": {steps{say("ERROR: stage is not valid - check\n")}, vicicall.RequestRejected, ""},
	"no agent, with 500":             {steps{answer(500, noAgent)}, vicicall.AgentNotLoggedIn, ""},
	"always 500 and a warning":       {steps{answer(500, warning), answer(500, warning), answer(500, warning)}, vicicall.Unavailable, "HTTP 500"},
	"SUCCESS to a dry run":           {steps{ok}, vicicall.UnexpectedReply, ""},
	"always SUCCESS for another":     {steps{say(otherCall), say(otherCall), say(otherCall)}, vicicall.UnexpectedReply, "another call or agent"},
	"translated":                     {steps{say("FALLO: stage no valido - CHECK\n"), live}, vicicall.WouldHangUp, ""},
	"always redirected":              {steps{redirect("/x"), redirect("/x"), redirect("/x")}, vicicall.Misconfigured, "redirects to as url (HTTP 302)"},
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range checkTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &host{checks: tt.checks}
				n := &network{t: t, hosts: map[string]*host{"localhost": h}}
				c := vicicall.NewOn(vicicall.Config{}, n.Dial)
				defer c.Close()
				sent := len(tt.checks)
				r, err := c.Check(t.Context(), on("localhost"), theCall())
				if r.Outcome != tt.want || !strings.Contains(r.Message, tt.message) || r.Attempts != 0 || r.Checks != sent || h.count("HANGUP") > 0 {
					t.Errorf("%+v, want %s after %d CHECK", r, tt.want, sent)
				}
				if (err == nil) != (tt.want == vicicall.WouldHangUp || tt.want == vicicall.NoActiveCall || tt.want == vicicall.AgentNotLoggedIn) {
					t.Errorf("err = %v with %s", err, r.Outcome)
				}
				if strings.Contains(fmt.Sprint(r, err), "S3cret") {
					t.Errorf("%+v, %v show the password", r, err)
				}
			})
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	const body = "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-22 10:34:00|EPOCH: 1795343640\n"
	good := vicicall.Version{Version: "2.14-82", Build: "250122-1010", Time: time.Unix(1795343640, 0)}
	for name, tt := range map[string]struct {
		steps steps
		want  vicicall.Version
		err   error
	}{
		"plain":                {steps{say(body)}, good, nil},
		"between warnings":     {steps{say(warning + body)}, good, nil},
		"translated":           {steps{say("VERSI\xd3N: 2.14-82|CONSTRUIR: 250122-1010|FECHA: 2026-11-22 10:34:00|EPOCA: 1795343640\n")}, good, nil},
		"a fork":               {steps{say("0" + body)}, good, nil},
		"with another status":  {steps{answer(404, body)}, vicicall.Version{}, vicicall.UnexpectedReply},
		"with markup":          {steps{say(strings.Replace(body, "2.14", "<b>", 1))}, vicicall.Version{}, vicicall.UnexpectedReply},
		"another time zone":    {steps{say(strings.Replace(body, "10:34:00", "05:34:00", 1))}, good, nil},
		"no local time":        {steps{say(strings.Replace(body, "10:34:00", "10:34", 1))}, vicicall.Version{}, vicicall.UnexpectedReply},
		"a clock of 1970":      {steps{say(strings.Replace(body, "1795343640", "0", 1))}, vicicall.Version{}, vicicall.UnexpectedReply},
		"something else":       {steps{say("hello")}, vicicall.Version{}, vicicall.UnexpectedReply},
		"nothing":              {steps{say("")}, vicicall.Version{}, vicicall.UnexpectedReply},
		"a database down":      {steps{answer(500, "")}, vicicall.Version{}, vicicall.Unavailable},
		"500 and a warning":    {steps{answer(500, warning)}, vicicall.Version{}, vicicall.Unavailable},
		"dropped":              {steps{lost}, vicicall.Version{}, vicicall.Unavailable},
		"a redirect elsewhere": {steps{redirect("https://x/")}, vicicall.Version{}, vicicall.Misconfigured},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{hangups: tt.steps}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			got, err := c.Version(t.Context(), on("localhost"))
			same := got.Version == tt.want.Version && got.Build == tt.want.Build && got.Time.Equal(tt.want.Time)
			if !same || !errors.Is(err, tt.err) {
				t.Errorf("%s: %+v, %v, want %+v, %v", name, got, err, tt.want, tt.err)
			}
			if _, offset := got.Time.Zone(); name == "another time zone" && offset != -5*60*60 {
				t.Errorf("%s: the time zone is %d s from UTC", name, offset)
			}
		})
	}
}

func TestVersionSendsNoCredentials(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) != "function=version" || r.URL.RawQuery != "" {
			t.Errorf("sent %q, query %q", body, r.URL.RawQuery)
		}
		fmt.Fprint(w, "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-22 10:34:00|EPOCH: 1795343640\n")
	}))
	defer srv.Close()
	if _, err := vicicall.New(vicicall.Config{}).Version(t.Context(), credentials(srv.URL)); err != nil {
		t.Error(err)
	}
}

func ExampleClient_Hangup() {
	vicidial := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("stage") == "HANGUP" {
			fmt.Fprintln(w, "SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP")
		} else {
			fmt.Fprintln(w, "ERROR: no active call found - Y1221052110000402027")
		}
	}))
	defer vicidial.Close()

	client := vicicall.New(vicicall.Config{})
	defer client.Close()
	result, err := client.Hangup(context.Background(),
		vicicall.Credentials{URLs: []string{vicidial.URL}, User: "6666", Pass: "S3cret"},
		vicicall.Call{ID: "Y1221052110000402027", AgentUser: "1028", Disposition: "SALE"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Outcome)
	fmt.Println(result.Reply)
	fmt.Println(result.Attempts, "HANGUP,", result.Checks, "CHECK")
	// Output:
	// hungup
	// SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP
	// 1 HANGUP, 1 CHECK
}

func ExampleClient_Check() {
	vicidial := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - Y1221052110000402027|6666|ra_call_control|APIGRP")
	}))
	defer vicidial.Close()

	client := vicicall.New(vicicall.Config{})
	defer client.Close()
	_, err := client.Check(context.Background(),
		vicicall.Credentials{URLs: []string{vicidial.URL}, User: "6666", Pass: "S3cret"},
		vicicall.Call{ID: "Y1221052110000402027", AgentUser: "1028"})
	fmt.Println(errors.Is(err, vicicall.PermissionDenied))
	fmt.Println(err)
	// Output:
	// true
	// vicicall: check: permission_denied: the API user may not use this function: add " ra_call_control ", with both spaces, to its Allowed API functions, or choose ALL_FUNCTIONS
}
