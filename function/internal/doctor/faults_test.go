package doctor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/doctor"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall/vicitest"
)

// A faultTest breaks one thing, and has the finding that must come first and words of its line.
type faultTest struct {
	stage   func(*fixture)
	fault   string
	warning bool
	says    string
}

const elsewhere = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:vicihook/webhook-AbCdEf"

var faults = map[string]faultTest{
	"a setting is wrong":                                {setting("REQUEST_BUDGET", "4"), "configuration", false, "REQUEST_BUDGET is \"4\": give a duration"},
	"a secret's ARN is missing":                         {setting("VICIDIAL_SECRET_ARN", ""), "configuration", false, "VICIDIAL_SECRET_ARN is not set"},
	"sources.json is wrong":                             {func(f *fixture) { f.sources = `{"crm": {"scheme": "nobody"}}` }, "configuration", false, "crm: scheme"},
	"the secret is in another region":                   {setting("WEBHOOK_SECRET_ARN", elsewhere), "secret_region", false, "is in region eu-west-1, but the function looks in us-east-1"},
	"the secret does not exist":                         {setting("WEBHOOK_SECRET_ARN", strings.Replace(elsewhere, "eu-west-1", "us-east-1", 1)), "secret_not_found", false, "WEBHOOK_SECRET_ARN"},
	"the role may not read the secret":                  {secretFails(secretsmanager.AccessDenied), "secret_denied", false, "secretsmanager:GetSecretValue"},
	"the role may not use the KMS key":                  {secretFails(secretsmanager.DecryptionFailure), "secret_denied", false, "kms:Decrypt"},
	"Secrets Manager is down":                           {secretFails(secretsmanager.InternalError), "secret_unavailable", false, "Run this again"},
	"the webhook secret is not JSON":                    {func(f *fixture) { f.keys = "topsecret" }, "secret_malformed", false, "WEBHOOK_SECRET_ARN"},
	"VICIdial's secret is not JSON":                     {func(f *fixture) { f.text = "topsecret" }, "secret_malformed", false, "VICIDIAL_SECRET_ARN"},
	"VICIdial's secret has no url":                      {func(f *fixture) { delete(f.account, "url") }, "vicidial_secret", false, "url must be VICIdial's web server"},
	"the password has a character that VICIdial strips": {func(f *fixture) { f.account["pass"] = "topsecret!" }, "vicidial_secret", false, "pass must be"},
	"the url names api.php itself":                      {func(f *fixture) { f.account["url"] = f.srv.URL + "/agc/api.php" }, "vicidial_secret", false, "must end before /agc/api.php"},
	"plain http to another host":                        {func(f *fixture) { f.account["url"] = "http://192.0.2.1" }, "vicidial_secret", false, "must be https"},

	"plain http is allowed":                {plainHTTP, "plain_http", true, "everybody on the network path"},
	"the previous version is not JSON":     {previousKeys("topsecret"), "secret_previous", true, "so its keys no longer count"},
	"the certificate is for a mail server": {forMail, "tls_untrusted", false, "incompatible key usage"},

	"the name is unknown":                 {func(f *fixture) { f.named(&net.DNSError{IsNotFound: true}) }, "dns_unknown", false, "DNS has no address for dialer.example.com"},
	"no resolver answers":                 {func(f *fixture) { f.named(&net.DNSError{IsTimeout: true}) }, "dns_silent", false, "DNS did not answer"},
	"nothing listens":                     {func(f *fixture) { f.account["url"] = deadURL }, "tcp_refused", false, "refuses the connection"},
	"a firewall drops the packets":        {dropped, "tcp_dropped", false, "a firewall drops the packets"},
	"there is no route":                   {func(f *fixture) { f.dialing(&net.OpError{Op: "dial", Err: errors.New("no route to host")}) }, "tcp_unreachable", false, "no route to host"},
	"the certificate has expired":         {issued(vicitest.Cert{NotBefore: ago(48), NotAfter: ago(24)}), "tls_expired", false, "expired on"},
	"the certificate is not valid yet":    {issued(vicitest.Cert{NotBefore: ago(-1), NotAfter: ago(-900)}), "tls_not_yet_valid", false, "is valid only from"},
	"the certificate is for another host": {issued(vicitest.Cert{Hosts: []string{"pbx.example.com"}, NotAfter: ago(-900)}), "tls_wrong_name", false, "is for pbx.example.com"},
	"the certificate is self-signed":      {selfSigned, "tls_self_signed", false, `add "tls_pin": ["sha256/`},
	"the issuer is not public":            {privateCA(false), "tls_unknown_authority", false, `its issuer is "vicitest authority"`},
	"the ca is another authority's":       {privateCA(true), "tls_wrong_ca", false, "does not lead to ca"},
	"the key is not pinned":               {mispinned, "tls_pin_mismatch", false, "is not in tls_pin"},
	"the port speaks no TLS":              {func(f *fixture) { f.account["url"] = strings.Replace(f.srv.URL, "http:", "https:", 1) }, "tls_not_spoken", false, "speaks no TLS"},
	"TLS is too old":                      {oldTLS, "tls_too_old", false, "older than 1.2"},
	"the handshake is aborted":            {listening(func(c net.Conn) { c.Close() }), "tls_handshake", false, "breaks off the TLS handshake"},
	"the port sends nothing":              {listening(func(c net.Conn) {}), "tls_silent", false, "sends nothing"},
	"the certificate expires soon":        {issued(vicitest.Cert{NotAfter: ago(-24 * 6)}), "tls_expiring", true, "expires in 5 days"},

	"the web server redirects":        {inject("redirect"), "redirect", false, "it redirects to https://dialer.example.com"},
	"the path to api.php is wrong":    {func(f *fixture) { f.answering(http.StatusNotFound, "Not Found") }, "wrong_path", false, "before /agc/api.php"},
	"the web server refuses":          {func(f *fixture) { f.answering(http.StatusForbidden, "Forbidden") }, "web_server_refuses", false, "fixed address through"},
	"something else answers":          {inject("garbage"), "not_vicidial", false, "must lead to VICIdial's web server"},
	"the database is down":            {inject("database-down"), "vicidial_down", false, "MySQL connect ERROR"},
	"the database is down, PHP 8":     {inject("database-down-500"), "vicidial_down", false, "check that its database runs"},
	"the database is down, shown":     {inject("database-down-shown"), "vicidial_down", false, "mysqli_sql_exception"},
	"a proxy does not reach VICIdial": {inject("proxy-502"), "vicidial_down", false, "HTTP 502"},
	"the web server is overloaded":    {inject("busy-503"), "vicidial_down", false, "HTTP 503"},
	"VICIdial's clock is off": {func(f *fixture) {
		f.use(vicitest.NewServer(vicitest.Config{Now: func() time.Time { return ago(0).Add(10 * time.Minute) }}))
	}, "clock", true, "is 10m0s ahead"},
	"one web server of two is down":                 {func(f *fixture) { f.account["url"] = []string{deadURL, f.srv.URL} }, "tcp_refused", true, "refuses the connection"},
	"the answer takes too long":                     {slow, "vicidial_too_slow", true, "a hang-up may take 60 %"},
	"the budget is longer than the function's time": {func(f *fixture) { f.limit = 4 * time.Second }, "budget_too_long", false, "before it can answer"},
	"the URL is signed and not known":               {twilio, "public_url", false, "Set PUBLIC_URL"},
	"DRY_RUN was left on":                           {setting("DRY_RUN", "true"), "dry_run", true, "DRY_RUN is on"},

	"the password is wrong":                     {account(func(u *vicitest.User) { u.Pass = "another" }), "credentials_rejected", false, "Password as in VICIdial's secret"},
	"the API user is not active":                {account(func(u *vicitest.User) { u.Active = false }), "credentials_rejected", false, "Active Y"},
	"the API user has level 0":                  {account(func(u *vicitest.User) { u.Level = 0 }), "credentials_rejected", false, "User Level 1"},
	"the API user lacks access":                 {account(func(u *vicitest.User) { u.AgentAPI = false }), "api_access_denied", false, "set Agent API Access to 1"},
	"the function is not allowed":               {account(func(u *vicitest.User) { u.AllowedFunctions = "ra_call_control" }), "permission_denied", false, "a space on both sides"},
	"the account is locked":                     {account(func(u *vicitest.User) { u.FailedLogins, u.LastLogin = 10, time.Now().Unix() }), "locked_out", false, "Wait 15 minutes"},
	"the address is not on the group's IP list": {ipListed, "ip_blocked", false, "API IP List"},
	"the address is on the blacklist":           {settings(vicitest.Settings{IPLists: true, BlockedIPs: []string{"127.0.0.1"}}), "ip_blocked", false, "this side's address is 127.0.0.1"},
	"no Asterisk server is active":              {settings(vicitest.Settings{NoServers: true}), "no_active_server", false, "Active Asterisk Server Y"},
	"the agent API is off":                      {settings(vicitest.Settings{APIInactive: true}), "api_disabled", false, "set Agent API Active to 1"},
	"the API user speaks Spanish":               {account(func(u *vicitest.User) { u.Words = vicitest.Spanish() }), "language", false, "set Language to default English"},
	"an old VICIdial strips the password":       {oldVICIdial("6666", "topsecret.+"), "password_characters", false, "VICIdial 2.4-17 strips"},
	"an old VICIdial strips the user":           {oldVICIdial("api_user", "topsecret"), "user_characters", false, "VICIdial 2.4-17 strips"},
	"an old VICIdial does not name the cause":   {oldVICIdial("6666", "topsecret"), "credentials_rejected", false, "without Agent API Access"},
	"something else answers about the account":  {func(f *fixture) { inject("garbage", "CHECK")(f) }, "unexpected_reply", false, "something else answers about the account"},
	"the account's answer is lost":              {func(f *fixture) { inject("reset", "CHECK")(f) }, "unavailable", false, "no answer about the account"},

	"a source finds calls without a lookup": {finding(nil), "lookup_missing", false, "which crm needs"},
	"the lookup password is wrong":          {finding(func(u *vicitest.User) { u.Pass = "another" }), "lookup_credentials_rejected", false, "as in `lookup` of VICIdial's secret"},
	"the lookup user has level 6":           {finding(func(u *vicitest.User) { u.Level = 6 }), "lookup_credentials_rejected", false, "User Level 7 or more"},
	"the lookup user may see no reports":    {finding(func(u *vicitest.User) { u.ViewReports = false }), "lookup_permission_denied", false, "View Reports 1"},
	"the lookup user lacks API access":      {finding(func(u *vicitest.User) { u.AgentAPI = false }), "lookup_permission_denied", false, "Agent API Access 1"},
	"the lookup function is not allowed":    {finding(func(u *vicitest.User) { u.AllowedFunctions = " agent_status " }), "lookup_permission_denied", false, "logged_in_agents among"},
	"the lookup user's group sees nobody":   {finding(func(u *vicitest.User) { u.ViewableGroups = []string{"SALES"} }), "lookup_sees_nobody", true, "Viewable User Groups"},
	"the lookup user is locked":             {finding(func(u *vicitest.User) { u.FailedLogins, u.LastLogin = 10, time.Now().Unix() }), "lookup_locked_out", false, "Wait 15 minutes"},

	"two sources share a key":    {keyed(`"` + goodKey + `", "desk": "` + goodKey + `"`), "shared_key", true, "sources crm and desk have a key in common"},
	"the key is a published one": {keyed(`"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`), "key_refused", false, "published as an example"},
	"the key is a placeholder":   {keyed(`"changeme"`), "key_refused", false, "vicihook keys make crm --replace"},
	"the key is too short":       {keyed(`"whsec_c2hvcnQ="`), "key_refused", false, "fewer than 16 bytes"},
	"the source is paused":       {keyed(`"off", "desk": "` + otherKey + `"`), "paused", true, "vicihook keys resume crm"},
	"the source has no key":      {func(f *fixture) { withDesk(f); f.keys = `{"desk": "` + goodKey + `"}` }, "no_key", true, "source crm has no key"},
	"no source has a key":        {func(f *fixture) { f.keys = `{}` }, "no_source", false, "none has a valid key"},
	"a key has an unknown name":  {func(f *fixture) { f.keys = `{"crm": "` + goodKey + `", "desk": "` + goodKey + `"}` }, "unknown_source", true, "the webhook secret has 1 names that sources.json lacks"},
}

// placeholder matches a word in braces that was not replaced.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestFindings(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, test := range faults {
		tried[test.fault] = true
	}
	for _, fault := range doctor.Catalogue() {
		if !tried[fault] {
			t.Errorf("nothing here leads to the finding %s", fault)
		}
	}
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.stage(f)
			r := f.examine()
			f.checkHarmless(r)
			if len(r.Findings) == 0 {
				t.Fatalf("nothing was found: %+v", r)
			}
			if f := r.Findings[0]; f.Fault != test.fault || f.Warning != test.warning || f.Line() != r.Verdict || r.Healthy != test.warning {
				t.Errorf("found %+v first, want %s; healthy: %v", r.Findings, test.fault, r.Healthy)
			}
			if strings.ContainsAny(r.Verdict, "\r\n") || placeholder.MatchString(r.Verdict) || !strings.Contains(r.Verdict, test.says) || r.Findings[0].Remedy == "" {
				t.Errorf("the verdict is %q, want %q in one line", r.Verdict, test.says)
			}
		})
	}
}

func ago(hours int) time.Time { return time.Now().Add(-time.Duration(hours) * time.Hour) }

func setting(name, value string) func(*fixture) {
	return func(f *fixture) { f.env[name] = value }
}

func secretFails(kind secretsmanager.ErrorType) func(*fixture) {
	return func(f *fixture) { f.secrets.Fail(secretsmanager.Fault{Error: kind}) }
}

func inject(name string, stage ...string) func(*fixture) {
	return func(f *fixture) {
		fault := vicitest.Fault{Name: name}
		if len(stage) > 0 {
			fault.Stage = stage[0]
		}
		if err := f.srv.Inject(fault); err != nil {
			f.Fatal(err)
		}
	}
}

func account(change func(*vicitest.User)) func(*fixture) {
	return func(f *fixture) {
		u := vicitest.APIUser(vicitest.DefaultUser, vicitest.DefaultPass)
		change(&u)
		f.srv.AddUser(u)
	}
}

// finding gives the source a lookup, with a changed account, or without an account if change is nil.
func finding(change func(*vicitest.User)) func(*fixture) {
	return func(f *fixture) {
		f.sources = `{"crm": {"scheme": "standard-webhooks", "phone": ".phone"}}`
		if change == nil {
			return
		}
		u := vicitest.LookupUser(vicitest.DefaultLookupUser, vicitest.DefaultLookupPass)
		change(&u)
		f.srv.AddUser(u)
		f.account["lookup"] = map[string]string{"user": vicitest.DefaultLookupUser, "pass": vicitest.DefaultLookupPass}
	}
}

func settings(s vicitest.Settings) func(*fixture) {
	return func(f *fixture) { f.srv.Configure(s) }
}

func ipListed(f *fixture) {
	settings(vicitest.Settings{IPLists: true})(f)
	account(func(u *vicitest.User) { u.AllowedIPs = []string{"203.0.113.x"} })(f)
}

func keyed(value string) func(*fixture) {
	return func(f *fixture) {
		if strings.Contains(value, "desk") {
			withDesk(f)
		}
		f.keys = `{"crm": ` + value + `}`
	}
}

// previousKeys adds a previous version to the webhook secret.
func previousKeys(value string) func(*fixture) {
	return func(f *fixture) {
		arn := f.create("webhook-before", value)
		if _, err := f.secrets.Put(arn, f.keys); err != nil {
			f.Fatal(err)
		}
		f.env["WEBHOOK_SECRET_ARN"] = arn
	}
}

// plainHTTP gives VICIdial a name that leads to another host.
func plainHTTP(f *fixture) {
	f.env["VICIDIAL_ALLOW_HTTP"] = "true"
	f.account["url"] = "http://dialer.example.com"
	f.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(f.srv.URL, "http://"))
	}
}

// forMail gives VICIdial a certificate that is trusted, but not for web servers.
func forMail(f *fixture) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: ago(1), NotAfter: ago(-900),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	public, private, _ := ed25519.GenerateKey(nil)
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		f.Fatal(err)
	}
	f.use(vicitest.NewTLSServer(vicitest.Config{}, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}))
	f.account["ca"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func withDesk(f *fixture) {
	f.sources = `{"crm": {"scheme": "standard-webhooks"}, "desk": {"scheme": "standard-webhooks"}}`
}

func twilio(f *fixture) {
	f.sources = `{"calls": {"scheme": "twilio"}}`
	f.keys = `{"calls": "k9Zr41xPq0mUe7Tn2sWvYb8L"}`
}

// named gives VICIdial a name that can't be resolved.
func (f *fixture) named(err *net.DNSError) {
	f.account["url"] = "https://dialer.example.com"
	f.dialing(&net.OpError{Op: "dial", Net: "tcp", Err: err})
}

func (f *fixture) dialing(err error) {
	f.dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
}

func dropped(f *fixture) {
	f.limit = 700 * time.Millisecond
	f.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
}

// issued gives VICIdial a certificate of the secret's ca.
func issued(c vicitest.Cert) func(*fixture) {
	return func(f *fixture) {
		authority := vicitest.NewAuthority()
		if c.Hosts == nil {
			c.Hosts = []string{"127.0.0.1"}
		}
		f.use(vicitest.NewTLSServer(vicitest.Config{}, authority.Issue(c)))
		f.account["ca"] = authority.PEM()
	}
}

func selfSigned(f *fixture) { f.use(vicitest.NewTLSServer(vicitest.Config{}, tls.Certificate{})) }

func privateCA(another bool) func(*fixture) {
	return func(f *fixture) {
		issued(vicitest.Cert{NotAfter: ago(-900)})(f)
		delete(f.account, "ca")
		if another {
			f.account["ca"] = vicitest.NewAuthority().PEM()
		}
	}
}

func mispinned(f *fixture) {
	selfSigned(f)
	f.account["tls_pin"] = vicitest.Pin(vicitest.SelfSigned(vicitest.Cert{}))
}

func oldTLS(f *fixture) {
	certificate := vicitest.SelfSigned(vicitest.Cert{Hosts: []string{"127.0.0.1"}})
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	listening(func(c net.Conn) { _ = tls.Server(c, config).Handshake() })(f)
}

// listening replaces VICIdial by another listener.
func listening(serve func(net.Conn)) func(*fixture) {
	return func(f *fixture) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { listener.Close() })
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				f.Cleanup(func() { c.Close() })
				go serve(c)
			}
		}()
		f.account["url"] = "https://" + listener.Addr().String()
		f.limit = 1200 * time.Millisecond
	}
}

func (f *fixture) answering(status int, body string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, status) }))
	f.Cleanup(srv.Close)
	f.account["url"] = srv.URL
}

// deadURL has a port without a listener.
const deadURL = "http://127.0.0.1:1"

// slow delays the answer for the account to most of a budget of 1 s.
func slow(f *fixture) {
	f.env["REQUEST_BUDGET"] = "1s"
	if err := f.srv.Inject(vicitest.Fault{Name: "slow", Stage: "CHECK", Delay: 650 * time.Millisecond}); err != nil {
		f.Fatal(err)
	}
}

// oldVICIdial is a version of 2010, where the account lacks access or its characters are stripped.
func oldVICIdial(user, pass string) func(*fixture) {
	return func(f *fixture) {
		f.use(vicitest.NewServer(vicitest.Config{Version: "2.4-17"}))
		refusal := vicitest.Observed("2.4-17", "wrong password") // the same answer as without Agent API Access
		refusal.Stage = "CHECK"
		if err := f.srv.Inject(refusal); err != nil {
			f.Fatal(err)
		}
		f.account["user"], f.account["pass"] = user, pass
	}
}
