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

// A target is the parsed address of one web server.
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

// examineServer asks one web server for VICIdial's version, and describes it by the connection and the client's error:
// name, address, certificate, clock.
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
		found = append(found, newFinding("plain_http", "{shown}", t.shown))
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
	if c := s.Certificate; c != nil && len(cred.Pins) == 0 && c.DaysLeft < warnDays {
		found = append(found, newFinding("tls_expiring", "{shown}", t.shown, "{days}", fmt.Sprint(c.DaysLeft), "{end}", day(c.NotAfter)))
	}
	ahead := v.Time.Add(time.Second / 2).Sub(d.now()).Round(time.Second) // VICIdial cuts its time to the second
	s.ClockSeconds = new(int(ahead.Seconds()))
	if ahead.Abs() > maxClock {
		off := ahead.Abs().Round(10*time.Second).String() + map[bool]string{true: " ahead", false: " behind"}[ahead > 0]
		found = append(found, newFinding("clock", "{shown}", t.shown, "{off}", off))
	}
	return s, found
}
