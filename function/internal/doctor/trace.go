package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// seen is the course of a request to a web server, as far as it came.
type seen struct {
	resolving    bool // DNS was asked and has not answered well
	dialed       bool // the port took the connection
	ready        bool // TLS, if any, is up too
	addresses    []string
	from         string // this side of the connection
	connect      time.Duration
	certificates []*x509.Certificate
}

// progress records the course of a request. Its hooks may still run after the request has ended.
type progress struct {
	mu    sync.Mutex
	seen  seen
	began time.Time
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { p.note(func(s *seen) { s.resolving = true }) },
		DNSDone: func(done httptrace.DNSDoneInfo) {
			p.note(func(s *seen) {
				s.resolving, s.addresses = done.Err != nil, nil
				for _, a := range done.Addrs {
					s.addresses = append(s.addresses, a.String())
				}
			})
		},
		ConnectStart: func(string, string) { p.note(func(*seen) { p.began = time.Now() }) },
		ConnectDone: func(_, _ string, err error) {
			p.note(func(s *seen) { s.dialed, s.connect = s.dialed || err == nil, time.Since(p.began) })
		},
		GotConn: func(got httptrace.GotConnInfo) {
			p.note(func(s *seen) {
				s.ready = true
				s.from, _, _ = net.SplitHostPort(got.Conn.LocalAddr().String())
				if secured, ok := got.Conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
					s.certificates = secured.ConnectionState().PeerCertificates
				}
			})
		},
	}
}

func (p *progress) note(change func(*seen)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.seen)
}

func (p *progress) snapshot() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}
