package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/doctor"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall/vicitest"
)

// localAWS sets up AWS settings, secrets and a VICIdial, and returns the environment that names them.
func localAWS(t *testing.T) (secrets *secretsmanager.Server, srv *vicitest.Server, env map[string]string) {
	t.Helper()
	secrets, err := secretsmanager.NewServer(secretsmanager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { secrets.Close() })
	srv, _, _ = newVICIdial(t)
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.URL)
	t.Setenv("AWS_REGION", secretsmanager.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	keys, err := secrets.Create("webhook", `{"crm": "`+crmKey+`", "zendesk": "off"}`)
	if err != nil {
		t.Fatal(err)
	}
	account, err := secrets.Create("vicidial", `{"url": "`+srv.URL+`", "user": "6666", "pass": "`+vicitest.DefaultPass+`"}`)
	if err != nil {
		t.Fatal(err)
	}
	return secrets, srv, map[string]string{"WEBHOOK_SECRET_ARN": keys, "VICIDIAL_SECRET_ARN": account}
}

func TestDoctorFromHere(t *testing.T) {
	_, srv, env := localAWS(t)
	vicihook(t, call{args: args("doctor"), env: env}).check(t, statusOK,
		"warning   source zendesk is paused", "remedy    Run `vicihook keys resume zendesk`", "source    crm: ready, standard-webhooks, keys: 1\n",
		"VICIdial's agent API 2.14-82", "account   agent_not_logged_in: user, password", "times     budget 4000 ms")
	wrongPassword(t, srv)
	bad := vicihook(t, call{args: args("doctor --json"), env: env})
	var report doctor.Report
	if err := json.Unmarshal([]byte(bad.stdout), &report); err != nil || bad.status != statusFailed || report.Findings[0].Fault != "credentials_rejected" {
		t.Errorf("%v: %+v", err, bad)
	}
	if !strings.Contains(bad.stderr, "not healthy: credentials_rejected") || srv.Count("HANGUP") != 0 {
		t.Errorf("%+v after %d hang-ups", bad, srv.Count("HANGUP"))
	}
}

func TestDoctorWithoutSettings(t *testing.T) {
	localAWS(t)
	vicihook(t, call{args: args("doctor")}).check(t, statusFailed, "error     WEBHOOK_SECRET_ARN is not set")
}

// newLambda starts a server that answers every Invoke of Lambda with one answer.
func newLambda(t *testing.T, header, answer string) (asked *string) {
	t.Helper()
	asked = new(string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery + " " + string(body)
		if header != "" {
			w.Header().Set("X-Amz-Function-Error", header)
		}
		io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", srv.URL)
	return asked
}

func TestDoctorInFunction(t *testing.T) {
	localAWS(t)
	report, _ := json.Marshal(doctor.Report{Healthy: true, Verdict: "healthy", Findings: []doctor.Finding{}, At: time.Now()})
	asked := newLambda(t, "", string(report))
	r := vicihook(t, call{args: args("doctor --function vicihook-prod:live")})
	if r.status != statusOK || r.stdout != "verdict   healthy\n" {
		t.Errorf("%+v", r)
	}
	if want := `POST /2015-03-31/functions/vicihook-prod:live/invocations? {"vicihook":"doctor"}`; *asked != want {
		t.Errorf("asked %s, want %s", *asked, want)
	}
}

func TestDoctorInAnotherFunction(t *testing.T) {
	localAWS(t)
	newLambda(t, "", `{"statusCode":401,"headers":{},"body":"{}"}`)
	vicihook(t, call{args: args("doctor --function old")}).check(t, statusFailed, "no report")
	newLambda(t, "Unhandled", `{"errorType":"Runtime.ExitError"}`)
	vicihook(t, call{args: args("doctor --function dead")}).check(t, statusFailed, "the function failed (Unhandled)")
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
	vicihook(t, call{args: args("doctor --function gone")}).check(t, statusNoAnswer)
}
