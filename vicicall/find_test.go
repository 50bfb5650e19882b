package vicicall_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/vicicall"
)

// lookupServer answers agent_status from rows by agent, and logged_in_agents from list.
type lookupServer struct {
	*httptest.Server
	mu   sync.Mutex
	rows map[string]string
	list string
	now  string   // answer to function=version
	sent []string // function and agent of each request
	last string   // body of the last request
}

func (s *lookupServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *lookupServer) lastRequest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func serveLookups(t *testing.T, list string, rows map[string]string) *lookupServer {
	s := &lookupServer{rows: rows, list: list}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = r.URL.String() + " " + string(body)
		s.sent = append(s.sent, strings.TrimSpace(form.Get("function")+" "+form.Get("agent_user")))
		switch form.Get("function") {
		case "logged_in_agents":
			fmt.Fprint(w, s.list)
			return
		case "version":
			fmt.Fprint(w, s.now)
			return
		}
		row, ok := s.rows[form.Get("agent_user")]
		if !ok {
			row = "ERROR: agent_status AGENT NOT LOGGED IN: lookup|" + form.Get("agent_user") + "\n"
		}
		fmt.Fprint(w, row)
	}))
	t.Cleanup(s.Close)
	return s
}

func lookupCredentials(urls ...string) vicicall.Credentials {
	cred := credentials(urls...)
	cred.Lookup = &vicicall.Account{User: "lookup", Pass: "L00kup77"}
	return cred
}

func row(callID, lead, sub, phone, code string) string {
	return fmt.Sprintf("INCALL\t%s\t%s\tTESTCAMP\t0\tRemote One\tAGENTS\t1\t\t%s\t%s\t%s\t8600\n", callID, lead, sub, phone, code)
}

func listed(user, callID, lead string) string {
	return fmt.Sprintf("%s\tTESTCAMP\t8600\tINCALL\t%s\t%s\t0\tRemote\tAGENTS\t1\n", user, lead, callID)
}

const (
	call1, call2 = "Y1126114400000402027", "V1261144000000402028"
	tabbed       = "A\tB"
)

func TestFindByAgent(t *testing.T) {
	t.Parallel()
	type q = vicicall.Query
	const agentSelf = "1028"
	in := row(call1, "402027", "", "3125551212", "TICKET77")
	for name, tt := range map[string]struct {
		row   string
		query q
		want  vicicall.Outcome // "" is found
	}{
		"by lead":                                  {in, q{LeadID: "402027"}, ""},
		"by lead with leading zeros":               {in, q{LeadID: "000402027"}, ""},
		"by phone":                                 {in, q{Phone: "3125551212"}, ""},
		"by phone with country code and spaces":    {in, q{Phone: "+1 (312) 555-1212"}, ""},
		"by the phone's last seven digits":         {in, q{Phone: "5551212"}, ""},
		"by a phone with five digits more":         {in, q{Phone: "123453125551212"}, vicicall.OtherCall},
		"by code":                                  {in, q{VendorLeadCode: "TICKET77"}, ""},
		"by all of them":                           {in, q{LeadID: "402027", Phone: "3125551212", VendorLeadCode: "TICKET77"}, ""},
		"by call id":                               {in, q{CallID: call1}, ""},
		"by a call id that is another's":           {in, q{CallID: call2}, vicicall.OtherCall},
		"by another lead":                          {in, q{LeadID: "402028"}, vicicall.OtherCall},
		"by lead and another phone":                {in, q{LeadID: "402027", Phone: "3125551213"}, vicicall.OtherCall},
		"by a code in other letters":               {in, q{VendorLeadCode: "ticket77"}, vicicall.OtherCall},
		"the lead has no phone":                    {row(call1, "402027", "", "", ""), q{Phone: "3125551212"}, vicicall.OtherCall},
		"by lead where the code has a tab":         {row(call1, "402027", "", "3125551212", tabbed), q{LeadID: "402027"}, ""},
		"by phone where the code has a tab":        {row(call1, "402027", "", "3125551212", tabbed), q{Phone: "3125551212"}, vicicall.UnexpectedReply},
		"by another lead where the code has a tab": {row(call1, "402027", "", "3125551212", tabbed), q{LeadID: "1", Phone: "3125551212"}, vicicall.OtherCall},
		"a call with three":                        {row(call1, "402027", "3-WAY", "3125551212", ""), q{LeadID: "402027"}, ""},
		"a call that VICIdial no longer lists":     {row(call1, "402027", "DEAD", "3125551212", ""), q{LeadID: "402027"}, vicicall.NoActiveCall},
		"an agent without a call":                  {"READY\t\t0\tTESTCAMP\t0\tRemote One\tAGENTS\t1\t\t\t\t\t8600\n", q{LeadID: "402027"}, vicicall.NoActiveCall},
		"an agent after the call":                  {strings.Replace(row(call1, "402027", "DISPO", "", ""), "INCALL", "PAUSED", 1), q{LeadID: "402027"}, vicicall.NoActiveCall},
		"an agent who is not logged in":            {"ERROR: agent_status AGENT NOT LOGGED IN: lookup|1028\n", q{LeadID: "402027"}, vicicall.AgentNotLoggedIn},
		"an agent whom VICIdial does not know":     {"ERROR: agent_status AGENT NOT FOUND: lookup|1028\n", q{LeadID: "402027"}, vicicall.InvalidRequest},
		"an agent alone":                           {in, q{}, vicicall.InvalidRequest},
		"a phone of six digits":                    {in, q{Phone: "551212"}, vicicall.InvalidRequest},
		"a phone with letters":                     {in, q{Phone: "555-1212 ext"}, vicicall.InvalidRequest},
		"a lead that is no number":                 {in, q{LeadID: "4020x7"}, vicicall.InvalidRequest},
		"the lead 0":                               {in, q{LeadID: "0"}, vicicall.InvalidRequest},
		"a code that VICIdial would have cut":      {in, q{VendorLeadCode: strings.Repeat("x", 21)}, vicicall.InvalidRequest},
		"a phone number for a call id":             {in, q{CallID: "3125551212"}, vicicall.InvalidRequest},
		"a password that is wrong":                 {"ERROR: Login incorrect, please try again: |lookup|L00kup77|BAD|\n", q{LeadID: "1"}, vicicall.CredentialsRejected},
	} {
		s := serveLookups(t, "", map[string]string{agentSelf: tt.row})
		c := vicicall.New(vicicall.Config{})
		tt.query.AgentUser = agentSelf
		a, err := c.Find(t.Context(), lookupCredentials(s.URL), tt.query)
		if tt.want == "" && (err != nil || a.CallID != call1 || a.User != agentSelf) || tt.want != "" && !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %q", name, a, err, tt.want)
		}
		if len(s.requests()) > 1 || tt.want == vicicall.InvalidRequest && tt.row == in && len(s.requests()) > 0 {
			t.Errorf("%s: asked %q", name, s.requests())
		}
		if err != nil && a != (vicicall.Agent{}) {
			t.Errorf("%s: %+v beside an error", name, a)
		}
		assertNoSecret(t, err)
		c.Close()
	}
}

func assertNoSecret(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, secret := range []string{"L00kup77", "3125551212", "TICKET77", "S3cret"} {
			if strings.Contains(fmt.Sprintf("%+v", err), secret) {
				t.Errorf("%q is in %+v", secret, err)
			}
		}
	}
}

func TestFindAmongAllAgents(t *testing.T) {
	t.Parallel()
	type q = vicicall.Query
	one, two := row(call1, "402027", "", "3125551212", "TICKET77"), row(call2, "402028", "", "3125551213", "TICKET78")
	both := listed("1028", call1, "402027") + listed("1029", call2, "402028")
	busy := strings.Builder{}
	rows := map[string]string{}
	for i := range 101 {
		user, id := fmt.Sprint(2000+i), fmt.Sprintf("Y112611440%010d", 500000+i)
		busy.WriteString(listed(user, id, fmt.Sprint(500000+i)))
		rows[user] = row(id, fmt.Sprint(500000+i), "", fmt.Sprintf("312555%04d", i), "")
	}
	for name, tt := range map[string]struct {
		list  string
		rows  map[string]string
		query q
		want  vicicall.Outcome
		agent string
		asked int
	}{
		"by lead":                              {both, map[string]string{"1028": one, "1029": two}, q{LeadID: "402028"}, "", "1029", 2},
		"by phone":                             {both, map[string]string{"1028": one, "1029": two}, q{Phone: "13125551212"}, "", "1028", 3},
		"by a phone that nobody talks to":      {both, map[string]string{"1028": one, "1029": two}, q{Phone: "3125559999"}, vicicall.NoActiveCall, "", 3},
		"by a lead that nobody talks to":       {both, nil, q{LeadID: "1"}, vicicall.NoActiveCall, "", 1},
		"nobody is logged in":                  {"ERROR: logged_in_agents NO LOGGED IN AGENTS: lookup|\n", nil, q{LeadID: "1"}, vicicall.NoActiveCall, "", 1},
		"two talk to the number":               {both, map[string]string{"1028": one, "1029": row(call2, "402028", "", "3125551212", "")}, q{Phone: "3125551212"}, vicicall.InvalidRequest, "", 3},
		"one of two logs off meanwhile":        {both, map[string]string{"1029": two}, q{Phone: "3125551213"}, "", "1029", 3},
		"the call ends meanwhile":              {both, map[string]string{"1029": row(call2, "402028", "DEAD", "", "")}, q{LeadID: "402028"}, vicicall.NoActiveCall, "", 2},
		"another call follows meanwhile":       {both, map[string]string{"1029": row(call1, "402027", "", "", "")}, q{LeadID: "402028"}, vicicall.NoActiveCall, "", 2},
		"one of two is unreadable":             {both, map[string]string{"1028": one, "1029": row(call2, "402028", "", "3125551213", tabbed)}, q{Phone: "3125551212"}, vicicall.UnexpectedReply, "", 3},
		"one of two may not be viewed":         {both, map[string]string{"1028": one, "1029": "ERROR: agent_status AGENT NOT FOUND: lookup|1029\n"}, q{Phone: "3125551212"}, vicicall.InvalidRequest, "", 3},
		"more than 100 are in calls":           {busy.String(), rows, q{Phone: "3125550007"}, vicicall.InvalidRequest, "", 1},
		"100 are in calls":                     {busy.String()[strings.IndexByte(busy.String(), '\n')+1:], rows, q{Phone: "3125550007"}, "", "2007", 101},
		"more than 100, but the lead is named": {busy.String(), rows, q{LeadID: "500007"}, "", "2007", 2},
		"older than logged_in_agents":          {"ERROR: NO FUNCTION SPECIFIED\n", nil, q{LeadID: "1"}, vicicall.UnexpectedReply, "", 1},
	} {
		s := serveLookups(t, tt.list, tt.rows)
		c := vicicall.New(vicicall.Config{Budget: 0})
		a, err := c.Find(t.Context(), lookupCredentials(s.URL), tt.query)
		if tt.want == "" && (err != nil || a.User != tt.agent || !a.InCall()) || tt.want != "" && !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %q %s", name, a, err, tt.want, tt.agent)
		}
		if len(s.requests()) > tt.asked || tt.want == "" && len(s.requests()) != tt.asked {
			t.Errorf("%s: %d requests, want %d", name, len(s.requests()), tt.asked)
		}
		assertNoSecret(t, err)
		c.Close()
	}
}

// A request that comes late must not find a call that began after it was received. VICIdial's clock may be in any time
// zone, and its dialers' clocks may differ by some seconds.
func TestFindACallThatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		clock, began string // VICIdial's local time, and that of the call id
		late         time.Duration
		want         vicicall.Outcome // "" is found
	}{
		"long before":                        {"12:00:30", "126115000", 15 * time.Second, ""},
		"10 s before":                        {"12:00:30", "126120005", 15 * time.Second, ""},
		"9 s before":                         {"12:00:30", "126120006", 15 * time.Second, vicicall.OtherCall},
		"at the same time":                   {"12:00:30", "126120015", 15 * time.Second, vicicall.OtherCall},
		"after it":                           {"12:00:30", "126120020", 15 * time.Second, vicicall.OtherCall},
		"just now":                           {"12:00:30", "126120030", 15 * time.Second, vicicall.OtherCall},
		"two minutes late, after it":         {"12:02:30", "126120100", 2 * time.Minute, vicicall.OtherCall},
		"two minutes late, before it":        {"12:02:30", "126120000", 2 * time.Minute, ""},
		"by a dialer that is ahead":          {"12:00:30", "126120045", 15 * time.Second, vicicall.OtherCall},
		"before midnight":                    {"00:00:05", "125235000", 15 * time.Second, ""},
		"just before midnight":               {"00:00:05", "125235955", 15 * time.Second, vicicall.OtherCall},
		"by a dialer that is past midnight":  {"23:59:58", "127000003", 15 * time.Second, vicicall.OtherCall},
		"when summer time ended":             {"01:00:10", "126015950", 30 * time.Second, vicicall.OtherCall},
		"when summer time began":             {"03:00:10", "126015950", 30 * time.Second, vicicall.OtherCall},
		"an hour and a half before":          {"12:00:30", "126103000", 15 * time.Second, ""},
		"received in what is the future":     {"12:00:30", "126120025", -time.Minute, vicicall.OtherCall},
		"at a time that can't be":            {"12:00:30", "126126030", 15 * time.Second, vicicall.UnexpectedReply},
		"on another day":                     {"12:00:30", "124115000", 15 * time.Second, vicicall.UnexpectedReply},
		"an id with a fixed text for a time": {"12:00:30", "C123412345", 15 * time.Second, vicicall.UnexpectedReply},
		"a clock that VICIdial does not say": {"", "126115000", 15 * time.Second, vicicall.UnexpectedReply},
	} {
		id := "Y" + tt.began + "0000402027"
		if strings.HasPrefix(tt.began, "C") {
			id = tt.began + "0000402027"
		}
		for among, agent := range map[string]string{"of one agent": "1028", "of all agents": ""} {
			s := serveLookups(t, listed("1028", id, "402027"), map[string]string{"1028": row(id, "402027", "", "", "")})
			s.now = "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-26 " + tt.clock + "|EPOCH: 1795700000\n"
			now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
			c := vicicall.New(vicicall.Config{Now: func() time.Time { return now }})
			a, err := c.Find(t.Context(), lookupCredentials(s.URL), vicicall.Query{AgentUser: agent, LeadID: "402027", BeganBefore: now.Add(-tt.late)})
			want := tt.want
			if want == vicicall.OtherCall && agent == "" {
				want = vicicall.NoActiveCall
			}
			if want == "" && (err != nil || a.CallID != id) || want != "" && !errors.Is(err, want) {
				t.Errorf("%s, %s: %+v, %v; want %q", name, among, a, err, want)
			}
			if sent := s.requests(); sent[0] != "version" || strings.Count(strings.Join(sent, ","), "version") != 1 {
				t.Errorf("%s, %s: asked %q", name, among, sent)
			}
			c.Close()
		}
	}
}

func TestFindAsksTheNextWebServerForTheClock(t *testing.T) {
	t.Parallel()
	const began = "Y1261150000000402027"
	s := serveLookups(t, "", map[string]string{"1028": row(began, "402027", "", "", "")})
	s.now = "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-26 12:00:30|EPOCH: 1795700000\n"
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer down.Close()
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	query := vicicall.Query{AgentUser: "1028", LeadID: "402027", BeganBefore: time.Now().Add(-15 * time.Second)}
	if a, err := c.Find(t.Context(), lookupCredentials(down.URL, s.URL), query); err != nil || a.CallID != began {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Find(t.Context(), lookupCredentials(down.URL), query); !errors.Is(err, vicicall.Unavailable) {
		t.Errorf("without a clock: %v, want unavailable", err)
	}
}

func TestLookupsOnTheWire(t *testing.T) {
	t.Parallel()
	s := serveLookups(t, listed("1028", call1, "402027"), map[string]string{"1028": statusRow})
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	cred := lookupCredentials(s.URL + "/vici/")
	if a, err := c.AgentStatus(t.Context(), cred, "1028"); err != nil || !a.InCall() {
		t.Errorf("%+v, %v", a, err)
	}
	if want := "/vici/vicidial/non_agent_api.php source=vicihook&user=lookup&pass=L00kup77&function=agent_status&stage=tab&agent_user=1028"; s.lastRequest() != want {
		t.Errorf("sent %s, want %s", s.lastRequest(), want)
	}
	if agents, err := c.LoggedInAgents(t.Context(), cred); err != nil || len(agents) != 1 || agents[0].CallID != call1 {
		t.Errorf("%+v, %v", agents, err)
	}
	if want := "/vici/vicidial/non_agent_api.php source=vicihook&user=lookup&pass=L00kup77&function=logged_in_agents&stage=tab&show_sub_status=YES"; s.lastRequest() != want {
		t.Errorf("sent %s, want %s", s.lastRequest(), want)
	}
}

func TestLookupsNeedAnAccountOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := serveLookups(t, "", nil)
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	weak := lookupCredentials(s.URL)
	weak.Lookup.Pass = "S3cret.+"
	for name, cred := range map[string]vicicall.Credentials{"no account": credentials(s.URL), "one that VICIdial would cut": weak} {
		if _, err := c.Find(t.Context(), cred, vicicall.Query{AgentUser: "1028", LeadID: "1"}); !errors.Is(err, vicicall.Misconfigured) || !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: %v, want misconfigured that names lookup", name, err)
		}
	}
	if len(s.requests()) > 0 {
		t.Errorf("asked %q", s.requests())
	}
	if got := fields(t, weak.Validate(), vicicall.ErrInvalidCredentials); got != "lookup.pass" {
		t.Errorf("faults in %q, want lookup.pass", got)
	}
}

// A refused lookup latches the account for lookups, not the one for hang-ups.
func TestARefusedLookupLatchesAlone(t *testing.T) {
	t.Parallel()
	s := serveLookups(t, "", map[string]string{"1028": "ERROR: Login incorrect, please try again: |lookup|L00kup77|BAD|\n"})
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	cred := lookupCredentials(s.URL)
	cred.Lookup.User, cred.Pass = cred.User, "L00kup77"
	cred.Lookup.Pass = cred.Pass
	for range 3 {
		if _, err := c.AgentStatus(t.Context(), cred, "1028"); !errors.Is(err, vicicall.CredentialsRejected) || !strings.Contains(err.Error(), "looking calls up") {
			t.Errorf("%v", err)
		}
	}
	if len(s.requests()) != 1 {
		t.Errorf("asked %q, want once", s.requests())
	}
	if result, _ := c.Hangup(t.Context(), cred, theCall()); result.Attempts == 0 {
		t.Errorf("%+v: a refused lookup stopped a hang-up", result)
	}
	cred.Version = "v2"
	if c.AgentStatus(t.Context(), cred, "1028"); len(s.requests()) == 1 {
		t.Error("not asked again with new credentials")
	}
}

func TestAgentsAndQueriesShowNoPhoneAndNoCode(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a, _ := vicicall.ParseAgentStatus(200, []byte(statusRow), "1028")
	q := vicicall.Query{AgentUser: "1028", Phone: "3125551212", VendorLeadCode: "TICKET77"}
	account := &vicicall.Account{User: "lookup", Pass: "L00kup77"}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("found", "agent", a, "query", q, "account", *account)
	text, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(text) + fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s %v %+v %#v %s %d", a, a, a, a, q, q, q, q, account, *account, *account, account, account)
	for _, secret := range []string{"3125551212", "TICKET77", "L00kup77", "lookup\""} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q shows in %s", secret, shown)
		}
	}
	if !strings.Contains(shown, call1) {
		t.Errorf("the call id is missing in %s", shown)
	}
}
