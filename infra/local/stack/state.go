//go:build unix

package stack

import (
	"encoding/json"
	"net/http"

	"vicihook/vicicall/vicitest"
)

type state struct {
	Calls []callState `json:"calls"`
}

type callState struct {
	ID          string `json:"id"`
	Agent       string `json:"agent"`
	Listed      bool   `json:"listed"`      // vicidial_auto_calls has the row
	LineUp      bool   `json:"line_up"`     // the telephone line is connected
	Disposition string `json:"disposition"` // empty while nothing is booked
}

// State gives every call as VICIdial's tables have it.
func (s *Stack) State() []vicitest.CallState { return s.VICIdial.Calls() }

// ServeHTTP is the front: the gateway, and the truth at [StatePath] beside it.
func (s *Stack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != StatePath {
		s.gateway.ServeHTTP(w, r)
		return
	}
	now := state{Calls: []callState{}}
	for _, c := range s.State() {
		now.Calls = append(now.Calls, callState{c.ID, c.Agent, c.Listed, c.LineUp, c.Disposition})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(now) // a reader that is gone gets nothing
}
