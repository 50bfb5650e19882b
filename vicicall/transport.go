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
	"time"
)

const (
	maxHeader      = 64 << 10
	connectTimeout = 3 * time.Second // for a connection that its request has given up
	idleTimeout    = 4 * time.Second // Apache drops them after 5 s; measured by the wall clock, which a freeze does not stop
	idlePerHost    = 4
)

var errNotPinned = errors.New("the certificate's public key is not one of tls_pin")

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// transport gives the one transport for these roots and pins. There is no proxy, no HTTP/2, no compression.
func (c *Client) transport(cred Credentials) *http.Transport {
	key := cred.CA + "\x00" + strings.Join(cred.Pins, "\x00")
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.transports[key]
	if !ok {
		d := dialer{c.config.dial, tlsConfig(cred)}
		t = &http.Transport{
			DialContext:            d.plain,
			DialTLSContext:         d.tls,
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
	config.InsecureSkipVerify = true // the pins stand in for chain and name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		for _, text := range cred.Pins {
			pin, _ := parsePin(text)
			if subtle.ConstantTimeCompare(sum[:], pin[:]) == 1 {
				return nil
			}
		}
		return errNotPinned
	}
	return config
}

type dialer struct {
	dial   dialFunc
	config *tls.Config
}

func (d dialer) plain(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: raw, raw: raw}, nil
}

func (d dialer) tls(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := d.config.Clone()
	config.ServerName, _, _ = net.SplitHostPort(address)
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return &conn{Conn: secured, raw: raw}, nil
}

func allUntrusted(errs []error) bool {
	for _, err := range errs {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok && !errors.Is(err, errNotPinned) {
			return false
		}
	}
	return len(errs) > 0
}

func speaksNoTLS(err error) bool {
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}
