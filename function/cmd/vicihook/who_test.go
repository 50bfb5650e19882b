package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"vicihook/function/cmd/vicihook/internal/audit"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

const auditSources = `{
	"crm": {"scheme": "standard-webhooks", "disposition": ".disposition", "ref": ".ticket", "actor": ".by"},
	"bulk": {"scheme": "standard-webhooks", "each": ".[]", "ref": ".ticket"}
}`

// A fixture is the function's own handler with its log, so that what is read here is what it writes.
type fixture struct {
	*hangup.Handler
	log     bytes.Buffer
	sources *source.Sources
	ring    source.Keyring
	account vicicall.Credentials
	sent    int
}

func (f *fixture) Keys(_ context.Context, name string) (source.Keys, hangup.Refresh, error) {
	return f.ring[name], unchanged, nil
}

func (f *fixture) Verified(string) {}

func (f *fixture) Credentials(context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	return f.account, unchanged, nil
}

func unchanged(context.Context, string) (bool, error) { return false, nil }

func newFixture(t *testing.T) (*fixture, *vicitest.Server, string) {
	t.Helper()
	srv, id, _ := newVICIdial(t)
	parsed, err := source.Parse([]byte(auditSources))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := parsed.ParseKeys([]byte(`{"crm": "` + crmKey + `", "bulk": "` + crmKey + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{sources: parsed, ring: ring, account: vicicall.Credentials{
		URLs: []string{srv.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass,
	}}
	client := vicicall.New(vicicall.Config{})
	t.Cleanup(client.Close)
	f.Handler = &hangup.Handler{
		Sources: parsed, Keys: f, Credentials: f, VICIdial: client, Budget: 4 * time.Second,
		Log: slog.New(slog.NewJSONHandler(&f.log, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})),
	}
	return f, srv, id
}

func (f *fixture) deliver(t *testing.T, name, body string) {
	t.Helper()
	src, _ := f.sources.Lookup(name)
	r := webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(body)}
	f.sent++
	if err := src.Verifier.Sign(&r, f.ring[name].Keys[0], "msg_"+strconv.Itoa(f.sent), time.Now()); err != nil {
		t.Fatal(err)
	}
	f.Handle(t.Context(), hangup.Request{Source: name, Webhook: r, ContentType: "application/json", ID: "req-" + strconv.Itoa(f.sent)})
}

// writeLog returns a log: a call that was ended, the same call again, two more in a batch, and an unknown source.
func writeLog(t *testing.T) (log, id string) {
	t.Helper()
	f, srv, id := newFixture(t)
	payload := `{"call_id": "` + id + `", "agent_user": "1028", "disposition": "SALE", "ticket": "T-1", "by": "ann"}`
	f.deliver(t, "crm", payload)
	f.deliver(t, "crm", payload)
	second := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: second, Agent: "1028"})
	f.deliver(t, "bulk", `[{"call_id": "`+second+`", "agent_user": "1028", "ticket": "T-2"}, {"call_id": "`+id+`", "agent_user": "1999", "ticket": "T-3"}]`)
	f.Handle(t.Context(), hangup.Request{Source: "stranger"})
	return "START RequestId: 1 Version: $LATEST\n" + f.log.String() + "\nREPORT RequestId: 1 {\n", id
}

func TestWho(t *testing.T) {
	t.Parallel()
	log, id := writeLog(t)
	for name, test := range map[string]struct {
		line    string
		rows    int
		printed string
	}{
		"who ended the call":            {"who --call ID", 3, "\nID was ended by crm, ticket T-1, asked by ann, at 20"},
		"who ended another call":        {"who --call " + callID, 0, ""},
		"what the agent's calls end by": {"who --agent 1028", 3, "\n1 hungup by bulk as VICIdial's default\n1 hungup by crm as SALE\n1 no_active_call of crm\n"},
		"what the source did":           {"who --source bulk", 2, "\n1 agent_not_logged_in of bulk\n1 hungup by bulk as VICIdial's default\n"},
		"what the source did today":     {"who --source crm --since today", 2, "\n1 hungup by crm as SALE\n1 no_active_call of crm\n"},
		"what was done just now":        {"who --since 1h", 5, "1 unauthorized of -\n"},
		"what was done since 2020":      {"who --since 1577836800", 5, "1 unauthorized of -\n"},
		"what will be":                  {"who --since 2999-01-01T00:00:00Z", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := vicihook(t, call{args: args(strings.ReplaceAll(test.line, "ID", id)), stdin: log})
			want := map[bool]int{true: statusOK, false: statusFailed}[test.rows > 0]
			table, _, _ := strings.Cut(r.stdout, "\n\n")
			r.check(t, want, strings.ReplaceAll(test.printed, "ID", id))
			if n := strings.Count(table, "\n"); n != test.rows {
				t.Errorf("%d rows, want %d: %s", n, test.rows, table)
			}
		})
	}
}

func TestWhoJSON(t *testing.T) {
	t.Parallel()
	log, id := writeLog(t)
	r := vicihook(t, call{args: args("who --json --source crm", file(t, "day.log", log))})
	first, _, _ := strings.Cut(r.stdout, "\n")
	var row audit.Row
	if err := json.Unmarshal([]byte(first), &row); err != nil || r.status != statusOK {
		t.Fatalf("%v: %+v", err, r)
	}
	if row.Key == nil || *row.Key != 0 || time.Since(row.Time) > time.Hour {
		t.Errorf("%s", first)
	}
	row.Time, row.Key = time.Time{}, nil
	if want := (audit.Row{Source: "crm", Ref: "T-1", Actor: "ann", DeliveryID: "msg_1", CallID: id, AgentUser: "1028", Disposition: "SALE", Outcome: "hungup", Attempts: 1, RequestID: "req-1"}); row != want {
		t.Errorf("got %+v, want %+v", row, want)
	}
	batch := vicihook(t, call{args: args("who --json --source bulk -"), stdin: log})
	if n := strings.Count(batch.stdout, `"delivery_id":"msg_3","key":0,`); n != 2 || strings.Count(batch.stdout, `"request_id":"req-3"`) != 2 {
		t.Errorf("the batch's rows lack the delivery's fields: %s", batch.stdout)
	}
}

func TestWhoEscapesControlCharacters(t *testing.T) {
	t.Parallel()
	r := vicihook(t, call{args: args("who"), stdin: `{"source":"crm","outcome":"hungup","ref":"\u001b[2J\tx"}`})
	if strings.ContainsRune(r.stdout, 0x1b) || !strings.Contains(r.stdout, "?[2J?x") {
		t.Errorf("%q", r.stdout)
	}
}

func TestWhoReadsCloudWatchLogs(t *testing.T) {
	localAWS(t)
	log, id := writeLog(t)
	var asked []map[string]any
	lines := strings.Split(log, "\n")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, jsonOf(t, body))
		asked[len(asked)-1]["target"] = r.Header.Get("X-Amz-Target")
		page := map[string]any{"events": []map[string]any{{"message": lines[len(asked)]}}}
		if len(asked) < 4 {
			page["nextToken"] = strconv.Itoa(len(asked))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", srv.URL)
	r := vicihook(t, call{args: args("who --log-group /aws/lambda/vicihook --call " + id)})
	r.check(t, statusOK, "was ended by crm, ticket T-1")
	if len(asked) != 4 || asked[0]["target"] != "Logs_20140328.FilterLogEvents" || asked[0]["logGroupName"] != "/aws/lambda/vicihook" ||
		asked[0]["filterPattern"] != `"`+id+`"` || asked[3]["nextToken"] != "3" {
		t.Errorf("asked %v", asked)
	}
	if from := time.UnixMilli(int64(asked[0]["startTime"].(float64))); time.Since(from).Round(time.Hour) != 24*time.Hour {
		t.Errorf("asked from %s on", from)
	}
	srv.Close()
	vicihook(t, call{args: args("who --log-group x")}).check(t, statusNoAnswer)
}

func FuzzLogLine(f *testing.F) {
	f.Add([]byte(`{"timestamp":"2026-11-22T14:30:56Z","source":"crm","outcome":"hungup","calls":[{"outcome":"hungup"}]}`))
	f.Add([]byte(`x {"source":"crm","outcome":"hungup","key":0}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, r := range audit.Parse(line) {
			if r.Source == "" {
				t.Errorf("a row without a source: %+v", r)
			}
		}
	})
}
