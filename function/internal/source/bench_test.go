package source_test

import (
	"fmt"
	"strings"
	"testing"

	"vicihook/function/internal/source"
)

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Load(shippedFile); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	sources, err := source.Load(shippedFile)
	if err != nil {
		b.Fatal(err)
	}
	for name, body := range map[string]string{
		"crm":     `{"call_id": "Y1221052110000402027", "agent_user": "1028", "disposition": "SALE", "ticket": "T-1", "by": "anna@example.com"}`,
		"zendesk": `{"event": "end_call", "call_id": "Y1221052110000402027", "agent": 1028, "dispo": "dispo_sale", "ticket_id": 4711}`,
		"github":  `{"action": "closed", "issue": {"number": 7, "body": "call Y1221052110000402027", "labels": [{"name": "phone"}, {"name": "agent-1028"}]}, "sender": {"login": "anna"}}`,
	} {
		b.Run(name, func(b *testing.B) {
			s, _ := sources.Lookup(name)
			b.ReportAllocs()
			for b.Loop() {
				if items, err := s.Select(b.Context(), []byte(body)); err != nil || len(items) != 1 || items[0].Err != nil {
					b.Fatal(items, err)
				}
			}
		})
	}
}

// fiveExpressions and twoKiB are a usual source and delivery of a helpdesk.
var fiveExpressions = map[string]any{
	"when": `.event == "end_call"`, "call_id": `.ticket.description | capture("(?<id>[VYJM][0-9]{19})").id`, "agent_user": `.ticket.agent`,
	"disposition": `{"dispo_sale": "SALE", "dispo_no": "NI"}[.dispo] // "CRMEND"`, "ref": `.ticket.id`,
}

func twoKiB() []byte {
	return []byte(`{"event": "end_call", "dispo": "dispo_sale", "account": {"id": 77, "name": "Example Ltd", "subdomain": "example"},
		"ticket": {"id": 4711, "agent": "1028", "status": "solved", "priority": null, "channel": "phone", "created_at": "2026-11-26T12:00:00Z",
		"updated_at": "2026-11-26T12:04:31Z", "subject": "Wants an offer", "description": "call Y1221052110000402027 ` +
		strings.Repeat("of a customer who asked for something, ", 30) + `", "tags": ["phone", "sale", "vip"],
		"requester": {"id": 12, "name": "Anna Example", "email": "anna@example.com", "phone": "+41791234567"},
		"assignee": {"id": 13, "name": "Ben Example", "email": "ben@example.com"},
		"custom_fields": [` + strings.TrimSuffix(strings.Repeat(`{"id": 360012345678, "value": "x"},`, 8), ",") + `]}}`)
}

func TestSelectAllocations(t *testing.T) {
	s, body := crm(t, fiveExpressions), twoKiB()
	if len(body) < 2000 || len(body) > 2200 {
		t.Fatalf("the payload has %d bytes", len(body))
	}
	allocations := testing.AllocsPerRun(100, func() {
		if items, err := s.Select(t.Context(), body); err != nil || items[0].Err != nil || items[0].Disposition != "SALE" {
			t.Fatal(items, err)
		}
	})
	if allocations > 200 {
		t.Errorf("got %v allocations, want at most 200", allocations)
	}
}

func BenchmarkSelectTwoKiB(b *testing.B) {
	s, body := crm(b, fiveExpressions), twoKiB()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Select(b.Context(), body); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSelectLargePayload(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{
		"when":        `.event == "end_call" and (.tags | contains(["vip"])) and (.comments | length > 10)`,
		"call_id":     `.description | capture("(?<id>[VYJM][0-9]{19})").id`,
		"agent_user":  `first(.labels[].name | select(startswith("agent-"))) | ltrimstr("agent-")`,
		"disposition": `if .description | ascii_downcase | test("sale") then "SALE" else "NI" end`,
		"ref":         `.description | split("\n") | last | split(" ")[0]`,
		"actor":       `[.comments[] | select(.by != null) | .by] | unique | join(", ") | .[0:20]`,
	})
	description := strings.Repeat("Wants an offer of 1,000 pieces.\n", 4_000) + "T-1 of call " + callID
	comments := strings.TrimSuffix(strings.Repeat(`{"id": 360012345678, "by": "anna@example.com", "text": "called back"},`, 1_500), ",")
	body := fmt.Sprintf(`{"event": "end_call", "tags": ["phone", "vip"], "labels": [{"name": "phone"}, {"name": "agent-1028"}], "description": %q, "comments": [%s]}`,
		description, comments)
	if len(body) < 220<<10 {
		t.Fatalf("the payload has %d bytes", len(body))
	}
	items, err := s.Select(t.Context(), []byte(body))
	want := source.Order{CallID: callID, AgentUser: "1028", Disposition: "NI", Ref: "T-1", Actor: "anna@example.com"}
	if err != nil || len(items) != 1 || items[0].Order != want || items[0].Err != nil {
		t.Errorf("got %+v, %v", items, err)
	}
}
