package vicicall_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

const (
	noAgent  = "ERROR: agent_user is not logged in - 1028\n"
	wrongOne = "ERROR: agent_user is not logged in - 10\n"
	busy     = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"
	badPass  = login + "6666|S3cret.+/=|0|1|BAD|0|api|SELECT 1;|\n"

	otherCall = "SUCCESS: ra_call_control hungup - 1028|Y1221052110000402028|HANGUP\n"
)

var (
	ok, live, gone, lost = say(hungUp), say(check), say(noCall), step(drop)
	lied                 = answer(500, hungUp)
)

type steps []step

var hangupTests = map[string]struct {
	hangups, checks steps
	want            vicicall.Outcome
	message         string
}{
	"accepted and gone":                                {steps{ok}, steps{gone}, vicicall.HungUp, ""},
	"accepted, listed, accepted, gone":                 {steps{ok, ok}, steps{live, gone}, vicicall.HungUp, ""},
	"accepted twice and still listed":                  {steps{ok, ok}, steps{live, live}, vicicall.StillListed, "sql_mode"},
	"accepted, listed, then no call":                   {steps{ok, gone}, steps{live}, vicicall.NoLongerListed, ""},
	"accepted, then the agent has left":                {steps{ok}, steps{say(noAgent)}, vicicall.Unknown, "accepted the hang-up, but CHECK did not show"},
	"accepted, then no CHECK comes through":            {steps{ok}, steps{lost, lost, lost}, vicicall.Unknown, "accepted the hang-up, but CHECK did not show"},
	"accepted, the third CHECK shows it":               {steps{ok}, steps{lost, answer(502, ""), gone}, vicicall.HungUp, ""},
	"accepted, CHECK names another call":               {steps{ok}, steps{say("ERROR: no active call found - A\n"), gone}, vicicall.HungUp, ""},
	"accepted, the database is down, then gone":        {steps{ok}, steps{answer(500, ""), gone}, vicicall.Unknown, "a restart empties that list"},
	"accepted, the database is down, then listed":      {steps{ok, ok}, steps{answer(500, ""), live, gone}, vicicall.HungUp, ""},
	"accepted, a proxy is busy, then gone":             {steps{ok}, steps{answer(503, busy), gone}, vicicall.HungUp, ""},
	"dropped, no database connection, then gone":       {steps{lost}, steps{say("MySQL connect ERROR: Connection refused"), gone}, vicicall.Unknown, "a restart empties that list"},
	"accepted twice, with no CHECK left after":         {steps{ok, ok}, steps{lost, lost, live}, vicicall.Unknown, "no CHECK is left"},
	"SUCCESS and 500, gone":                            {steps{lied}, steps{gone}, vicicall.NoLongerListed, "SUCCESS and then failed"},
	"SUCCESS and 500, listed, accepted":                {steps{lied, ok}, steps{live, gone}, vicicall.HungUp, ""},
	"SUCCESS and 500 twice, listed":                    {steps{lied, lied}, steps{live, live}, vicicall.StillListed, "HTTP 500"},
	"SUCCESS and 500, CHECK does not show it":          {steps{lied}, steps{say(noAgent)}, vicicall.Unknown, "HTTP 500"},
	"SUCCESS for another call, listed, ended":          {steps{say(otherCall), ok}, steps{live, gone}, vicicall.HungUp, ""},
	"a transfer, gone":                                 {steps{say(strings.Replace(strings.Replace(hungUp, "hungup", "transfer", 1), "HANGUP", "", 1))}, steps{gone}, vicicall.NoLongerListed, "transfer"},
	"a bad gateway, listed, accepted, gone":            {steps{answer(502, "Bad Gateway"), ok}, steps{live, gone}, vicicall.HungUp, ""},
	"a gateway timed out, listed: no second":           {steps{answer(504, "")}, steps{live}, vicicall.StillListed, "HTTP 504"},
	"a gateway took a second, listed: no second":       {steps{late(time.Second, answer(502, "Bad Gateway"))}, steps{live}, vicicall.StillListed, "HTTP 502"},
	"a gateway took less, listed, accepted":            {steps{late(time.Second-1, answer(503, busy)), ok}, steps{live, gone}, vicicall.HungUp, ""},
	"a 500 took a second, listed: no second":           {steps{late(time.Second, answer(500, warning))}, steps{live}, vicicall.StillListed, "HTTP 500"},
	"SUCCESS and 500 after a second, listed, accepted": {steps{late(time.Second, lied), ok}, steps{live, gone}, vicicall.HungUp, ""},
	"a busy page is not believed":                      {steps{answer(503, busy)}, steps{gone}, vicicall.NoLongerListed, "503"},
	"a busy page, listed, accepted":                    {steps{answer(503, busy), ok}, steps{live, gone}, vicicall.HungUp, ""},
	"a busy page, CHECK does not show it":              {steps{answer(503, busy)}, steps{answer(503, busy), answer(503, busy), answer(503, busy)}, vicicall.Unknown, ""},
	"another agent is answered for, gone":              {steps{say(wrongOne)}, steps{gone}, vicicall.NoLongerListed, "another agent"},
	"another agent is always answered for":             {steps{say(wrongOne)}, steps{say(wrongOne), say(wrongOne), say(wrongOne)}, vicicall.UnexpectedReply, "2.14-75"},
	"no such call":                                     {steps{gone}, nil, vicicall.NoActiveCall, ""},
	"no such agent":                                    {steps{say(noAgent)}, nil, vicicall.AgentNotLoggedIn, ""},
	"the database is down":                             {steps{answer(500, "")}, nil, vicicall.Unavailable, "stopped before"},
	"no permission":                                    {steps{say("ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - x\n")}, nil, vicicall.PermissionDenied, "\" ra_call_control \""},
	"a translated SUCCESS":                             {steps{say("BIEN: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\n")}, nil, vicicall.UnexpectedReply, "default English"},
	"a stranger's page":                                {steps{say("<html>hello</html>")}, nil, vicicall.UnexpectedReply, ""},
	"no api.php":                                       {steps{answer(404, "Not Found")}, nil, vicicall.UnexpectedReply, "no agc/api.php"},
	"a redirect":                                       {steps{redirect("https://other.example.com/agc/api.php?pass=S3cret")}, nil, vicicall.Misconfigured, "redirects to as url (HTTP 302)"},
	"dropped, gone":                                    {steps{lost}, steps{gone}, vicicall.NoLongerListed, "no whole answer"},
	"dropped, listed: no second":                       {steps{lost}, steps{live}, vicicall.StillListed, "no whole answer"},
	"dropped, CHECK does not show it":                  {steps{lost}, steps{lost, lost, lost}, vicicall.Unknown, "no whole answer"},
	"dropped, the agent has left":                      {steps{lost}, steps{say(noAgent)}, vicicall.Unknown, ""},
	"cut, listed: no second":                           {steps{cut}, steps{live}, vicicall.StillListed, "EOF"},
	"as long as may be, gone":                          {steps{say(strings.Repeat("\n", 256<<10-len(hungUp)) + hungUp)}, steps{gone}, vicicall.HungUp, ""},
	"too long, listed: no second":                      {steps{tooLong}, steps{live}, vicicall.StillListed, "256 KiB"},
	"headers too long, listed: no second":              {steps{longHeader}, steps{live}, vicicall.StillListed, "no whole answer"},
	"no HTTP, listed: no second":                       {steps{malformed}, steps{live}, vicicall.StillListed, "not HTTP"},
	"silent, gone":                                     {steps{silent}, steps{gone}, vicicall.NoLongerListed, "deadline exceeded"},
	"silent, listed: no second":                        {steps{silent}, steps{live}, vicicall.StillListed, "deadline exceeded"},
	"silent, and CHECK silent too":                     {steps{silent}, steps{silent}, vicicall.Unknown, "deadline exceeded"},
	"the second is dropped, listed":                    {steps{ok, lost}, steps{live, live}, vicicall.StillListed, ""},
	"the second is dropped, gone":                      {steps{ok, lost}, steps{live, gone}, vicicall.NoLongerListed, ""},
	"the second finds the database down":               {steps{ok, answer(500, "")}, steps{live}, vicicall.StillListed, ""},
	"the second is refused":                            {steps{ok, say(noAgent)}, steps{live}, vicicall.AgentNotLoggedIn, ""},
	"the second can't be seen after":                   {steps{lied, lied}, steps{live, lost, lost}, vicicall.Unknown, ""},
	"the account is locked before the CHECK":           {steps{lied}, steps{say(login + "6666|x|0|1|LOCK|\n")}, vicicall.Unknown, ""},
	"CHECK says SUCCESS: no more is asked":             {steps{ok}, steps{ok}, vicicall.Unknown, "accepted the hang-up, but CHECK did not show"},
	"the wrong password is not asked for again":        {steps{say(badPass)}, nil, vicicall.CredentialsRejected, "correct the secret"},
}

func TestHangup(t *testing.T) {
	t.Parallel()
	for name, tt := range hangupTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &host{hangups: tt.hangups, checks: tt.checks}
				n := &network{t: t, hosts: map[string]*host{"localhost": h}}
				c := vicicall.NewOn(vicicall.Config{}, n.Dial)
				defer c.Close()
				result, err := c.Hangup(t.Context(), on("localhost"), theCall())
				if result.Outcome != tt.want || !strings.Contains(result.Message, tt.message) {
					t.Errorf("outcome = %s (%s), want %s (… %s …)", result.Outcome, result.Message, tt.want, tt.message)
				}
				if result.Elapsed > 4*time.Second {
					t.Errorf("elapsed = %v of 4 s", result.Elapsed)
				}
				assertConsistent(t, result, err, h)
				if len(h.hangups)+len(h.checks) > 0 {
					t.Errorf("%d HANGUP and %d CHECK of the script were not sent", len(h.hangups), len(h.checks))
				}
			})
		})
	}
}

// assertConsistent checks what is true of every Hangup.
func assertConsistent(t *testing.T, result vicicall.Result, err error, hosts ...*host) {
	t.Helper()
	synctest.Wait()
	hangups, checks := 0, 0
	for _, h := range hosts {
		hangups, checks = hangups+h.count("HANGUP"), checks+h.count("CHECK")
	}
	if result.Attempts != hangups || result.Checks != checks || hangups > 2 || checks > 3 {
		t.Errorf("attempts = %d, checks = %d; the servers saw %d, %d", result.Attempts, result.Checks, hangups, checks)
	}
	shown := result.Message + result.Reply
	switch result.Outcome {
	case vicicall.HungUp, vicicall.Accepted, vicicall.NoLongerListed, vicicall.NoActiveCall, vicicall.AgentNotLoggedIn:
		if err != nil {
			t.Errorf("err = %v with %s", err, result.Outcome)
		}
	default:
		var e *vicicall.Error
		if !errors.As(err, &e) || !errors.Is(err, result.Outcome) || e.Message != result.Message || e.Op != "hangup" {
			t.Errorf("err = %v does not fit %s", err, result.Outcome)
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			shown += cause.Error()
		}
	}
	if strings.Contains(shown, "S3cret") || strings.Contains(shown, "6666") {
		t.Errorf("a secret shows in %q", shown)
	}
}

func TestHangupWithSkipRecheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hangups, checks steps
		want            vicicall.Outcome
	}{
		"accepted":                 {steps{ok}, nil, vicicall.Accepted},
		"ambiguous gets a CHECK":   {steps{lied}, steps{gone}, vicicall.NoLongerListed},
		"accepted the second time": {steps{lied, ok}, steps{live}, vicicall.Accepted},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{hangups: tt.hangups, checks: tt.checks}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{SkipRecheck: true}, n.Dial)
			defer c.Close()
			result, err := c.Hangup(t.Context(), on("localhost"), theCall())
			if result.Outcome != tt.want {
				t.Errorf("%s: outcome = %s, want %s", name, result.Outcome, tt.want)
			}
			assertConsistent(t, result, err, h)
		})
	}
}

func TestHangupDividesItsTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		budget, hangup time.Duration // what HANGUP gets of it; 0: nothing is sent
	}{
		"60 % of 4 s":                {4 * time.Second, 2400 * time.Millisecond},
		"60 % of a longer deadline":  {10 * time.Second, 6 * time.Second},
		"all but 500 ms of 1 s":      {time.Second, 500 * time.Millisecond},
		"50 ms of 550 ms":            {550 * time.Millisecond, 50 * time.Millisecond},
		"nothing of 549 ms":          {549 * time.Millisecond, 0},
		"nothing of a past deadline": {-time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{hangups: steps{silent}, checks: steps{gone}}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			start := time.Now()
			ctx, cancel := context.WithDeadline(t.Context(), start.Add(tt.budget))
			defer cancel()
			result, err := c.Hangup(ctx, on("localhost"), theCall())
			assertConsistent(t, result, err, h)
			if tt.hangup == 0 {
				if result.Outcome != vicicall.Unavailable || len(n.dials) > 0 {
					t.Errorf("%s: %s after %d dials", name, result.Outcome, len(n.dials))
				}
				return
			}
			if got := h.seen[1].at.Sub(start); result.Outcome != vicicall.NoLongerListed || got != tt.hangup {
				t.Errorf("%s: %s, CHECK after %v, want it after %v", name, result.Outcome, got, tt.hangup)
			}
		})
	}
}

func TestHangupEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{hangups: steps{silent}}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		result, err := c.Hangup(ctx, on("localhost"), theCall())
		if result.Outcome != vicicall.Unknown || result.Elapsed != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("%s after %v: %v", result.Outcome, result.Elapsed, err)
		}
	})
}

var clusterTests = map[string]struct {
	hosts          map[string]host
	want           vicicall.Outcome
	atMost         time.Duration
	dials, message string
}{
	"the first refuses connections": {
		map[string]host{"127.0.0.2": {hangups: steps{ok}, checks: steps{gone}}},
		vicicall.HungUp, 0, "localhost 127.0.0.2", "",
	},
	"the first never connects": {
		map[string]host{"localhost": {blackHole: true}, "127.0.0.2": {hangups: steps{ok}, checks: steps{gone}}},
		vicicall.HungUp, 1200 * time.Millisecond, "localhost 127.0.0.2", "",
	},
	"both refuse connections": {
		nil, vicicall.Unavailable, 450 * time.Millisecond,
		"localhost 127.0.0.2 localhost 127.0.0.2 localhost 127.0.0.2", "connection refused",
	},
	"both never connect": {
		map[string]host{"localhost": {blackHole: true}, "127.0.0.2": {blackHole: true}},
		vicicall.Unavailable, 4 * time.Second, "", "no connection in time",
	},
	"after silence the other is asked": {
		map[string]host{"localhost": {hangups: steps{silent}}, "127.0.0.2": {checks: steps{live}}},
		vicicall.StillListed, 2400 * time.Millisecond, "localhost 127.0.0.2", "",
	},
	"a CHECK that fails goes on to the other": {
		map[string]host{"localhost": {hangups: steps{ok}, checks: steps{answer(502, "")}}, "127.0.0.2": {checks: steps{gone}}},
		vicicall.HungUp, 0, "localhost 127.0.0.2", "",
	},
	"a silent CHECK leaves time for the other": {
		map[string]host{"localhost": {hangups: steps{ok}, checks: steps{silent}}, "127.0.0.2": {checks: steps{gone}}},
		vicicall.HungUp, 2400 * time.Millisecond, "localhost 127.0.0.2", "",
	},
	"a whole answer is never asked for elsewhere": {
		map[string]host{"localhost": {hangups: steps{answer(500, "")}}, "127.0.0.2": {}},
		vicicall.Unavailable, 0, "localhost", "",
	},
}

func TestHangupOnACluster(t *testing.T) {
	t.Parallel()
	for name, tt := range clusterTests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{t: t, hosts: map[string]*host{}}
				for name, script := range tt.hosts {
					n.hosts[name] = &script
				}
				c := vicicall.NewOn(vicicall.Config{}, n.Dial)
				defer c.Close()
				result, err := c.Hangup(t.Context(), on("localhost", "127.0.0.2"), theCall())
				synctest.Wait()
				if result.Outcome != tt.want || result.Elapsed > tt.atMost || !strings.Contains(result.Message, tt.message) {
					t.Errorf("%s after %v (%s), want %s after at most %v", result.Outcome, result.Elapsed, result.Message, tt.want, tt.atMost)
				}
				if dials := strings.Join(n.dials, " "); tt.dials != "" && dials != tt.dials {
					t.Errorf("dialled %q, want %q", dials, tt.dials)
				}
				assertConsistent(t, result, err, slices.Collect(maps.Values(n.hosts))...)
			})
		})
	}
}

// With an account for lookups, no_longer_listed needs an agent whom VICIdial no longer shows in the call.
func TestHangupLooksUpWhetherTheAgentIsStillInTheCall(t *testing.T) {
	t.Parallel()
	shown := func(id, sub string) step { return say(row(id, "402027", sub, "3125551212", "TICKET77")) }
	for name, tt := range map[string]struct {
		hangups, checks, lookups steps
		want                     vicicall.Outcome
		message                  string
	}{
		"accepted and gone: no lookup":     {steps{ok}, steps{gone}, nil, vicicall.HungUp, ""},
		"dropped and listed: no lookup":    {steps{lost}, steps{live}, nil, vicicall.StillListed, ""},
		"not listed before: no lookup":     {steps{gone}, nil, nil, vicicall.NoActiveCall, ""},
		"the agent is ready":               {steps{lost}, steps{gone}, steps{say("READY\t\t0\tTESTCAMP\t0\tRemote One\tAGENTS\t1\t\t\t\t\t8600\n")}, vicicall.NoLongerListed, ""},
		"the agent is in the next call":    {steps{lost}, steps{gone}, steps{shown(call2, "")}, vicicall.NoLongerListed, ""},
		"the agent has logged off":         {steps{lost}, steps{gone}, steps{say("ERROR: agent_status AGENT NOT LOGGED IN: lookup|1028\n")}, vicicall.NoLongerListed, ""},
		"the call is shown dead":           {steps{lost}, steps{gone}, steps{shown(callID, "DEAD")}, vicicall.Unknown, "shows the agent in it"},
		"the call is shown":                {steps{lost}, steps{gone}, steps{shown(callID, "")}, vicicall.Unknown, "shows the agent in it"},
		"a second does not find it":        {steps{lied, gone}, steps{live}, steps{shown(callID, "DEAD")}, vicicall.Unknown, ""},
		"the agent may not be viewed":      {steps{lost}, steps{gone}, steps{say("ERROR: agent_status AGENT NOT FOUND: lookup|1028\n")}, vicicall.Unknown, "could not be asked"},
		"the account is refused":           {steps{lost}, steps{gone}, steps{say("ERROR: Login incorrect, please try again: |lookup|L00kup77|BAD|\n")}, vicicall.Unknown, "could not be asked"},
		"the lookup is lost twice":         {steps{lost}, steps{gone}, steps{lost, lost, shown(call2, "")}, vicicall.NoLongerListed, ""},
		"the lookup is lost":               {steps{lost}, steps{gone}, steps{lost, lost, lost}, vicicall.Unknown, "could not be asked"},
		"the lookup takes all the time":    {steps{lost}, steps{gone}, steps{silent}, vicicall.Unknown, "could not be asked"},
		"the database was down: no lookup": {steps{lost}, steps{answer(500, ""), gone}, nil, vicicall.Unknown, "a restart empties that list"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{hangups: tt.hangups, checks: tt.checks, lookups: tt.lookups}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			cred := on("localhost")
			cred.Lookup = &vicicall.Account{User: "lookup", Pass: "L00kup77"}
			result, err := c.Hangup(t.Context(), cred, theCall())
			if result.Outcome != tt.want || !strings.Contains(result.Message, tt.message) || result.Elapsed > 4*time.Second {
				t.Errorf("%s: %s (%s) after %v, want %s", name, result.Outcome, result.Message, result.Elapsed, tt.want)
			}
			assertConsistent(t, result, err, h)
			if len(h.hangups)+len(h.checks)+len(h.lookups) > 0 {
				t.Errorf("%s: %d, %d, %d steps were not taken", name, len(h.hangups), len(h.checks), len(h.lookups))
			}
			for _, secret := range []string{"L00kup77", "3125551212", "TICKET77"} {
				if strings.Contains(result.Message+result.Reply, secret) {
					t.Errorf("%s: %q shows in %+v", name, secret, result)
				}
			}
		})
	}
}

func TestCheckAfterARestartIsUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{checks: steps{answer(500, ""), gone}}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		if result, _ := c.Check(t.Context(), on("localhost"), theCall()); result.Outcome != vicicall.Unavailable || !strings.Contains(result.Message, "restart") {
			t.Errorf("%+v, want unavailable", result)
		}
	})
}
