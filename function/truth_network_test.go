//go:build unix

package main_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vicihook/infra/local/apigw"
	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// A trust is a certificate of VICIdial's web server and what its secret says of it.
type trust struct {
	certificate tls.Certificate
	secret      map[string]any
	outcome     string
}

// trusts are a wrong name, an expired, a self-signed, a CN-only and a private authority's certificate.
func trusts() map[string]trust {
	var (
		ours, theirs = vicitest.NewAuthority(), vicitest.NewAuthority()
		here         = []string{"127.0.0.1"}
		good         = ours.Issue(vicitest.Cert{Hosts: here})
		selfSigned   = vicitest.SelfSigned(vicitest.Cert{Hosts: here})
		wrongName    = ours.Issue(vicitest.Cert{Hosts: []string{"other.example.com"}})
		nameOnly     = ours.Issue(vicitest.Cert{CommonName: "127.0.0.1"})
		expired      = ours.Issue(vicitest.Cert{Hosts: here, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
		ca           = func(a *vicitest.Authority) map[string]any { return map[string]any{"ca": a.PEM()} }
		pin          = func(c tls.Certificate) map[string]any { return map[string]any{"tls_pin": vicitest.Pin(c)} }
	)
	return map[string]trust{
		"a private authority, given as ca":   {good, ca(ours), "hungup"},
		"a private authority, nothing given": {good, nil, "tls_untrusted"},
		"a private authority, another as ca": {good, ca(theirs), "tls_untrusted"},
		"a private authority, pinned":        {good, pin(good), "hungup"},
		"self-signed, nothing given":         {selfSigned, nil, "tls_untrusted"},
		"self-signed, pinned":                {selfSigned, pin(selfSigned), "hungup"},
		"another key pinned":                 {selfSigned, pin(good), "tls_untrusted"},
		"a wrong name":                       {wrongName, ca(ours), "tls_untrusted"},
		"a wrong name, pinned":               {wrongName, pin(wrongName), "hungup"},
		"a common name only":                 {nameOnly, ca(ours), "tls_untrusted"},
		"a common name only, pinned":         {nameOnly, pin(nameOnly), "hungup"},
		"expired":                            {expired, ca(ours), "tls_untrusted"},
		"expired, pinned":                    {expired, pin(expired), "hungup"},
	}
}

func TestEndToEndTheCertificateIsTrustedAsTheSecretSays(t *testing.T) {
	t.Parallel()
	for name, c := range trusts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vicidial := vicitest.NewTLSServer(vicitest.Config{}, c.certificate)
			defer vicidial.Close()
			b := newBenchOn(t, vicidial, stack.Config{Account: c.secret})
			got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
			if trusted := c.outcome == "hungup"; got.Outcome != c.outcome || vicidial.Listed(b.call) == trusted || trusted != (vicidial.Count("") > 0) {
				t.Errorf("got %s, want %s; %d requests, listed %v", got.body, c.outcome, vicidial.Count(""), vicidial.Listed(b.call))
			}
			b.checkLog(t, c.outcome)
		})
	}
}

// newBenchOn is newBench with a VICIdial that has one agent, 1028, in one call.
func newBenchOn(t *testing.T, vicidial *vicitest.Server, c stack.Config) *bench {
	t.Helper()
	vicidial.AddRemoteAgent(1028, 1)
	vicidial.AddCall(vicitest.Call{ID: vicidial.NextCallID('Y'), Agent: "1028"})
	c.VICIdial = vicidial
	return newBench(t, c)
}

// A cluster is how the web servers of VICIdial's secret are before the one that works.
type cluster struct {
	before  func(*testing.T) string // the address of the first
	last    bool                    // there is no other
	outcome string
	leaves  tables
	hangups int // that reached the simulated one
}

var clusters = map[string]cluster{
	"a dead one first":                 {before: dead, outcome: "hungup", leaves: ended, hangups: 1},
	"a silent one first":               {before: mute, outcome: "still_listed", leaves: untouched}, // it may have got the HANGUP
	"a name that does not resolve":     {before: nowhere, outcome: "hungup", leaves: ended, hangups: 1},
	"only a dead one":                  {before: dead, last: true, outcome: "unavailable", leaves: untouched},
	"only a name that is not there":    {before: nowhere, last: true, outcome: "unavailable", leaves: untouched},
	"only a silent one":                {before: mute, last: true, outcome: "unknown", leaves: untouched},
	"a redirect to another host first": {before: redirecting, outcome: "misconfigured", leaves: untouched},
}

func TestEndToEndTheNextWebServerIsAskedWhereTheFirstGotNothing(t *testing.T) {
	t.Parallel()
	for name, c := range clusters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vicidial := vicitest.NewServer(vicitest.Config{})
			defer vicidial.Close()
			urls := []string{c.before(t), vicidial.URL}
			if c.last {
				urls = urls[:1]
			}
			b := newBenchOn(t, vicidial, stack.Config{Account: map[string]any{"url": urls}, Env: map[string]string{"REQUEST_BUDGET": "2s"}})
			got := b.send(t, b.delivery(t, "crm", payloadOf(b.call)))
			if is := (tables{vicidial.Listed(b.call), vicidial.LineUp(b.call)}); got.Outcome != c.outcome || is != c.leaves || vicidial.Count("HANGUP") != c.hangups {
				t.Errorf("got %s, want %s; the call is %+v after %d HANGUP", got.body, c.outcome, is, vicidial.Count("HANGUP"))
			}
			b.checkLog(t, c.outcome)
		})
	}
}

// dead refuses connections.
func dead(t *testing.T) string {
	l := listen(t)
	_ = l.Close()
	return "http://" + l.Addr().String()
}

// mute accepts connections and never reads.
func mute(t *testing.T) string { return "http://" + listen(t).Addr().String() }

// nowhere is a name that no DNS has, by its specification.
func nowhere(*testing.T) string { return "https://dialer.invalid" }

// redirecting sends everybody to another host, which fails the test when it is asked.
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

// A gateway that held the request leaves less for VICIdial, who is silent here.
func TestEndToEndTheTimeThatTheGatewayHeldIsSpent(t *testing.T) {
	t.Parallel()
	b := newBench(t, stack.Config{})
	b.send(t, b.delivery(t, "crm", payloadOf("Y0101000000000000001"))) // the start takes time too
	inject("silent-undone")(t, b)
	for held, want := range map[time.Duration]string{2 * time.Second: "still_listed", 3600 * time.Millisecond: "unavailable"} {
		d := b.delivery(t, "crm", payloadOf(b.call))
		r := httptest.NewRequest(http.MethodPost, "/webhooks/crm", nil)
		for name, values := range d.header {
			r.Header[name] = values
		}
		r.Header.Set("Content-Type", d.contentType)
		event, err := apigw.HTTPAPIEvent(r, d.body, apigw.Options{Time: time.Now().Add(-held)})
		if err != nil {
			t.Fatal(err)
		}
		result, err := b.Invoke(t.Context(), event)
		if err != nil || !strings.Contains(string(result.Payload), want) {
			t.Errorf("held for %v: got %s, %v, want %s", held, result.Payload, err, want)
		}
		if left := 4*time.Second - held; result.Duration > left+overrun {
			t.Errorf("held for %v: answered after %v more", held, result.Duration)
		}
	}
}
