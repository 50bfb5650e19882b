package vicitest

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"vicihook/vicicall"
)

// An Observation is one answer of a real VICIdial to a request with user 6666, password S3cret, agent 1028 and call
// Y1221052110000402027, unless its condition says otherwise.
type Observation struct {
	Version        string // for example 2.14-82, a range of versions, or any
	Condition      string // in words
	CallID         string // that was asked for
	AgentUser      string // that was asked for
	Status         int    // of HTTP
	ContentType    string
	Body           string
	Outcome        vicicall.Outcome // what the answer means
	Effect         Effect
	Listed         bool // VICIdial lists the call afterwards
	EchoesPassword bool
	Derived        bool // read from the source code, or from what web servers do; not seen
}

// An Effect is what a request did to VICIdial's tables.
type Effect struct {
	Order        string // Hangup or Redirect: the action of a new row in vicidial_manager
	Delisted     bool   // the row of vicidial_auto_calls was deleted
	Ready        bool   // the agent became READY
	KeepsCall    bool   // but the row still holds the call
	Booked       string // status of the lead
	Logged       bool   // a row in vicidial_api_log
	FailedLogins int    // added to the account
}

//go:embed observed.json
var observedJSON []byte

var observations = sync.OnceValue(func() []Observation {
	var data struct {
		Bodies   []string
		Observed []struct {
			Observation
			Type string
			Body int
		}
	}
	if err := json.Unmarshal(observedJSON, &data); err != nil {
		panic(err)
	}
	var all []Observation
	for _, o := range data.Observed {
		o.Observation.Body, o.Observation.ContentType = data.Bodies[o.Body], o.Type
		all = append(all, o.Observation)
	}
	return all
})

// Observations returns every answer that was observed, in 15 versions.
func Observations() []Observation { return slices.Clone(observations()) }

// Observed returns the fault that answers as observed, byte for byte, and does to the request's call and agent what was
// done then. It makes no checks: who asks and for what makes no difference. It panics when [Observations] has no such
// version and condition.
func Observed(version, condition string) Fault {
	for i, o := range observations() {
		if o.Version == version && o.Condition == condition {
			return Fault{Name: "observed", observed: &observations()[i]}
		}
	}
	panic(fmt.Sprintf("vicitest: not observed: version %q, condition %q", version, condition))
}

// asStaged sends the fault's observation in place of the script.
func asStaged(x *exchange) bool {
	x.s.locked(func() { x.apply(x.fault.observed.Effect) })
	return instead(x.fault.observed.page())(x)
}

func (o Observation) page() page {
	p := page{status: o.Status, kind: o.ContentType, line: o.Body}
	p.caching = o.ContentType == utf8HTML && o.Version != "any" // the script came as far as its headers
	if o.Status == http.StatusMovedPermanently {
		p.location = elsewhere
	}
	return p
}

// apply does to the tables what the observed request did.
func (x *exchange) apply(e Effect) {
	if u := x.s.users[fold(x.in.user)]; u != nil {
		u.FailedLogins += e.FailedLogins
	}
	if e.Logged {
		x.s.logged++
	}
	c := x.s.calls[x.callID]
	if c == nil {
		return
	}
	if e.Order != "" {
		x.s.manager = append(x.s.manager, ManagerRow{Action: e.Order, Channel: c.channel})
		c.LineUp = c.LineUp && e.Order != "Hangup"
	}
	c.Disposition = cmp.Or(e.Booked, c.Disposition)
	if holder := x.s.holder(c.CallState.ID); holder != nil && e.Ready {
		holder.Status = "READY"
		if !e.KeepsCall {
			holder.CallID = ""
		}
	}
	c.Listed = c.Listed && !e.Delisted
}

// A Lookup is one answer of the non-agent API of a real VICIdial 2.14-194 on PHP 8.2, observed for the account lookup
// with the password L00kup77 and, unless its condition says otherwise, agent 1028 in call Y1126114400000402027.
type Lookup struct {
	Condition string            // in words
	Function  string            // agent_status or logged_in_agents
	Fields    map[string]string // of the request, beside source, user, pass and function
	Status    int               // of HTTP
	Body      string

	// Means is "in a call", "no call", "agents" or an outcome; "any" for what a client that asks with stage=tab and
	// without header does not meet, or for a body that does not depend on its condition.
	Means                                 string
	CallID, LeadID, Phone, VendorLeadCode string
	NoContact                             bool // phone and code can't be separated from other fields
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
