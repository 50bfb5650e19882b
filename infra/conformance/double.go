package main

import (
	"context"
	"fmt"

	"vicihook/vicicall/vicitest"
)

// A double is vicitest in place of the real one: the same scenarios must have the same outcomes there.
type double struct{ server *vicitest.Server }

func (d *double) url() string { return d.server.URL }

func (d *double) stop() {
	if d.server != nil {
		d.server.Close()
	}
}

// reset implements dialer: a fresh double has nothing staged.
func (d *double) reset(context.Context) error {
	d.stop()
	d.server = vicitest.NewServer(vicitest.Config{})
	d.server.AddRemoteAgent(1028, 2)
	return nil
}

func (d *double) addCall(_ context.Context, c call) error {
	d.server.AddCall(vicitest.Call{ID: c.ID, Agent: c.Agent, Phone: c.Phone, VendorLeadCode: c.Code})
	return nil
}

func (d *double) state(_ context.Context, callID string) (state, error) {
	c, _ := d.server.Call(callID)
	s := state{Listed: c.Listed, Booked: c.Disposition}
	for _, row := range d.server.ManagerRows() {
		if row.Action == "Hangup" {
			s.Hangups++
		}
	}
	return s, nil
}

// accounts are the conditions that change an account of the double.
var accounts = map[string]func(api, lookup *vicitest.User){
	"wrong password":              func(api, _ *vicitest.User) { api.Pass = "0ther" },
	"inactive account":            func(api, _ *vicitest.User) { api.Active = false },
	"account of level 0":          func(api, _ *vicitest.User) { api.Level = 0 },
	"no agent API access":         func(api, _ *vicitest.User) { api.AgentAPI = false },
	"function not allowed":        func(api, _ *vicitest.User) { api.AllowedFunctions = " version " },
	"account locked":              func(api, _ *vicitest.User) { api.FailedLogins, api.LastLogin = 10, 1<<40 },
	"lookup of level 6":           func(_, lookup *vicitest.User) { lookup.Level = 6 },
	"lookup without reports":      func(_, lookup *vicitest.User) { lookup.ViewReports = false },
	"lookup without API access":   func(_, lookup *vicitest.User) { lookup.AgentAPI = false },
	"lookup without function":     func(_, lookup *vicitest.User) { lookup.AllowedFunctions = " version " },
	"lookup group can't view":     func(_, lookup *vicitest.User) { lookup.ViewableGroups = []string{"OTHERS"} },
	"lookup password wrong":       func(_, lookup *vicitest.User) { lookup.Pass = "0ther" },
	"account in another language": func(api, _ *vicitest.User) { api.Words = vicitest.Spanish() },
	"address not in the IP list":  func(api, _ *vicitest.User) { api.AllowedIPs = []string{"203.0.113.7"} },
}

// faults are the conditions that the double has as faults.
var faults = map[string]string{
	"strict SQL":            "strict-sql-500",
	"QueueMetrics down":     "success-then-500",
	"manager table missing": "strict-sql-500",
	"errors shown":          "warnings",
	"database down":         "database-down-500",
	"database frozen":       "silent-undone",
	"database restarted":    "restart",
}

// stage implements dialer.
func (d *double) stage(_ context.Context, condition string) error {
	if change, ok := accounts[condition]; ok {
		api, lookup := vicitest.APIUser(apiUser, apiPass), vicitest.LookupUser(lookupUser, lookupPass)
		change(&api, &lookup)
		d.server.AddUser(api)
		d.server.AddUser(lookup)
		d.server.Configure(vicitest.Settings{IPLists: true}) // most accounts have no list
		return nil
	}
	if fault, ok := faults[condition]; ok {
		return d.server.Inject(vicitest.Fault{Name: fault})
	}
	switch condition {
	case "agent API off":
		d.server.Configure(vicitest.Settings{APIInactive: true})
	case "no active server":
		d.server.Configure(vicitest.Settings{NoServers: true})
	case "agent logged off":
		d.server.LogOff("1028")
	case "call ended", "call dead in the list":
		for _, c := range d.server.Calls() {
			d.server.Delist(c.ID)
		}
	case "line without a user":
		a := d.server.Agents()[0] // 1028
		a.NoUser = true
		d.server.AddAgent(a)
	default:
		return fmt.Errorf("no condition %q", condition)
	}
	return nil
}
