package vicicall

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	maxHeader      = 64 << 10
	connectTimeout = 3 * time.Second // for a connection whose request no longer waits for it
	idleTimeout    = 4 * time.Second // Apache closes them after 5 s; in wall-clock time, which goes on while a Lambda is frozen
	idlePerHost    = 4
)

var errNotPinned = errors.New("the certificate's public key is not one of tls_pin")

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// transport returns the one transport for these roots and pins. There is no proxy, no HTTP/2, no compression.
func (c *Client) transport(cred Credentials) *http.Transport {
	key := cred.CA + "\x00" + strings.Join(cred.Pins, "\x00")
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.transports[key]
	if !ok {
		t = &http.Transport{
			DialContext:            c.connect(nil),
			DialTLSContext:         c.connect(tlsConfig(cred)),
			DisableCompression:     true,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    idlePerHost,
			MaxResponseHeaderBytes: maxHeader,
		}
		c.transports[key] = t
	}
	return t
}

// tlsConfig trusts the system's roots, or only the given CA, or only the pinned public keys.
func tlsConfig(cred Credentials) *tls.Config {
	config := &tls.Config{}
	if cred.CA != "" {
		config.RootCAs, _ = parseCA(cred.CA) // Validate has seen it
	}
	if len(cred.Pins) == 0 {
		return config
	}
	config.InsecureSkipVerify = true // the pins are checked in place of chain and name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		for _, text := range cred.Pins {
			pin, _ := parsePin(text)
			if subtle.ConstantTimeCompare(sum[:], pin[:]) == 1 {
				return nil
			}
		}
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: errNotPinned}
	}
	return config
}

// connect returns a function that dials, and with a config does the TLS handshake.
func (c *Client) connect(config *tls.Config) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		raw, err := c.config.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if config == nil {
			return &conn{Conn: raw, raw: raw}, nil
		}
		config := config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return &conn{Conn: secured, raw: raw}, nil
	}
}

func allUntrusted(errs []error) bool {
	for _, err := range errs {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			return false
		}
	}
	return len(errs) > 0
}

var errBlockedWrite = errors.New("nothing may be written to this connection any more")

// A conn knows whether anything of the present request was written to it, above TLS.
// Once abandoned unwritten, it lets nothing through any more, so that "nothing was sent" stays true.
type conn struct {
	net.Conn
	raw net.Conn // below TLS

	mu      sync.Mutex
	written bool
	blocked bool
}

// ConnectionState is for a net/http/httptrace that looks at the connection; it is zero where TLS is not spoken.
func (c *conn) ConnectionState() tls.ConnectionState {
	if secured, ok := c.Conn.(*tls.Conn); ok {
		return secured.ConnectionState()
	}
	return tls.ConnectionState{}
}

// begin starts a request. A kept connection that the server has closed meanwhile is blocked:
// writing to it would succeed, and it would be unknown whether VICIdial received the request.
func (c *conn) begin(kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = false
	c.blocked = kept && closedByPeer(c.raw)
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.blocked {
		c.mu.Unlock()
		return 0, errBlockedWrite
	}
	c.written = true
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// abandon reports whether nothing of the current request was written, and prevents any later write of it.
func (c *conn) abandon() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked = true
	return !c.written
}
