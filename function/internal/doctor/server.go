package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/url"
	"time"

	"vicihook/vicicall"
)

const (
	serverLimit = 5 * time.Second // for one web server
	maxClock    = time.Minute     // how far VICIdial's clock may be off before a report warns
	warnDays    = 14              // before its end a certificate should be renewed
)

// A target is one web server's address, taken apart.
type target struct {
	url        string // as in the secret
	shown      string // scheme and host with port: all of it that a report shows
	host, port string
	secure     bool
}

func newTarget(text string) target {
	u, err := url.Parse(text)
	if err != nil {
		return target{url: text, shown: "?"} // the client's Validate has refused it
	}
	t := target{url: text, shown: u.Scheme + "://" + u.Host, host: u.Hostname(), port: u.Port(), secure: u.Scheme == "https"}
	if t.port == "" {
		t.port = map[bool]string{true: "443", false: "80"}[t.secure]
	}
	return t
}

func (t target) address() string { return net.JoinHostPort(t.host, t.port) }

func (t target) isLoopback() bool {
	ip := net.ParseIP(t.host)
	return t.host == "localhost" || ip != nil && ip.IsLoopback()
}

// examineServer asks one web server for VICIdial's version, and reads from the connection and from the client's error
// all that there is to say: name, address, certificate, clock.
func (d *Doctor) examineServer(ctx context.Context, t target, cred vicicall.Credentials) (Server, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	cred.URLs = []string{t.url}
	p := &progress{}
	began := time.Now()
	v, err := d.VICIdial.Version(httptrace.WithClientTrace(ctx, p.trace()), cred)
	seen := p.snapshot()
	s := Server{Host: t.shown, Addresses: seen.addresses, From: seen.from, ConnectMS: seen.connect.Milliseconds(), VersionMS: (time.Since(began) - seen.connect).Milliseconds()}

	var found []Finding
	if !t.secure && !t.isLoopback() {
		found = append(found, Finding{Fault: "plain_http", Warning: true, What: t.shown + " is asked over plain http: everybody on the way can read the password",
			Remedy: "Put https:// into url of VICIdial's secret; a self-signed certificate works with tls_pin"})
	}
	s.Certificate = newCertificate(seen.certificates, cred, d.now())
	if err != nil {
		f := failure{target: t, cred: cred, now: d.now(), seen: seen, err: err}
		if rejected := f.rejected(); rejected != nil {
			s.Certificate = newCertificate(rejected, cred, d.now())
			s.Certificate.Trust = "nothing"
		}
		return s, append(found, f.finding())
	}
	s.good, s.VICIdial, s.Build = true, v.Version, v.Build
	return s, append(found, append(t.expiring(s.Certificate), t.clock(&s, v, d.now())...)...)
}

func (t target) expiring(c *Certificate) []Finding {
	if c == nil || c.Trust == "tls_pin" || c.DaysLeft >= warnDays {
		return nil
	}
	return []Finding{{Fault: "tls_expiring", Warning: true, What: fmt.Sprintf("the certificate of %s ends in %d days, on %s", t.shown, c.DaysLeft, day(c.NotAfter)),
		Remedy: "Renew it on VICIdial's web server"}}
}

// clock notes how far VICIdial's clock is ahead. VICIdial cuts its time to the second.
func (t target) clock(s *Server, v vicicall.Version, now time.Time) []Finding {
	ahead := v.Time.Add(time.Second / 2).Sub(now).Round(time.Second)
	s.ClockSeconds = new(int(ahead.Seconds()))
	if ahead.Abs() <= maxClock {
		return nil
	}
	return []Finding{{Fault: "clock", Warning: true,
		What:   fmt.Sprintf("the clock of %s is %s %s", t.shown, ahead.Abs().Round(10*time.Second), map[bool]string{true: "ahead", false: "behind"}[ahead > 0]),
		Remedy: "Let VICIdial's machines and this one keep time by NTP: call ids, lockouts and logs go by it"}}
}
