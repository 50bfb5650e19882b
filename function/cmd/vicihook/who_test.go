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

// An office is the function's own use case with its log, so that what is read here is what it writes.
type office struct {
	*hangup.Handler
	log     bytes.Buffer
	sources *source.Sources
	ring    source.Keyring
	account vicicall.Credentials
	sent    int
}

func (o *office) Keys(_ context.Context, name string) (source.Keys, hangup.Refresh, error) {
	return o.ring[name], unchanged, nil
}

func (o *office) Verified(string) {}

func (o *office) Credentials(context.Context) (vicicall.Credentials, hangup.Refresh, error) {
	return o.account, unchanged, nil
}

func unchanged(context.Context, string) (bool, error) { return false, nil }

func newOffice(t *testing.T) (*office, *vicitest.Server, string) {
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
	o := &office{sources: parsed, ring: ring, account: vicicall.Credentials{
		URLs: []string{srv.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass,
	}}
	client := vicicall.New(vicicall.Config{})
	t.Cleanup(client.Close)
	o.Handler = &hangup.Handler{
		Sources: parsed, Keys: o, Credentials: o, VICIdial: client, Budget: 4 * time.Second,
		Log: slog.New(slog.NewJSONHandler(&o.log, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})),
	}
	return o, srv, id
}

func (o *office) deliver(t *testing.T, name, body string) {
	t.Helper()
	src, _ := o.sources.Lookup(name)
	r := webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(body)}
	o.sent++
	if err := src.Verifier.Sign(&r, o.ring[name].Keys[0], "msg_"+strconv.Itoa(o.sent), time.Now()); err != nil {
		t.Fatal(err)
	}
	o.Handle(t.Context(), hangup.Request{Source: name, Webhook: r, ContentType: "application/json", ID: "req-" + strconv.Itoa(o.sent)})
}

// day is a log: one call ended, once more asked for, two more in a batch, and a stranger.
func day(t *testing.T) (log, id string) {
	t.Helper()
	o, srv, id := newOffice(t)
	payload := `{"call_id": "` + id + `", "agent_user": "1028", "disposition": "SALE", "ticket": "T-1", "by": "ann"}`
	o.deliver(t, "crm", payload)
	o.deliver(t, "crm", payload)
	second := srv.NextCallID('Y')
	srv.AddCall(vicitest.Call{ID: second, Agent: "1028"})
	o.deliver(t, "bulk", `[{"call_id": "`+second+`", "agent_user": "1028", "ticket": "T-2"}, {"call_id": "`+id+`", "agent_user": "1999", "ticket": "T-3"}]`)
	o.Handle(t.Context(), hangup.Request{Source: "stranger"})
	return "START RequestId: 1 Version: $LATEST\n" + o.log.String() + "\nREPORT RequestId: 1 {\n", id
}

func TestWhoAnswersFromTheFunctionsOwnLog(t *testing.T) {
	t.Parallel()
	log, id := day(t)
	for name, test := range map[string]struct {
		line string
		rows int
		says string
	}{
		"who ended the call":            {"who --call ID", 3, "\nID was ended by crm, ticket T-1, asked by ann, at 20"},
		"who ended another call":        {"who --call " + callID, 0, ""},
		"what the agent's calls end by": {"who --agent 1028", 3, "\n1 hungup by bulk as VICIdial's default\n1 hungup by crm as SALE\n1 no_active_call of crm\n"},
		"what the source did":           {"who --source bulk", 2, "\n1 agent_not_logged_in of bulk\n1 hungup by bulk as VICIdial's default\n"},
		"what the source did today":     {"who --source crm --since today", 2, "\n1 hungup by crm as SALE\n1 no_active_call of crm\n"},
		"what was done just now":        {"who --since 1h", 5, "1 unauthorized of -\n"},
		"what will be":                  {"who --since 2999-01-01T00:00:00Z", 0, ""},
	} {
		r := vicihook(t, call{args: args(strings.ReplaceAll(test.line, "ID", id)), stdin: log})
		want := map[bool]int{true: statusOK, false: statusFailed}[test.rows > 0]
		table, _, _ := strings.Cut(r.stdout, "\n\n")
		if r.status != want || !strings.Contains(r.stdout, strings.ReplaceAll(test.says, "ID", id)) || max(0, strings.Count(table, "\n")) != test.rows {
			t.Errorf("%s: got %+v, want %d rows and %q", name, r, test.rows, test.says)
		}
	}
}

func TestARowHasEverythingThatAnAuditorAsksFor(t *testing.T) {
	t.Parallel()
	log, id := day(t)
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
	if want := (audit.Row{Source: "crm", Ref: "T-1", Actor: "ann", DeliveryID: "msg_1", CallID: id, AgentUser: "1028", Disposition: "SALE", Outcome: "hungup", RequestID: "req-1"}); row != want {
		t.Errorf("got %+v, want %+v", row, want)
	}
	batch := vicihook(t, call{args: args("who --json --source bulk -"), stdin: log})
	if n := strings.Count(batch.stdout, `"delivery_id":"msg_3","key":0,`); n != 2 || strings.Count(batch.stdout, `"request_id":"req-3"`) != 2 {
		t.Errorf("the batch's rows lack the delivery's fields: %s", batch.stdout)
	}
}

func TestALogCantSteerTheTerminal(t *testing.T) {
	t.Parallel()
	r := vicihook(t, call{args: args("who"), stdin: `{"source":"crm","outcome":"hungup","ref":"\u001b[2J\tx"}`})
	if strings.ContainsRune(r.stdout, 0x1b) || !strings.Contains(r.stdout, "?[2J?x") {
		t.Errorf("%q", r.stdout)
	}
}

func TestWhoAsksCloudWatchLogs(t *testing.T) {
	localAWS(t)
	log, id := day(t)
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
	if r.status != statusOK || !strings.Contains(r.stdout, "was ended by crm, ticket T-1") {
		t.Errorf("%+v", r)
	}
	if len(asked) != 4 || asked[0]["target"] != "Logs_20140328.FilterLogEvents" || asked[0]["logGroupName"] != "/aws/lambda/vicihook" ||
		asked[0]["filterPattern"] != `"`+id+`"` || asked[3]["nextToken"] != "3" {
		t.Errorf("asked %v", asked)
	}
	if from := time.UnixMilli(int64(asked[0]["startTime"].(float64))); time.Since(from).Round(time.Hour) != 24*time.Hour {
		t.Errorf("asked from %s on", from)
	}
	srv.Close()
	if r := vicihook(t, call{args: args("who --log-group x")}); r.status != statusNoAnswer {
		t.Errorf("%+v", r)
	}
}

func FuzzALogLine(f *testing.F) {
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
