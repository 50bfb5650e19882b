package vicicall_test

import (
	"fmt"
	"strings"
	"testing"

	"vicihook/vicicall"
	"vicihook/vicicall/vicitest"
)

const (
	callID = "Y1221052110000402027"
	agent  = "1028"
	hungUp = "SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\n"
	check  = "ERROR: stage is not valid - CHECK\n"
	noCall = "ERROR: no active call found - Y1221052110000402027\n"
)

func parse(o vicitest.Observation) vicicall.Reply {
	return vicicall.ParseReply(o.Status, []byte(o.Body), o.CallID, o.AgentUser)
}

// observations are the answers of real api.php that every test of the parser is held to.
func observations(t testing.TB) []vicitest.Observation {
	t.Helper()
	all := vicitest.Observations()
	if len(all) == 0 {
		t.Fatal("no observations")
	}
	return all
}

func TestParseReplyClassifiesEveryObservedReply(t *testing.T) {
	t.Parallel()
	for i, o := range observations(t) {
		r := parse(o)
		if r.Outcome != o.Outcome {
			t.Errorf("%d: %s, %s: outcome = %s (%s), want %s", i, o.Version, o.Condition, r.Outcome, r.Line, o.Outcome)
		}
		if r.Message == "" || r.Line == "" {
			t.Errorf("%d: %s, %s: line %q, message %q: want both", i, o.Version, o.Condition, r.Line, r.Message)
		}
		if strings.Contains(r.Line+r.Message, "S3cret") || strings.Contains(r.Line+r.Message, "6666") {
			t.Errorf("%d: %s, %s: line %q, message %q show an echo", i, o.Version, o.Condition, r.Line, r.Message)
		}
	}
}

// A call that is still listed must never be taken for hung up because VICIdial printed SUCCESS.
func TestParseReplyAcceptsNoReplyThatLeftTheCallListed(t *testing.T) {
	t.Parallel()
	accepted := 0
	for _, o := range observations(t) {
		r := parse(o)
		if r.Outcome == vicicall.Accepted {
			accepted++
		}
		if r.Outcome == vicicall.Accepted && o.Listed {
			t.Errorf("%s, %s: accepted, but the call stayed listed", o.Version, o.Condition)
		}
		if r.Outcome == vicicall.NoActiveCall && o.Listed && !r.Doubtful {
			t.Errorf("%s, %s: no_active_call without doubt, but the call stayed listed", o.Version, o.Condition)
		}
	}
	if accepted == 0 {
		t.Error("no observed reply is accepted")
	}
}

const (
	warning     = "<br />\n<b>Warning</b>:  Undefined variable $DB in <b>/srv/www/htdocs/agc/api.php</b> on line <b>304</b><br />\n"
	textWarning = "\nPHP Warning:  Undefined variable $DB in /srv/www/htdocs/agc/api.php on line 304\n"
	fatal       = "<br />\n<b>Fatal error</b>:  Uncaught mysqli_sql_exception: Connection refused in /srv/api.php:9\n"
	brokenTable = "<br />\n<b>Warning</b>:  mysqli_fetch_row() expects parameter 1 to be mysqli_result, boolean given in <b>/a.php</b> on line <b>9</b><br />\n"
	login       = "ERROR: Invalid Username/Password: |"

	translatedNoCall = ": no hay llamada activa - Y1221052110000402027\n"
)

var replyTests = map[string]struct {
	status int
	body   string
	want   vicicall.Outcome
	doubt  bool
	line   string // when not empty
}{
	"the exact line is accepted":                     {200, hungUp, vicicall.Accepted, false, strings.TrimSpace(hungUp)},
	"without a newline too":                          {200, strings.TrimSpace(hungUp), vicicall.Accepted, false, ""},
	"behind a byte order mark too":                   {200, "\ufeff" + hungUp, vicicall.Accepted, false, ""},
	"between warnings too":                           {200, warning + hungUp + warning, vicicall.Accepted, false, ""},
	"between warnings without HTML too":              {200, textWarning + hungUp + textWarning, vicicall.Accepted, false, ""},
	"a transfer is accepted with doubt":              {200, "SUCCESS: ra_call_control transfer - 1028|Y1221052110000402027|\n", vicicall.Accepted, true, ""},
	"a transfer with more behind it is ambiguous":    {200, "SUCCESS: ra_call_control transfer - 1028|Y1221052110000402027|S3cret.\n", vicicall.Ambiguous, false, "SUCCESS"},
	"SUCCESS with another status is ambiguous":       {500, hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS with 201 is ambiguous":                  {201, hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS and Could not connect is ambiguous":     {200, hungUp + "Could not connect: db|qm", vicicall.Ambiguous, false, ""},
	"SUCCESS and a fatal error is ambiguous":         {200, hungUp + fatal, vicicall.Ambiguous, false, ""},
	"SUCCESS after unknown text is ambiguous":        {200, "hello\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS glued to text is ambiguous":             {200, "hello " + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS twice is ambiguous":                     {200, hungUp + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS beside ERROR is ambiguous":              {200, hungUp + noCall, vicicall.Ambiguous, false, ""},
	"SUCCESS in a warning is ambiguous":              {200, hungUp + strings.Replace(warning, "Undefined", "SUCCESS: ", 1), vicicall.Ambiguous, false, ""},
	"SUCCESS for another call is ambiguous":          {200, strings.Replace(hungUp, "402027", "402028", 1), vicicall.Ambiguous, false, "SUCCESS"},
	"SUCCESS for another agent is ambiguous":         {200, strings.Replace(hungUp, "1028", "1029", 1), vicicall.Ambiguous, false, "SUCCESS"},
	"SUCCESS with a longer tail is ambiguous":        {200, strings.TrimSpace(hungUp) + "2\n", vicicall.Ambiguous, false, ""},
	"SUCCESS after a bold notice is ambiguous":       {200, "<b>Notice</b>: this network is watched\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after another bold word is ambiguous":   {200, strings.Replace(warning, "Warning", "Refused", 1) + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after a plain notice is ambiguous":      {200, "Notice: this network is watched\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after a line in words is ambiguous":     {200, "Warning: stand on line nine\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after a comment and text is ambiguous":  {200, "<!-- a proxy --> hello\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after an open comment is ambiguous":     {200, "<!-- a proxy\n" + hungUp, vicicall.Ambiguous, false, ""},
	"SUCCESS after half a link is ambiguous":         {200, `<a href="javascript:window.opener='x';window.close();">close` + "\n" + hungUp, vicicall.Ambiguous, false, ""},
	"the documented transferred is ambiguous":        {200, "SUCCESS: ra_call_control transferred - 1028|Y1221052110000402027|SALESLINE\n", vicicall.Ambiguous, false, ""},
	"a bad gateway is ambiguous":                     {502, "<html><h1>502 Bad Gateway</h1></html>", vicicall.Ambiguous, false, ""},
	"a gateway timeout is ambiguous":                 {504, "", vicicall.Ambiguous, false, ""},
	"an empty 503 is ambiguous":                      {503, "", vicicall.Ambiguous, false, ""},
	"a 500 with only warnings is ambiguous":          {500, warning, vicicall.Ambiguous, false, ""},
	"an empty 500 is unavailable":                    {500, "", vicicall.Unavailable, false, ""},
	"a web server's busy page is doubtful":           {503, "<h1>Service Unavailable</h1>", vicicall.Unavailable, true, ""},
	"a connect error behind warnings is unavailable": {200, warning + "MySQL connect ERROR: Too many connections", vicicall.Unavailable, false, ""},
	"a crashed table is unavailable":                 {500, "PHP Fatal error:  Uncaught mysqli_sql_exception: Table is marked as crashed in /a.php:9\n", vicicall.Unavailable, false, ""},

	"no call":                                     {200, noCall, vicicall.NoActiveCall, false, strings.TrimSpace(noCall)},
	"no call, with 500":                           {500, noCall, vicicall.NoActiveCall, false, ""},
	"no other call is doubtful":                   {200, "ERROR: no active call found - S3cret\n", vicicall.NoActiveCall, true, "ERROR: no active call found"},
	"no call after a fatal error is doubtful":     {200, noCall + fatal, vicicall.NoActiveCall, true, ""},
	"no call from a broken table is doubtful":     {200, brokenTable + noCall, vicicall.NoActiveCall, true, ""},
	"no call beside a notVICIdial's banner":       {200, "<font>xdebug</font>\n" + noCall, vicicall.NoActiveCall, false, ""},
	"no agent":                                    {200, "ERROR: agent_user is not logged in - 1028\n", vicicall.AgentNotLoggedIn, false, "ERROR: agent_user is not logged in - 1028"},
	"no other agent is doubtful":                  {200, "ERROR: agent_user is not logged in - ra28\n", vicicall.AgentNotLoggedIn, true, ""},
	"no agent from a broken table is doubtful":    {200, brokenTable + "ERROR: agent_user is not logged in - 1028\n", vicicall.AgentNotLoggedIn, true, ""},
	"reflected markup is not shown":               {200, "ERROR: stage is not valid - <script>\n", vicicall.RequestRejected, false, "ERROR: stage is not valid"},
	"a documented line that nobody prints":        {200, "ERROR: no user found - 6666\n", vicicall.UnexpectedReply, false, "ERROR: (unknown words)"},
	"two refusals":                                {200, "ERROR: Invalid Source - \nERROR: Invalid Source: ||\n", vicicall.UnexpectedReply, false, ""},
	"the non-agent API's lock":                    {200, "ERROR: Too many login attempts, try again in 15 minutes: |6666|LOCK|\n", vicicall.UnexpectedReply, false, ""},
	"a user named LOCK":                           {200, login + "LOCK|GOOD|0|1|BAD|0|api|SELECT 1;|\n", vicicall.CredentialsRejected, false, "ERROR: Invalid Username/Password: |…|BAD|"},
	"a locked account":                            {200, login + "6666|S3cret|0|1|LOCK|\n", vicicall.LockedOut, false, "ERROR: Invalid Username/Password: |…|LOCK|"},
	"a login refusal of four fields":              {200, login + "6666|S3cret|0|\n", vicicall.CredentialsRejected, false, "ERROR: Invalid Username/Password"},
	"a login refusal nobody knows":                {200, login + "6666|S3cret|0|1|S3cret|\n", vicicall.CredentialsRejected, false, "ERROR: Invalid Username/Password"},
	"a limit nobody knows":                        {200, login + "6666|S3cret|0|1|ERRS3cret|\n", vicicall.NoActiveServer, false, "ERROR: Invalid Username/Password: |…|ERR|"},
	"a fork's unknown user":                       {200, "ERROR: Invalid Username: |nosuch|0|\n", vicicall.CredentialsRejected, false, ""},
	"a translated login refusal":                  {200, "FALLO: Usuario o clave: |6666|S3cret|0|1|BAD|0|api|SELECT 1;|\n", vicicall.CredentialsRejected, false, ""},
	"a translated SUCCESS did nothing":            {200, "OPERACI\xd3N CORRECTA: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\n", vicicall.UnexpectedReply, false, ""},
	"a translated missing call":                   {200, "FALLO: no hay llamada activa - Y1221052110000402027\n", vicicall.NoActiveCall, false, ""},
	"a translated missing call of another id":     {200, "FALLO: no hay llamada activa - Y1221052110000402028\n", vicicall.UnexpectedReply, false, ""},
	"a translated word of 60 bytes":               {200, strings.Repeat("x", 60) + translatedNoCall, vicicall.NoActiveCall, false, ""},
	"a word of 61 bytes is not a translation":     {200, strings.Repeat("x", 61) + translatedNoCall, vicicall.UnexpectedReply, false, ""},
	"a line without a word is not a translation":  {200, translatedNoCall, vicicall.UnexpectedReply, false, ""},
	"a word with markup is not a translation":     {200, "<b>FALLO</b>" + translatedNoCall, vicicall.UnexpectedReply, false, ""},
	"an English word before foreign ones":         {200, "ERROR: no hay llamada activa - Y1221052110000402027\n", vicicall.NoActiveCall, false, ""},
	"an English word before a foreign refusal":    {200, "ERROR: Nombre y contraseña inválidos del usuario: |6666|S3cret|0|1|BAD|0|api|SELECT 1;|\n", vicicall.CredentialsRejected, false, "ERROR: Invalid Username/Password: |…|BAD|"},
	"an English word before a foreign lock":       {200, "ERROR: Nombre y contraseña inválidos del usuario: |6666|S3cret|0|1|LOCK|\n", vicicall.LockedOut, false, ""},
	"a foreign missing call from a broken table":  {200, brokenTable + "ERROR: no hay llamada activa - Y1221052110000402027\n", vicicall.NoActiveCall, true, ""},
	"a proxy's page that ends like a translation": {404, "Lost: nothing here - Y1221052110000402027\n", vicicall.UnexpectedReply, false, ""},
	"an empty 200":                                {200, "", vicicall.UnexpectedReply, false, "HTTP 200, 0 bytes"},
	"a web page":                                  {200, "<html><body>Welcome</body></html>", vicicall.UnexpectedReply, false, ""},
}

func TestParseReply(t *testing.T) {
	t.Parallel()
	for name, tt := range replyTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := vicicall.ParseReply(tt.status, []byte(tt.body), callID, agent)
			if r.Outcome != tt.want || r.Doubtful != tt.doubt {
				t.Errorf("outcome = %s, doubtful %v (%s), want %s, %v", r.Outcome, r.Doubtful, r.Line, tt.want, tt.doubt)
			}
			if tt.line != "" && r.Line != tt.line {
				t.Errorf("line = %q, want %q", r.Line, tt.line)
			}
			if strings.Contains(r.Line+r.Message, "S3cret") {
				t.Errorf("line %q, message %q show the password", r.Line, r.Message)
			}
		})
	}
}

func TestParseReplyListed(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		check:                                  true,
		warning + check + warning:              true,
		"ERROR: stage is not valid - check\n":  false,
		"ERROR: stage is not valid - CHECK2\n": false,
		noCall:                                 false,
		hungUp:                                 false,
	} {
		if r := vicicall.ParseReply(200, []byte(body), callID, agent); r.Listed != want {
			t.Errorf("%q: listed = %v, want %v", body, r.Listed, want)
		}
	}
}

func TestReplyMessagesNameTheRemedy(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - a|b|c|d\n":      "\" ra_call_control \"",
		login + "6666|x|0|1|IPBLOCK|\n":                                                   "api_ip_list",
		login + "6666|x|0|1|LOCK|\n":                                                      "15 minutes",
		login + "6666|x|0|1|ERRSERVERS|\n":                                                "the password is not wrong",
		login + "6666|x|1|0|GOOD|\n":                                                      "vdc_agent_api_access",
		"ERROR: System API NOT ACTIVE\n":                                                  "vdc_agent_api_active",
		"BIEN: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\n":               "default English",
		"ERROR: agent_user is not logged in - ra28\n":                                     "2.14-75",
		"SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\nFatal error": "Fatal error",
		"": "agc/api.php",
	} {
		if r := vicicall.ParseReply(200, []byte(body), callID, agent); !strings.Contains(r.Message, want) {
			t.Errorf("%q: message = %q, want it to name %q", body, r.Message, want)
		}
	}
}

func TestReplyMessagesByHTTPStatus(t *testing.T) {
	t.Parallel()
	notVICIdial := vicicall.UnexpectedReply.Advice()
	for status, want := range map[int]string{
		200: notVICIdial, 204: notVICIdial, 299: notVICIdial, 300: "redirects", 399: "redirects", 400: notVICIdial,
		401: "refuses this caller", 403: "refuses this caller", 404: "no agc/api.php", 429: "refuses this caller",
	} {
		if r := vicicall.ParseReply(status, []byte("<html></html>"), callID, agent); !strings.Contains(r.Message, want) {
			t.Errorf("%d: message = %q, want it to name %q", status, r.Message, want)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	for i, o := range observations(f) {
		f.Add(o.Status, []byte(o.Body), i)
	}
	const marker = "zZ9mark"
	f.Fuzz(func(t *testing.T, status int, body []byte, at int) {
		r := vicicall.ParseReply(status, body, callID, agent)
		if r.Outcome == vicicall.Accepted && !r.Doubtful && (status != 200 || !strings.Contains(string(body), strings.TrimSpace(hungUp))) {
			t.Errorf("accepted %d %q", status, body)
		}
		if r.Outcome == "" || r.Line == "" || r.Message == "" {
			t.Errorf("%d %q: outcome %q, line %q, message %q: want all", status, body, r.Outcome, r.Line, r.Message)
		}
		at = int(uint(at) % uint(len(body)+1))
		marked := string(body[:at]) + marker + string(body[at:])
		if r := vicicall.ParseReply(status, []byte(marked), callID, agent); strings.Contains(r.Line+r.Message, marker) {
			t.Errorf("%d %q: line %q, message %q show what VICIdial echoed", status, marked, r.Line, r.Message)
		}
	})
}

func BenchmarkParseReply(b *testing.B) {
	for name, body := range map[string]string{
		"clean": hungUp, "83 warnings": strings.Repeat(warning, 83) + hungUp, "256 KiB of text": strings.Repeat("text\n", 52000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				vicicall.ParseReply(200, []byte(body), callID, agent)
			}
		})
	}
}

func ExampleParseReply() {
	body := "SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP\nCould not connect: 10.0.0.7|queuemetrics"
	r := vicicall.ParseReply(200, []byte(body), "Y1221052110000402027", "1028")
	fmt.Println(r.Outcome)
	fmt.Println(r.Line)
	fmt.Println(r.Message)
	// Output:
	// ambiguous
	// SUCCESS: ra_call_control hungup - 1028|Y1221052110000402027|HANGUP
	// VICIdial printed SUCCESS and then failed (HTTP 200, 107 bytes, Could not connect): only a CHECK shows whether the call is still listed
}
