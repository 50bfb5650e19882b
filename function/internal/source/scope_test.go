package source_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"vicihook/function/internal/source"
)

// scopes are sources by what they may end, with one order that they allow and those that they refuse.
var scopes = map[string]struct {
	members map[string]any
	allowed source.Order
	refused map[string]source.Order // by the field that is refused
}{
	"one agent": {
		map[string]any{"agents": "1028"},
		source.Order{CallID: callID, AgentUser: "1028"},
		map[string]source.Order{
			"agent_user 1": {CallID: callID, AgentUser: "10280"},
			"agent_user 2": {CallID: callID, AgentUser: "51028"},
			"agent_user 3": {CallID: callID, AgentUser: "1029"},
			"agent_user 4": {CallID: callID, AgentUser: "10\u202828"},
		},
	},
	"a team without anchors": {
		map[string]any{"agents": "10[0-9]{2}|anna"},
		source.Order{CallID: callID, AgentUser: "anna"},
		map[string]source.Order{
			"agent_user 1": {CallID: callID, AgentUser: "annabel"},
			"agent_user 2": {CallID: callID, AgentUser: "johanna"},
			"agent_user 3": {CallID: callID, AgentUser: "10288"},
			"agent_user 4": {CallID: callID, AgentUser: "ANNA"},
		},
	},
	"a team with anchors of lines": {
		map[string]any{"agents": "(?m)^10[0-9]{2}$"},
		source.Order{CallID: callID, AgentUser: "1099"},
		map[string]source.Order{
			"agent_user 1": {CallID: callID, AgentUser: "2000 1028"},
			"agent_user 2": {CallID: callID, AgentUser: "x1028"},
		},
	},
	"two dispositions": {
		map[string]any{"disposition": ".disposition", "dispositions": []string{"SALE", "NI"}},
		source.Order{CallID: callID, AgentUser: "1", Disposition: "NI"},
		map[string]source.Order{
			"disposition 1": {CallID: callID, AgentUser: "1", Disposition: "DNC"},
			"disposition 2": {CallID: callID, AgentUser: "1", Disposition: "sale"},
			"disposition 3": {CallID: callID, AgentUser: "1", Disposition: "SALES"},
			"disposition 4": {CallID: callID, AgentUser: "1", Disposition: "SA"},
		},
	},
	"calls of two kinds": {
		map[string]any{"calls": "VY"},
		source.Order{CallID: callID, AgentUser: "1"},
		map[string]source.Order{
			"call_id 1": {CallID: "M1221052110000402027", AgentUser: "1"},
			"call_id 2": {CallID: "y1221052110000402027", AgentUser: "1"},
			"call_id 3": {CallID: "3125551212", AgentUser: "1"},
			"call_id 4": {CallID: "ÿ1221052110000402027", AgentUser: "1"},
		},
	},
	"everything at once, of which the call is named first": {
		map[string]any{"calls": "V", "agents": "1", "disposition": ".disposition", "dispositions": []string{"A"}},
		source.Order{CallID: "V1", AgentUser: "1", Disposition: "A"},
		map[string]source.Order{"call_id 1": {CallID: "Y1", AgentUser: "2", Disposition: "B"}},
	},
}

func TestScope(t *testing.T) {
	t.Parallel()
	for name, c := range scopes {
		t.Run("a source that may end "+name, func(t *testing.T) {
			t.Parallel()
			s := crm(t, c.members)
			if items := ordered(t, s, c.allowed); items[0].Err != nil || items[0].Order != c.allowed {
				t.Errorf("may not end what it may: %+v", items)
			}
			for try, order := range c.refused {
				field, _, _ := strings.Cut(try, " ")
				items := ordered(t, s, order)
				var refusal *source.FieldError
				if !errors.Is(items[0].Err, source.ErrNotAllowed) || !errors.As(items[0].Err, &refusal) || refusal.Field != field {
					t.Errorf("%+v: got %v, want ErrNotAllowed of %s", order, items[0].Err, field)
				}
				if errors.Is(s.Allows(order), source.ErrInvalid) || s.Allows(order) == nil {
					t.Errorf("%+v: Allows disagrees", order)
				}
			}
		})
	}
}

func ordered(t *testing.T, s *source.Source, o source.Order) []source.Item {
	t.Helper()
	body := fmt.Appendf(nil, `{"call_id": %q, "agent_user": %q, "disposition": %q}`, o.CallID, o.AgentUser, o.Disposition)
	items, err := s.Select(t.Context(), body)
	if err != nil || len(items) != 1 {
		t.Fatalf("got %+v, %v", items, err)
	}
	return items
}

func TestScopeMessages(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"agents": "4711", "calls": "V", "disposition": ".d", "dispositions": []string{"SALE", "NI"}})
	if err := s.Allows(source.Order{CallID: "V1", AgentUser: "4711", Disposition: "X"}); err == nil || err.Error() != "disposition: this source may not book this status, only SALE, NI" {
		t.Errorf("got %v", err)
	}
	for _, order := range []source.Order{{CallID: callID}, {CallID: "V1", AgentUser: "8"}, {AgentUser: "8"}} {
		err := s.Allows(order)
		if err == nil {
			t.Fatalf("%+v was allowed", order)
		}
		for _, part := range []string{"4711", "SALE", `"V"`} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%v quotes %s", err, part)
			}
		}
	}
}
