package source

import (
	"slices"
	"strings"
)

// Allows compares an order with the source's scope, before a call is looked up and after it was found. It returns a
// *FieldError that errors.Is ErrNotAllowed and names the first field outside of the scope. The message lists the statuses
// that may be booked, so that a program can choose another, and nothing else of the scope.
func (s *Source) Allows(o Order) error {
	switch {
	case s.calls != "" && o.CallID != "" && !strings.Contains(s.calls, o.CallID[:1]):
		return &FieldError{fieldCallID, "this source may not end calls of this kind", ErrNotAllowed}
	case s.agents != nil && o.AgentUser != "" && !s.agents.MatchString(o.AgentUser):
		return &FieldError{fieldAgentUser, "this source may not end calls of this agent", ErrNotAllowed}
	case s.dispositions != nil && !slices.Contains(s.dispositions, o.Disposition):
		return &FieldError{fieldDisposition, "this source may not book this status, only " + strings.Join(s.dispositions, ", "), ErrNotAllowed}
	}
	return nil
}
