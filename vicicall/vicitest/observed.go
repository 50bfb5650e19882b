package vicitest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"vicihook/vicicall"
)

// ErrNotObserved is wrapped by the error for a version and condition that [Observations] does not have.
var ErrNotObserved = errors.New("vicitest: not observed")

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
	URLStored    bool   // a row in vicidial_api_urls, with the password
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
// done then. It knows of no check: who asks and for what makes no difference.
func Observed(version, condition string) (Fault, error) {
	i := slices.IndexFunc(observations(), func(o Observation) bool {
		return o.Version == version && o.Condition == condition
	})
	if i < 0 {
		return Fault{}, fmt.Errorf("%w: version %q, condition %q", ErrNotObserved, version, condition)
	}
	return Fault{Name: "observed", observed: &observations()[i]}, nil
}

// staged replaces the whole script.
var staged = definition{before: stage}

func stage(x *exchange) bool {
	o := x.fault.observed
	x.s.apply(o.Effect, x)
	whole(x, o.page())
	return true
}

func (o Observation) page() page {
	p := page{status: o.Status, kind: o.ContentType, line: o.Body}
	p.caching = o.ContentType == utf8HTML && o.Version != "any" // the script came as far as its headers
	if o.Status == http.StatusMovedPermanently {
		p.location = elsewhere
	}
	return p
}

func (s *Server) apply(e Effect, x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[fold(x.in.user)]; u != nil {
		u.FailedLogins += e.FailedLogins
	}
	if e.Logged {
		s.log = append(s.log, LogRow{Time: s.now(), User: x.in.user, AgentUser: x.in.agentUser, Function: x.in.function,
			Source: x.in.source, PasswordStored: e.URLStored})
	}
	if c := s.calls[x.callID]; c != nil {
		s.applyToCall(e, c)
	}
}

func (s *Server) applyToCall(e Effect, c *call) {
	if e.Order != "" {
		s.manager = append(s.manager, ManagerRow{Action: e.Order, Channel: c.channel})
		c.LineUp = c.LineUp && e.Order != "Hangup"
	}
	if e.Booked != "" {
		c.Disposition = e.Booked
	}
	if holder := s.holder(c.CallState.ID); holder != nil && e.Ready {
		holder.Status = "READY"
		if !e.KeepsCall {
			holder.CallID = ""
		}
	}
	c.Listed = c.Listed && !e.Delisted
}

// mustObserve returns an observation that faults are made of.
func mustObserve(version, condition string) Observation {
	f, err := Observed(version, condition)
	if err != nil {
		panic(err)
	}
	return *f.observed
}
