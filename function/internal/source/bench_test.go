package source_test

import (
	"fmt"
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
				if items, err := s.Select(b.Context(), []byte(body), ""); err != nil || len(items) != 1 || items[0].Err != nil {
					b.Fatal(items, err)
				}
			}
		})
	}
}

// BenchmarkHostile shows the slowest delivery of 256 KiB for each expression.
func BenchmarkHostile(b *testing.B) {
	for _, expression := range hostileExpressions {
		s := crm(b, map[string]any{"ref": expression})
		for name, value := range hostileValues(250<<10, 9_900) {
			body := fmt.Appendf(nil, `{%s, "y": 0, "x": %s}`, anyCall, value)
			b.Run(expression+" on "+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Select(b.Context(), body, ""); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
