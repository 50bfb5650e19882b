package vicicall_test

import (
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

// BenchmarkLookups measures finding a call beside a CHECK, which is one round trip: one by agent, two by lead, and by
// phone alone one and one for each of 100 agents in calls. The server runs in the same process.
func BenchmarkLookups(b *testing.B) {
	server := vicitest.NewServer(vicitest.Config{})
	defer server.Close()
	server.AddRemoteAgent(1000, 100)
	call := vicicall.Call{AgentUser: "1000"}
	for _, agent := range server.Agents() {
		id := server.NextCallID('Y')
		if agent.User == call.AgentUser {
			call.ID = id
		}
		server.AddCall(vicitest.Call{ID: id, Agent: agent.User, Phone: "31255" + id[15:]})
	}
	lead := server.LeadOf(call.ID)
	client := vicicall.New(vicicall.Config{})
	defer client.Close()
	account := vicicall.Credentials{
		URLs: []string{server.URL}, User: vicitest.DefaultUser, Pass: vicitest.DefaultPass,
		Lookup: &vicicall.Account{User: vicitest.DefaultLookupUser, Pass: vicitest.DefaultLookupPass},
	}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := client.Check(b.Context(), account, call); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, query := range map[string]vicicall.Query{
		"by-agent": {AgentUser: call.AgentUser, Phone: lead.Phone},
		"by-lead":  {LeadID: lead.ID},
		"by-phone": {Phone: lead.Phone},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if found, err := client.Find(b.Context(), account, query); err != nil || found.CallID != call.ID {
					b.Fatal(found.CallID, err)
				}
			}
		})
	}
}
