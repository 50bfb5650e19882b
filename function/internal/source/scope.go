package source

import (
	"slices"
	"strings"
)

// Allows holds an order against the source's scope. It returns a *FieldError that errors.Is ErrNotAllowed and names
// the first field outside of it; the message tells a stranger nothing about the scope.
func (s *Source) Allows(o Order) error {
	switch {
	case s.calls != "" && (o.CallID == "" || !strings.Contains(s.calls, o.CallID[:1])):
		return &FieldError{fieldCallID, "this source may not end calls of this kind", ErrNotAllowed}
	case s.agents != nil && !s.agents.MatchString(o.AgentUser):
		return &FieldError{fieldAgentUser, "this source may not end calls of this agent", ErrNotAllowed}
	case s.dispositions != nil && !slices.Contains(s.dispositions, o.Disposition):
		return &FieldError{fieldDisposition, "this source may not book this status", ErrNotAllowed}
	}
	return nil
}
