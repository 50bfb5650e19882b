package vicitest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrUnknownFault is wrapped by the error for a name that [Faults] does not have.
var ErrUnknownFault = errors.New("vicitest: unknown fault")

// A Fault is one thing that goes wrong with some requests.
type Fault struct {
	Name     string          // one of Faults
	Stage    string          // applies to this kind of request only: HANGUP, CHECK, version, agent_status, …; empty is as FaultInfo says
	CallID   string          // applies to requests for this call only; empty is any
	Skip     int             // lets so many requests pass first
	Times    int             // applies to so many requests; 0 is all that follow
	Delay    time.Duration   // for a fault that waits, how long; 0 is 10 s, or 100 ms for one that drips
	Release  <-chan struct{} // ends the wait early when closed; alone, without Delay, it is the only end
	Location string          // where redirect points; empty is https://dialer.example.com/agc/api.php

	observed *Observation
}

// A FaultInfo describes a fault.
type FaultInfo struct {
	Name  string
	Stage string // the only kind of request it makes sense for; empty is any
	About string
}

// A definition is what a fault does on a request's way.
type definition struct {
	Fault // as injected; its Name is info's
	info  FaultInfo
	seen  int // requests that it fits

	before    func(*exchange) bool // answers instead of the script when true
	words     map[string]string    // the language in place of the user's
	agentOnly bool                 // applies to agc/api.php only
	blind     string               // a table that reads as empty
	strict    bool                 // SQL refuses a status that is too long
	pause     bool                 // waits between the checks and the work
	without   steps                // parts of the work that are not done
	onSuccess bool                 // turn and send only where the work was promised
	turn      func(*exchange)      // changes the script's page
	send      func(*exchange)
	delay     time.Duration // default
}

// Faults lists every fault by name.
func Faults() []FaultInfo {
	var all []FaultInfo
	for _, d := range catalogue {
		all = append(all, d.info)
	}
	return all
}

// FaultByName describes one fault. An unknown name is [ErrUnknownFault], and the error lists the known ones.
func FaultByName(name string) (FaultInfo, error) {
	d, err := define(name)
	return d.info, err
}

func define(name string) (definition, error) {
	var names []string
	for _, d := range catalogue {
		if d.info.Name == name {
			return d, nil
		}
		names = append(names, d.info.Name)
	}
	slices.Sort(names)
	return definition{}, fmt.Errorf("%w %q; known are %s", ErrUnknownFault, name, strings.Join(names, ", "))
}

// Inject adds faults, or none of them when a name is unknown. The first fault that fits a request applies to it.
func (s *Server) Inject(faults ...Fault) error {
	var add []*definition
	for _, f := range faults {
		d := definition{before: asStaged}
		if f.observed == nil {
			var err error
			if d, err = define(f.Name); err != nil {
				return err
			}
		}
		f.Stage = cmp.Or(f.Stage, d.info.Stage)
		d.Fault = f
		add = append(add, &d)
	}
	s.locked(func() { s.faults = append(s.faults, add...) })
	return nil
}

// ClearFaults ends every fault for the requests to come.
func (s *Server) ClearFaults() { s.locked(func() { s.faults = nil }) }

// Hold stops requests of a stage before the work until release is called; [Server.Await] waits until one has come.
func (s *Server) Hold(stage string) (release func()) {
	gate := make(chan struct{})
	held := Fault{Name: "slow-work", Stage: stage, Release: gate}
	if err := s.Inject(held); err != nil {
		panic(err)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *definition) bool { return f.Release == held.Release })
		close(gate)
	}
}

// nextFault returns the fault that applies to a request, at its arrival; the zero value changes nothing.
func (s *Server) nextFault(x *exchange) definition {
	for i, f := range s.faults {
		if f.Stage != "" && f.Stage != x.kind || f.agentOnly && x.nonAgent || f.CallID != "" && fold(f.CallID) != x.callID {
			continue
		}
		if f.seen++; f.seen <= f.Skip {
			continue
		}
		if f.Times > 0 && f.seen == f.Skip+f.Times {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return *f
	}
	return definition{}
}
