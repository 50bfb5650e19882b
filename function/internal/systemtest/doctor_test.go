//go:build unix

package systemtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"vicihook/function/internal/doctor"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

const doctorsQuestion = `{"vicihook":"doctor"}`

// doctor invokes the shipped binary directly, as a pipeline does after a deployment.
func (b *fixture) doctor(t *testing.T) doctor.Report {
	t.Helper()
	result, err := b.Invoke(t.Context(), []byte(doctorsQuestion))
	if err != nil || result.FunctionError {
		t.Fatalf("%v: %s", err, result.Payload)
	}
	var report doctor.Report
	if err := json.Unmarshal(result.Payload, &report); err != nil {
		t.Fatalf("%v in %s", err, result.Payload)
	}
	return report
}

func TestDoctorExaminesTheShippedFunction(t *testing.T) {
	t.Parallel()
	lookup := map[string]string{"user": vicitest.DefaultLookupUser, "pass": vicitest.DefaultLookupPass}
	b := newFixture(t, stack.Config{Account: map[string]any{"lookup": lookup}})
	r := b.doctor(t)
	if !r.Healthy || len(r.Sources) != len(b.Keys) || r.Account.Outcome != "agent_not_logged_in" || r.Deadlines.FunctionMS < 8000 || r.Version == "" {
		t.Errorf("%+v", r)
	}
	b.VICIdial.AddUser(vicitest.APIUser(vicitest.DefaultUser, "another"))
	if r := b.doctor(t); r.Healthy || r.Findings[0].Fault != "credentials_rejected" || r.Account.Tries != 1 {
		t.Errorf("%+v", r)
	}
	if got := b.send(t, b.delivery(t, "crm", payloadOf(b.call))); got.Outcome != "credentials_rejected" || b.VICIdial.Count("HANGUP") != 0 {
		t.Errorf("%s after %d hang-ups: the doctor's refusal does not latch", got.body, b.VICIdial.Count("HANGUP"))
	}
	if r := b.doctor(t); r.Account.Tries != 0 || b.VICIdial.Count("CHECK") != 2 {
		t.Errorf("%+v after %d tries", r.Account, b.VICIdial.Count("CHECK"))
	}
	if n := strings.Count(strings.Join(b.Logs(), "\n"), `"examined"`); n != 3 {
		t.Errorf("%d log lines, want 3", n)
	}
}

func TestDoctorExaminesABrokenConfiguration(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{Env: map[string]string{"REQUEST_BUDGET": "4", "RECHECK": "maybe"}})
	if r := b.doctor(t); r.Healthy || len(r.Findings) != 2 || r.Findings[0].Fault != "configuration" {
		t.Errorf("%+v", r)
	}
}

func TestDoctorIsNotReachableOverHTTP(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{})
	for _, path := range []string{"/webhooks/crm", "/webhooks/doctor", "/webhooks/crm?vicihook=doctor"} {
		answer, err := http.Post(b.URL+path, "application/json", strings.NewReader(doctorsQuestion))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), "unauthorized") {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
}
