package vicicall_test

import (
	"slices"
	"strings"
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

func TestParseLookupsAsObserved(t *testing.T) {
	t.Parallel()
	rows := vicitest.Lookups()
	if len(rows) < 36 {
		t.Fatalf("%d rows, want 36", len(rows))
	}
	for _, row := range rows {
		t.Run(row.Condition, func(t *testing.T) {
			agentUser := row.Fields["agent_user"]
			var agents []vicicall.Agent
			var r vicicall.Reply
			if row.Function == "logged_in_agents" {
				agents, r = vicicall.ParseLoggedInAgents(row.Status, []byte(row.Body))
			} else {
				var a vicicall.Agent
				a, r = vicicall.ParseAgentStatus(row.Status, []byte(row.Body), agentUser)
				agents = append(agents, a)
			}
			assertNothingEchoed(t, r)
			switch row.Means {
			case "any":
			case "in a call":
				want := vicicall.Agent{User: agentUser, Status: "INCALL", CallID: row.CallID, LeadID: row.LeadID, Campaign: "TESTCAMP",
					Phone: row.Phone, VendorLeadCode: row.VendorLeadCode, Contact: !row.NoContact, SubStatus: agents[0].SubStatus}
				if r.Outcome != "" || agents[0] != want || !agents[0].InCall() {
					t.Errorf("%+v, %+v; want %+v", agents[0], r, want)
				}
			case "no call":
				if r.Outcome != "" || agents[0].InCall() || agents[0].User != agentUser {
					t.Errorf("%+v, %+v; want no call", agents[0], r)
				}
			case "agents":
				var users []string
				for _, a := range agents {
					users = append(users, a.User)
				}
				if r.Outcome != "" || !slices.Equal(users, row.Agents) {
					t.Errorf("%v, %+v; want %v", users, r, row.Agents)
				}
			default:
				if string(r.Outcome) != row.Means || r.Message == "" {
					t.Errorf("%+v, want %s", r, row.Means)
				}
			}
		})
	}
}

// assertNothingEchoed fails if a reply has text that VICIdial only echoed: the account, its password, or a lead's data.
func assertNothingEchoed(t *testing.T, r vicicall.Reply) {
	t.Helper()
	for _, secret := range []string{"L00kup77", "S3cretWrong", "lookup|", "nobody|", "3125551212", "TICKET77", "Remote"} {
		if strings.Contains(r.Line+r.Message, secret) {
			t.Errorf("%q is in %+v", secret, r)
		}
	}
}

const (
	statusRow = "INCALL\tY1126114400000402027\t402027\tTESTCAMP\t0\tRemote One\tAGENTS\t1\t\t\t3125551212\tTICKET77\t8600\n"
	listRow   = "1028\tTESTCAMP\t8600\tINCALL\t402027\tY1126114400000402027\t0\tRemote One\tAGENTS\t1\n"
	phpNotice = "<br />\n<b>Warning</b>:  Undefined variable $DB in <b>/srv/www/htdocs/vicidial/non_agent_api.php</b> on line <b>304</b><br />\n"
)

func TestParseAgentStatus(t *testing.T) {
	t.Parallel()
	const none = vicicall.Outcome("")
	for name, tt := range map[string]struct {
		status  int
		body    string
		outcome vicicall.Outcome
		inCall  bool
		contact bool
	}{
		"PHP warnings around the row":                 {200, phpNotice + statusRow + phpNotice, none, true, true},
		"a byte order mark before it":                 {200, "\ufeff" + statusRow, none, true, true},
		"a carriage return behind it":                 {200, strings.Replace(statusRow, "\n", "\r\n", 1), none, true, true},
		"12 fields, before 2.12-80":                   {200, strings.Replace(statusRow, "\t8600", "", 1), none, true, true},
		"8 fields":                                    {200, "INCALL\tY1126114400000402027\t402027\tTESTCAMP\t0\tRemote One\tAGENTS\t1\n", none, true, false},
		"8 fields, no call":                           {200, "READY\t\t0\tTESTCAMP\t0\tRemote One\tAGENTS\t1\n", none, false, false},
		"a tab in the name":                           {200, strings.Replace(statusRow, "Remote One", "Remote\tOne", 1), none, true, false},
		"a tab in the name, before 2.12-80":           {200, strings.Replace(statusRow, "Remote One", "Remote\tOne", 1)[:len(statusRow)-5] + "\n", none, true, false},
		"a line end and a tab in the code":            {200, strings.Replace(statusRow, "TICKET77", "A\n\tB", 1), none, true, false},
		"a blank line in the code":                    {200, strings.Replace(statusRow, "TICKET77", "A\n\nB", 1), none, true, true},
		"a name that is not UTF-8":                    {200, strings.Replace(statusRow, "Remote", "Andr\xe9", 1), none, true, true},
		"ringing, QUEUE":                              {200, strings.Replace(statusRow, "INCALL", "QUEUE", 1), none, true, true},
		"after the call, DISPO":                       {200, strings.Replace(strings.Replace(statusRow, "INCALL", "PAUSED", 1), "\t1\t\t\t", "\t1\t\tDISPO\t", 1), none, false, true},
		"an on-hook agent's ring for a call id":       {200, strings.Replace(statusRow, "Y1126114400000402027", "RINGAGENT00000000123", 1), none, false, true},
		"an e-mail's id":                              {200, strings.Replace(statusRow, "Y1126", "E1126", 1), none, false, true},
		"500 and nothing":                             {500, "", vicicall.Unavailable, false, false},
		"500 and a row":                               {500, statusRow, vicicall.Unavailable, false, false},
		"no database":                                 {200, "MySQL connect ERROR: Too many connections", vicicall.Unavailable, false, false},
		"no database, shown by PHP 8":                 {200, "<br />\n<b>Fatal error</b>:  Uncaught mysqli_sql_exception: Connection refused", vicicall.Unavailable, false, false},
		"a proxy's page":                              {502, "<html>Bad Gateway</html>", vicicall.Unavailable, false, false},
		"no such script":                              {404, "Not Found", vicicall.UnexpectedReply, false, false},
		"a firewall":                                  {403, "Forbidden", vicicall.UnexpectedReply, false, false},
		"nothing":                                     {200, "", vicicall.UnexpectedReply, false, false},
		"another page":                                {200, "<html>\t1\t2\t3\t4\t5\t6</html>", vicicall.UnexpectedReply, false, false},
		"locked":                                      {200, "ERROR: Too many login attempts, try again in 15 minutes: |lookup|LOCK|\n", vicicall.LockedOut, false, false},
		"locked, in another language":                 {200, "ERROR: Demasiados intentos: |lookup|LOCK|\n", vicicall.LockedOut, false, false},
		"a second factor":                             {200, "ERROR: Login incorrect, please try again: |lookup|L00kup77|2FA|\n", vicicall.CredentialsRejected, false, false},
		"a user named LOCK with a wrong password":     {200, "ERROR: Login incorrect, please try again: |LOCK|L00kup77|BAD|\n", vicicall.CredentialsRejected, false, false},
		"no server":                                   {200, "ERROR: Login incorrect, please try again: |lookup|L00kup77|ERRSERVERS|\n", vicicall.NoActiveServer, false, false},
		"unknown words":                               {200, "ERROR: agent_status SOMETHING NEW: lookup|1028\n", vicicall.UnexpectedReply, false, false},
		"a refusal among warnings":                    {200, phpNotice + "ERROR: agent_status AGENT NOT LOGGED IN: lookup|1028\n", vicicall.AgentNotLoggedIn, false, false},
		"a name that begins with ERROR is no refusal": {200, strings.Replace(statusRow, "Remote One", "x\nERROR: NO FUNCTION SPECIFIED", 1), none, true, true},
	} {
		a, r := vicicall.ParseAgentStatus(tt.status, []byte(tt.body), "1028")
		if r.Outcome != tt.outcome || a.InCall() != tt.inCall || a.Contact != tt.contact {
			t.Errorf("%s: %+v, %+v; want %q, in a call %v, contact %v", name, a, r, tt.outcome, tt.inCall, tt.contact)
		}
		if a.Contact && a.InCall() && a.Phone != "3125551212" {
			t.Errorf("%s: phone %q", name, a.Phone)
		}
		assertNothingEchoed(t, r)
	}
}

func TestParseLoggedInAgents(t *testing.T) {
	t.Parallel()
	second := strings.Replace(strings.ReplaceAll(listRow, "402027", "402028"), "1028", "1029", 1)
	for name, tt := range map[string]struct {
		status  int
		body    string
		outcome vicicall.Outcome
		users   string
	}{
		"two":                         {200, listRow + second, "", "1028 1029"},
		"warnings around them":        {200, phpNotice + listRow + second + phpNotice, "", "1028 1029"},
		"a tab in a name":             {200, strings.Replace(listRow, "Remote One", "Remote\tOne", 1) + second, "", "1028 1029"},
		"a line end in a name":        {200, strings.Replace(listRow, "Remote One", "Remote\nOne", 1) + second, "", "1028 1029"},
		"nobody":                      {200, "ERROR: logged_in_agents NO LOGGED IN AGENTS: lookup|\n", "", ""},
		"it breaks off":               {200, listRow + "Fatal error: Uncaught mysqli_sql_exception", vicicall.Unavailable, ""},
		"500":                         {500, "", vicicall.Unavailable, ""},
		"the row of another function": {200, statusRow, vicicall.UnexpectedReply, ""},
		"older than the function":     {200, "ERROR: NO FUNCTION SPECIFIED\n", vicicall.UnexpectedReply, ""},
		"the function is not allowed": {200, "ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |lookup|logged_in_agents|\n", vicicall.PermissionDenied, ""},
		"a page":                      {200, "<html></html>", vicicall.UnexpectedReply, ""},
	} {
		agents, r := vicicall.ParseLoggedInAgents(tt.status, []byte(tt.body))
		var users []string
		for _, a := range agents {
			users = append(users, a.User)
		}
		if r.Outcome != tt.outcome || strings.Join(users, " ") != tt.users {
			t.Errorf("%s: %v, %+v; want %q, %s", name, users, r, tt.outcome, tt.users)
		}
		assertNothingEchoed(t, r)
	}
}

func FuzzParseAgentStatus(f *testing.F) {
	for _, row := range vicitest.Lookups() {
		f.Add(row.Status, []byte(row.Body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a, r := vicicall.ParseAgentStatus(status, body, "1028")
		assertPlain(t, r)
		if r.Outcome == "" {
			assertAgent(t, a)
		} else if a != (vicicall.Agent{}) {
			t.Errorf("%+v beside %+v", a, r)
		}
	})
}

func FuzzParseLoggedInAgents(f *testing.F) {
	for _, row := range vicitest.Lookups() {
		f.Add(row.Status, []byte(row.Body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		agents, r := vicicall.ParseLoggedInAgents(status, body)
		assertPlain(t, r)
		for _, a := range agents {
			assertAgent(t, a)
			if r.Outcome != "" || a.User == "" || a.Contact || a.Phone != "" || a.VendorLeadCode != "" {
				t.Errorf("%+v beside %+v", a, r)
			}
		}
	})
}

// assertPlain fails if a reply has no outcome, or text that may be from the body.
func assertPlain(t *testing.T, r vicicall.Reply) {
	t.Helper()
	if r.Outcome != "" && r.Message == "" || r.Listed || len(r.Line) > 200 || strings.ContainsAny(r.Line, "\t\n\x00") {
		t.Errorf("%+v", r)
	}
}

func assertAgent(t *testing.T, a vicicall.Agent) {
	t.Helper()
	call := vicicall.Call{ID: a.CallID, AgentUser: a.User}
	if a.CallID != "" && call.Validate() != nil {
		t.Errorf("%+v can't be hung up: %v", a, call.Validate())
	}
	if !a.Contact && a.Phone+a.VendorLeadCode != "" || a.InCall() && a.CallID == "" || strings.HasPrefix(a.LeadID, "0") {
		t.Errorf("%+v", a)
	}
}

func BenchmarkParseAgentStatus(b *testing.B) {
	b.SetBytes(int64(len(statusRow)))
	for b.Loop() {
		vicicall.ParseAgentStatus(200, []byte(statusRow), "1028")
	}
}

func BenchmarkParseLoggedInAgents(b *testing.B) {
	list := []byte(strings.Repeat(listRow, 1000))
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		vicicall.ParseLoggedInAgents(200, list)
	}
}
