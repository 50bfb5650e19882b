package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

const (
	serverLimit = 5 * time.Second // for one web server
	maxClock    = time.Minute     // a larger difference of clocks is a warning
	warnDays    = 14              // a certificate that ends sooner is a warning
)

// examineVICIdial checks VICIdial's secret and each web server in it. It tries the account at the first web server that
// answers as VICIdial's agent API.
func (d *Doctor) examineVICIdial(ctx context.Context, keys source.Keyring, r *Report) {
	got, ok := load(ctx, d, r, "VICIDIAL_SECRET_ARN", d.Settings.VICIdialSecretARN, d.Account)
	if !ok {
		return
	}
	cred := got.Current.Value
	cred.Version = got.Current.ID
	if err := d.VICIdial.Validate(cred); err != nil {
		r.addLines("vicidial_secret", err, "vicicall: ")
		return
	}
	r.Servers = make([]Server, len(cred.URLs))
	found := make([][]Finding, len(cred.URLs))
	var all sync.WaitGroup
	for i, address := range cred.URLs {
		all.Go(func() { r.Servers[i], found[i] = d.examineServer(ctx, address, cred) })
	}
	all.Wait()
	working := slices.IndexFunc(r.Servers, func(s Server) bool { return s.VICIdial != "" })
	for _, f := range slices.Concat(found...) {
		f.Warning = f.Warning || working >= 0 // webhooks go to the working one
		r.Findings = append(r.Findings, f)
	}
	d.tryAccount(ctx, cred, working, r)
	d.tryLookup(ctx, cred, working, keys, r)
}

// examineServer asks one web server for VICIdial's version.
func (d *Doctor) examineServer(ctx context.Context, address string, cred vicicall.Credentials) (Server, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	ctx, seen := traced(ctx)
	u, _ := url.Parse(address) // Validate has accepted it
	cred.URLs = []string{address}
	v, err := d.VICIdial.Version(ctx, cred)
	t := seen()
	s := Server{
		Host: u.Scheme + "://" + u.Host, Addresses: t.addresses, From: t.from,
		ConnectMS: t.connect.Milliseconds(), VersionMS: (time.Since(t.began) - t.connect).Milliseconds(),
		Certificate: newCertificate(t.certificates, cred, d.now()),
	}
	var r Report
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		r.add("plain_http", "{server}", s.Host)
	}
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		f := d.failure(failed, t.stage, cred, &s, u.Hostname())
		return s, append(r.Findings, f)
	}
	s.VICIdial, s.Build = v.Version, v.Build
	if c := s.Certificate; c != nil && len(cred.Pins) == 0 && c.DaysLeft < warnDays {
		r.add("tls_expiring", "{server}", s.Host, "{days}", strconv.Itoa(c.DaysLeft), "{end}", c.NotAfter.Format(time.DateOnly))
	}
	ahead := v.Time.Add(time.Second / 2).Sub(d.now()).Round(time.Second) // VICIdial cuts its time to the second
	s.ClockSeconds = new(int(ahead.Seconds()))
	if ahead.Abs() > maxClock {
		direction := map[bool]string{true: " ahead", false: " behind"}[ahead > 0]
		r.add("clock", "{server}", s.Host, "{off}", ahead.Abs().Round(10*time.Second).String()+direction)
	}
	return s, r.Findings
}

// newCertificate describes the first certificate of a trusted chain; nil for an empty one.
func newCertificate(chain []*x509.Certificate, cred vicicall.Credentials, now time.Time) *Certificate {
	if len(chain) == 0 {
		return nil
	}
	const maxNames = 10
	leaf, trust := chain[0], "public roots"
	switch {
	case len(cred.Pins) > 0:
		trust = "tls_pin"
	case cred.CA != "":
		trust = "ca"
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return &Certificate{
		Subject: leaf.Subject.CommonName, Issuer: leaf.Issuer.CommonName, Names: names[:min(len(names), maxNames)],
		NotAfter: leaf.NotAfter.UTC(), DaysLeft: int(leaf.NotAfter.Sub(now).Hours() / 24),
		Pin: "sha256/" + base64.StdEncoding.EncodeToString(sum[:]), Trust: trust,
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// stage is how far a request came.
type stage int

const (
	begun     stage = iota
	resolving       // DNS was asked
	resolved
	handshake // the port took the connection; TLS, if any, is not up
	connected
)

// trace is the course of a request to a web server.
type trace struct {
	stage        stage
	began        time.Time
	addresses    []string
	from         string // this side of the connection
	connect      time.Duration
	certificates []*x509.Certificate
}

// traced returns a context for one request, and a function that returns its trace. The hooks may still run after the
// request has ended.
func traced(ctx context.Context) (context.Context, func() trace) {
	var mu sync.Mutex
	t := trace{began: time.Now()}
	reach := func(s stage, note func()) {
		mu.Lock()
		defer mu.Unlock()
		t.stage = max(t.stage, s)
		note()
	}
	hooks := &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { reach(resolving, func() { t.addresses = nil }) },
		DNSDone: func(done httptrace.DNSDoneInfo) {
			for _, a := range done.Addrs {
				reach(resolved, func() { t.addresses = append(t.addresses, a.String()) })
			}
		},
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				reach(handshake, func() {})
			}
		},
		GotConn: func(got httptrace.GotConnInfo) {
			reach(connected, func() {
				t.connect = time.Since(t.began)
				t.from, _, _ = net.SplitHostPort(got.Conn.LocalAddr().String())
				if secured, ok := got.Conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
					t.certificates = secured.ConnectionState().PeerCertificates
				}
			})
		},
	}
	return httptrace.WithClientTrace(ctx, hooks), func() trace {
		mu.Lock()
		defer mu.Unlock()
		return t
	}
}
