package audit_test

import (
	"errors"
	"strings"
	"testing"

	"vicihook/function/cmd/vicihook/internal/audit"
)

const (
	first  = `{"time":"2026-01-02T03:04:05Z","source":"crm","ref":"T-1","actor":"ann","delivery_id":"msg_1","key":0,"agent_user":"1028","outcome":"unavailable","request_id":"req-1"}`
	again  = `{"time":"2026-01-02T03:04:20Z","source":"crm","call_id":"Y1","agent_user":"1028","outcome":"still_listed","request_id":"req-1","redelivery":1}`
	last   = `{"time":"2026-01-02T03:04:35Z","source":"crm","call_id":"Y1","agent_user":"1028","outcome":"hungup","request_id":"req-1","redelivery":2}`
	batch  = `{"time":"2026-01-02T03:04:05Z","source":"bulk","outcome":"unavailable","request_id":"req-2","calls":[{"call_id":"Y2","outcome":"hungup"},{"call_id":"Y3","outcome":"unavailable"}]}`
	ofItem = `{"time":"2026-01-02T03:04:20Z","source":"bulk","call_id":"Y3","outcome":"no_active_call","request_id":"req-2","redelivery":1}`
	other  = `{"time":"2026-01-02T03:04:21Z","source":"crm","call_id":"Y1","agent_user":"1028","outcome":"no_active_call","request_id":"req-3"}`
)

func TestJoin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []string
		want  []string // call, outcome, ticket and number of the redelivery
	}{
		"the last of three":                       {[]string{first, again, last}, []string{"Y1 hungup T-1 2"}},
		"another request of the same call":        {[]string{first, other, again}, []string{"Y1 still_listed T-1 1", "Y1 no_active_call  0"}},
		"one item of a batch":                     {[]string{batch, ofItem}, []string{"Y2 hungup  0", "Y3 no_active_call  1"}},
		"a redelivery without the first delivery": {[]string{last}, []string{"Y1 hungup  2"}},
		"a delivery that came again":              {[]string{other, other}, []string{"Y1 no_active_call  0", "Y1 no_active_call  0"}},
	} {
		var rows []audit.Row
		if err := audit.Read(strings.NewReader(strings.Join(test.lines, "\n")), func(r audit.Row) { rows = append(rows, r) }); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range audit.Join(rows) {
			got = append(got, strings.Join([]string{r.CallID, string(r.Outcome), r.Ref, string(rune('0' + r.Redelivery))}, " "))
		}
		if strings.Join(got, "; ") != strings.Join(test.want, "; ") {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// A hang-up whose answer was lost may have ended the call, though a later try finds none.
func TestSummaryNamesWhoMayHaveEndedTheCall(t *testing.T) {
	t.Parallel()
	const lost = `{"time":"2026-01-02T03:04:05Z","source":"crm","ref":"T-1","call_id":"Y1","agent_user":"1028","outcome":"unknown","attempts":1,"request_id":"req-1"}`
	for name, lines := range map[string][]string{
		"which the sender repeated":          {lost, other},
		"which the function itself repeated": {lost, strings.Replace(ofItem, `"bulk","call_id":"Y3","outcome":"no_active_call","request_id":"req-2"`, `"crm","call_id":"Y1","outcome":"no_active_call","attempts":1,"request_id":"req-1"`, 1)},
	} {
		var rows []audit.Row
		if err := audit.Read(strings.NewReader(strings.Join(lines, "\n")), func(r audit.Row) { rows = append(rows, r) }); err != nil {
			t.Fatal(err)
		}
		got := audit.Summary(audit.Query{CallID: "Y1"}, audit.Join(rows))
		if len(got) != 1 || !strings.HasPrefix(got[0], "Y1 may have been ended by crm, ticket T-1, at 2026-01-02T03:04:") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestReadLongLine(t *testing.T) {
	t.Parallel()
	err := audit.Read(strings.NewReader(strings.Repeat("a", 1<<20+1)), func(audit.Row) { t.Error("a row") })
	if !errors.Is(err, audit.ErrLongLine) {
		t.Errorf("got %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		line string
		want int // rows
	}{
		"a delivery":                        {first, 1},
		"a delivery after a prefix":         {"2026-01-02T03:04:05.000Z " + first, 1},
		"a batch":                           {batch, 2},
		"a line without an outcome":         {`{"time":"2026-01-02T03:04:05Z","source":"crm"}`, 0},
		"a line of Lambda":                  {"START RequestId: req-1 Version: 7", 0},
		"JSON that is cut":                  {first[:60], 0},
		"a delivery with Lambda's own time": {`{"timestamp":"2026-01-02T03:04:05Z","source":"crm","outcome":"hungup"}`, 1},
	} {
		rows := audit.Parse([]byte(test.line))
		if len(rows) != test.want {
			t.Errorf("%s: got %+v", name, rows)
		}
		for _, r := range rows {
			if r.Time.IsZero() || r.Source == "" {
				t.Errorf("%s: a row without time or source: %+v", name, r)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	var rows []audit.Row
	for _, line := range []string{last, other, other} {
		rows = append(rows, audit.Parse([]byte(line))...)
	}
	for name, test := range map[string]struct {
		query audit.Query
		rows  []audit.Row
		want  string
	}{
		"all":                 {audit.Query{}, rows, "2 no_active_call of crm; 1 hungup by crm as VICIdial's default"},
		"a call that ended":   {audit.Query{CallID: "Y1"}, rows, "Y1 was ended by crm, at 2026-01-02T03:04:35Z"},
		"a call nobody ended": {audit.Query{CallID: "Y1"}, rows[1:], "this log shows nobody ending Y1: it ended by itself, somebody else ended it, or it is still up"},
	} {
		if got := strings.Join(audit.Summary(test.query, test.rows), "; "); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
