package source_test

import (
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
