package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"vicihook/vicicall"
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

// reach resolves the name, connects and, where the address says https, looks at the certificate: each as far as the one
// before allows. It returns what stands in the way, or nil.
func (d *Doctor) reach(ctx context.Context, t target, cred vicicall.Credentials, s *Server) []Finding {
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	if f := d.resolve(ctx, t, s); f != nil {
		return []Finding{*f}
	}
	began := time.Now()
	conn, err := d.dial(ctx, t.address())
	if err != nil {
		return []Finding{unconnected(t, err)}
	}
	defer conn.Close()
	s.ConnectMS = time.Since(began).Milliseconds()
	s.From, _, _ = net.SplitHostPort(conn.LocalAddr().String())
	if !t.secure {
		return inTheClear(t)
	}
	return d.handshake(ctx, conn, t, cred, s)
}

func (d *Doctor) resolve(ctx context.Context, t target, s *Server) *Finding {
	if _, err := netip.ParseAddr(t.host); err == nil {
		return nil
	}
	resolve := d.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := resolve(ctx, t.host)
	for _, a := range found {
		s.Addresses = append(s.Addresses, a.Unmap().String())
	}
	if err == nil {
		return nil
	}
	dns, known := errors.AsType[*net.DNSError](err)
	if known && dns.IsNotFound {
		return &Finding{Fault: "dns_unknown", What: fmt.Sprintf("DNS has no address for %s", t.host),
			Remedy: "Correct url in VICIdial's secret; a name of a private zone needs that zone attached to the function's VPC"}
	}
	return &Finding{Fault: "dns_silent", What: fmt.Sprintf("DNS gave no answer for %s", t.host),
		Remedy: "Let the function's subnets reach a resolver: VPC setting enableDnsSupport, or the resolver's firewall"}
}

func (d *Doctor) dial(ctx context.Context, address string) (net.Conn, error) {
	if d.Dial != nil {
		return d.Dial(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// unconnected tells a connection that was refused from one that nobody answered.
func unconnected(t target, err error) Finding {
	timeout, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Finding{Fault: "tcp_refused", What: t.address() + " refuses the connection: nothing listens there, or a firewall rejects",
			Remedy: "Start VICIdial's web server, or correct host and port of url in VICIdial's secret"}
	case errors.Is(err, context.DeadlineExceeded) || timeout != nil && timeout.Timeout():
		return Finding{Fault: "tcp_dropped", What: t.address() + " does not answer: a firewall drops the packets, or there is no way there",
			Remedy: "Let the function's fixed address through VICIdial's firewall (ViciBox: the white list), and see that the function's subnets have a NAT gateway"}
	}
	return Finding{Fault: "tcp_unreachable", What: t.address() + " can't be reached: " + reason(err),
		Remedy: "See that the function's subnets and security group have a way to VICIdial"}
}

// reason is a network error without the addresses that it repeats.
func reason(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return oneLine(err)
}

func inTheClear(t target) []Finding {
	if ip := net.ParseIP(t.host); t.host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return []Finding{{Fault: "plain_http", Warning: true, What: t.shown + " is asked over plain http: everybody on the way can read the password",
		Remedy: "Put https:// into url of VICIdial's secret; a self-signed certificate serves with tls_pin"}}
}

// handshake takes any certificate, so that what is wrong with it can be told, and sends nothing.
func (d *Doctor) handshake(ctx context.Context, raw net.Conn, t target, cred vicicall.Credentials, s *Server) []Finding {
	conn := tls.Client(raw, &tls.Config{ServerName: t.host, InsecureSkipVerify: true})
	if err := conn.HandshakeContext(ctx); err != nil {
		return []Finding{unsecured(t, err)}
	}
	return d.judge(conn.ConnectionState().PeerCertificates, t, cred, s)
}

func unsecured(t target, err error) Finding {
	_, foreign := errors.AsType[tls.RecordHeaderError](err)
	timeout, _ := errors.AsType[net.Error](err)
	text := err.Error()
	switch {
	case foreign:
		return Finding{Fault: "tls_not_spoken", What: t.address() + " speaks no TLS",
			Remedy: "Correct scheme and port of url in VICIdial's secret, or set up https on VICIdial's web server"}
	case strings.Contains(text, "protocol version"):
		return Finding{Fault: "tls_too_old", What: t.address() + " speaks only TLS older than 1.2",
			Remedy: "Let VICIdial's web server speak TLS 1.2 (Apache: SSLProtocol), or put one before it that does"}
	case errors.Is(err, context.DeadlineExceeded) || timeout != nil && timeout.Timeout():
		return Finding{Fault: "tls_silent", What: t.address() + " takes the connection and says nothing",
			Remedy: "Look at the load of VICIdial's web server, and at the proxy or firewall before it"}
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		text = "the connection was closed"
	}
	return Finding{Fault: "tls_handshake", What: t.address() + " breaks off the TLS handshake: " + strings.ReplaceAll(text, "\n", "; "),
		Remedy: "Look at the TLS settings of VICIdial's web server: host name (SNI), ciphers, client certificates"}
}
