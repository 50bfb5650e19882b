//go:build unix

package systemtest_test

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A trustCase is a certificate of VICIdial's web server and the trust settings of its secret.
type trustCase struct {
	certificate tls.Certificate
	secret      map[string]any
	outcome     string
	system      *vicitest.Authority // the one that the function's system trusts; nil is as this machine
}

// trustCases have a certificate for another name, an expired, a self-signed, a CN-only and a private authority's one.
func trustCases() map[string]trustCase {
	var (
		ours, theirs = vicitest.NewAuthority(), vicitest.NewAuthority()
		here         = []string{"127.0.0.1"}
		past         = vicitest.Cert{Hosts: here, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
		elsewhere    = vicitest.Cert{Hosts: []string{"other.example.com"}}
		good         = ours.Issue(vicitest.Cert{Hosts: here})
		selfSigned   = vicitest.SelfSigned(vicitest.Cert{Hosts: here})
		wrongName    = ours.Issue(elsewhere)
		nameOnly     = ours.Issue(vicitest.Cert{CommonName: "127.0.0.1"})
		expired      = ours.Issue(past)
		alonePast    = vicitest.SelfSigned(past)
		aloneWrong   = vicitest.SelfSigned(elsewhere)
		ca           = func(a *vicitest.Authority) map[string]any { return map[string]any{"ca": a.PEM()} }
		itself       = func(c tls.Certificate) map[string]any { return map[string]any{"ca": pemOf(c)} }
		pin          = func(c tls.Certificate) map[string]any { return map[string]any{"tls_pin": vicitest.Pin(c)} }
	)
	return map[string]trustCase{
		"a private authority, given as ca":          {good, ca(ours), "hungup", nil},
		"a private authority, nothing given":        {good, nil, "tls_untrusted", nil},
		"a private authority, another as ca":        {good, ca(theirs), "tls_untrusted", nil},
		"a private authority, pinned":               {good, pin(good), "hungup", nil},
		"self-signed, nothing given":                {selfSigned, nil, "tls_untrusted", nil},
		"self-signed, given as ca":                  {selfSigned, itself(selfSigned), "hungup", nil},
		"self-signed, another given as ca":          {selfSigned, itself(good), "tls_untrusted", nil},
		"self-signed, pinned":                       {selfSigned, pin(selfSigned), "hungup", nil},
		"self-signed and expired, given as ca":      {alonePast, itself(alonePast), "tls_untrusted", nil},
		"self-signed for another name, given as ca": {aloneWrong, itself(aloneWrong), "tls_untrusted", nil},
		"another key pinned":                        {selfSigned, pin(good), "tls_untrusted", nil},
		"a wrong name":                              {wrongName, ca(ours), "tls_untrusted", nil},
		"a wrong name, nothing given":               {wrongName, nil, "tls_untrusted", ours},
		"a wrong name, pinned":                      {wrongName, pin(wrongName), "hungup", nil},
		"a common name only":                        {nameOnly, ca(ours), "tls_untrusted", nil},
		"a common name only, nothing given":         {nameOnly, nil, "tls_untrusted", ours},
		"a common name only, pinned":                {nameOnly, pin(nameOnly), "hungup", nil},
		"expired":                                   {expired, ca(ours), "tls_untrusted", nil},
		"expired, nothing given":                    {expired, nil, "tls_untrusted", ours},
		"expired, pinned":                           {expired, pin(expired), "hungup", nil},
		"a public authority, another given as ca":   {good, ca(theirs), "tls_untrusted", ours},
		"a public authority, another key pinned":    {good, pin(selfSigned), "tls_untrusted", ours},
	}
}

func pemOf(c tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}

func TestTLSTrustIsThatOfTheSecret(t *testing.T) {
	t.Parallel()
	cases := trustCases()
	if runtime.GOOS == "linux" { // where SSL_CERT_FILE names what the system trusts; elsewhere the rows with a system have none
		ours := vicitest.NewAuthority()
		cases["a public authority, nothing given"] = trustCase{ours.Issue(vicitest.Cert{Hosts: []string{"127.0.0.1"}}), nil, "hungup", ours}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, usualBudget, func() time.Duration { return c.check(t) })
		})
	}
}

// check sends a webhook, and checks that an untrusted web server gets nothing.
func (c trustCase) check(t *testing.T) (took time.Duration) {
	vicidial := vicitest.NewTLSServer(vicitest.Config{}, c.certificate)
	defer vicidial.Close()
	b := newFixtureOn(t, vicidial, stack.Config{Account: c.secret, Env: c.environment(t)})
	got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	if trusted := c.outcome == "hungup"; got.Outcome != c.outcome || vicidial.Listed(b.call) == trusted || trusted != (vicidial.Count("") > 0) {
		t.Errorf("got %s, want %s; %d requests, listed %v", got.body, c.outcome, vicidial.Count(""), vicidial.Listed(b.call))
	}
	b.checkLog(t, c.outcome)
	return b.took(b.call)
}

func (c trustCase) environment(t *testing.T) map[string]string {
	if c.system == nil {
		return nil
	}
	file := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(file, []byte(c.system.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"SSL_CERT_FILE": file, "SSL_CERT_DIR": filepath.Dir(file)}
}

// newFixtureOn is newFixture with a VICIdial that has agent 1028 in one call.
func newFixtureOn(t *testing.T, vicidial *vicitest.Server, c stack.Config) *fixture {
	t.Helper()
	vicidial.AddRemoteAgent(1028, 1)
	vicidial.AddCall(vicitest.Call{ID: vicidial.NextCallID('Y'), Agent: "1028"})
	c.VICIdial = vicidial
	return newFixture(t, c)
}

// A cluster has broken web servers before the one that works.
type cluster struct {
	before  func(*testing.T) string // the address of the first
	last    bool                    // there is no other
	outcome string
	leaves  tables
	hangups int // that reached the simulated one
}

const clusterBudget = 2 * time.Second

var clusters = map[string]cluster{
	"a dead one first":                 {before: dead, outcome: "hungup", leaves: ended, hangups: 1},
	"a silent one first":               {before: mute, outcome: "still_listed", leaves: untouched}, // it may have got the HANGUP
	"a name that does not resolve":     {before: unresolvable, outcome: "hungup", leaves: ended, hangups: 1},
	"only a dead one":                  {before: dead, last: true, outcome: "unavailable", leaves: untouched},
	"only a name that is not there":    {before: unresolvable, last: true, outcome: "unavailable", leaves: untouched},
	"only a silent one":                {before: mute, last: true, outcome: "unknown", leaves: untouched},
	"a redirect to another host first": {before: redirecting, outcome: "misconfigured", leaves: untouched},
}

func TestFailoverToTheNextWebServer(t *testing.T) {
	t.Parallel()
	for name, c := range clusters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, clusterBudget, func() time.Duration { return c.check(t) })
		})
	}
}

func (c cluster) check(t *testing.T) (took time.Duration) {
	vicidial := vicitest.NewServer(vicitest.Config{})
	defer vicidial.Close()
	urls := []string{c.before(t), vicidial.URL}
	if c.last {
		urls = urls[:1]
	}
	b := newFixtureOn(t, vicidial, stack.Config{Account: map[string]any{"url": urls}, Env: map[string]string{"REQUEST_BUDGET": clusterBudget.String()}})
	got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
	if is := (tables{vicidial.Listed(b.call), vicidial.LineUp(b.call)}); got.Outcome != c.outcome || is != c.leaves || vicidial.Count("HANGUP") != c.hangups {
		t.Errorf("got %s, want %s; the call is %+v after %d HANGUP", got.body, c.outcome, is, vicidial.Count("HANGUP"))
	}
	b.checkLog(t, c.outcome)
	return b.took(b.call)
}

// dead refuses connections: no test server gets this port.
func dead(*testing.T) string { return "http://127.0.0.1:1" }

// mute accepts connections and never reads.
func mute(t *testing.T) string { return "http://" + listen(t).Addr().String() }

// unresolvable is a name that DNS never resolves (RFC 6761).
func unresolvable(*testing.T) string { return "https://dialer.invalid" }

// redirecting redirects every request to another host, which fails the test if it gets one.
func redirecting(t *testing.T) string {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(other.Close)
	first := httptest.NewServer(http.RedirectHandler(other.URL+"/agc/api.php", http.StatusTemporaryRedirect))
	t.Cleanup(first.Close)
	return first.URL
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A gateway that held the request leaves less time for VICIdial, which is silent here.
func TestBudgetStartsAtTheGatewaysRequestTime(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{})
	b.send(t, b.delivery(t, "crm", payloadOf("Y0101000000000000001"))) // the start takes time too
	inject("silent-undone")(t, b)
	for held, want := range map[time.Duration]string{2 * time.Second: "still_listed", 3600 * time.Millisecond: "unavailable"} {
		d := b.delivery(t, "crm", payloadOf(b.call))
		r := httptest.NewRequest(http.MethodPost, "/webhooks/crm", nil)
		for name, values := range d.header {
			r.Header[name] = values
		}
		r.Header.Set("Content-Type", d.contentType)
		payload, err := event.HTTPAPI.Encode(r, d.body, event.Options{Time: time.Now().Add(-held)})
		if err != nil {
			t.Fatal(err)
		}
		result, err := b.Invoke(t.Context(), payload)
		if err != nil || !strings.Contains(string(result.Payload), want) {
			t.Errorf("held for %v: got %s, %v, want %s", held, result.Payload, err, want)
		}
		if left := usualBudget - held; result.Duration > left+overrun {
			t.Errorf("held for %v: answered after %v more", held, result.Duration)
		}
	}
}
