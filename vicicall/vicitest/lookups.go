package vicitest

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// A Lookup is one answer of the non-agent API of a real VICIdial 2.14-194 on PHP 8.2, observed for the account lookup
// with the password L00kup77 and, unless its condition says otherwise, agent 1028 in call Y1126114400000402027.
type Lookup struct {
	Condition string            // in words
	Function  string            // agent_status or logged_in_agents
	Fields    map[string]string // of the request, beside source, user, pass and function
	Status    int               // of HTTP
	Body      string

	// Means is "in a call", "no call", "agents" or an outcome; "any" for what a client that asks with stage=tab and
	// without header does not meet, or what says nothing of its condition.
	Means                                 string
	CallID, LeadID, Phone, VendorLeadCode string
	NoContact                             bool // phone and code can't be told apart from other fields
	Agents                                []string
}

//go:embed lookups.json
var lookupsJSON []byte

var lookups = sync.OnceValue(func() []Lookup {
	var all []Lookup
	if err := json.Unmarshal(lookupsJSON, &all); err != nil {
		panic(err)
	}
	return all
})

// Lookups returns every answer of the non-agent API that was observed.
func Lookups() []Lookup { return append([]Lookup(nil), lookups()...) }
