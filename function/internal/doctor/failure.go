package doctor

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"vicihook/vicicall"
)

// A failure is why a web server did not return its version: how far the request came, and the client's error, which wraps
// those of the resolver, the network or package tls.
type failure struct {
	target
	cred vicicall.Credentials
	now  time.Time
	seen seen
	err  error
}

// failures maps a failure to its fault in catalogue. The first row that matches counts.
var failures = []struct {
	fault   string
	matches func(failure) bool
}{
	{"redirect", func(f failure) bool { return errors.Is(f.err, vicicall.Misconfigured) }},
	{"tls_pin_mismatch", func(f failure) bool { return f.rejected() != nil && len(f.cred.Pins) > 0 }},
	{"tls_self_signed", func(f failure) bool { return f.rejected() != nil && f.cred.CA == "" && isSelfSigned(f.rejected()[0]) }},
	{"tls_not_yet_valid", func(f failure) bool { return f.outOfTime() && f.now.Before(f.rejected()[0].NotBefore) }},
	{"tls_expired", failure.outOfTime},
	{"tls_wrong_name", causedBy[x509.HostnameError]},
	{"tls_wrong_ca", func(f failure) bool { return causedBy[x509.UnknownAuthorityError](f) && f.cred.CA != "" }},
	{"tls_unknown_authority", causedBy[x509.UnknownAuthorityError]},
	{"tls_untrusted", func(f failure) bool { return f.rejected() != nil }},
	{"dns_unknown", func(f failure) bool { return f.dns() != nil && f.dns().IsNotFound }},
	{"dns_silent", func(f failure) bool { return f.dns() != nil || f.seen.resolving && !f.seen.dialed }},
	{"tcp_refused", func(f failure) bool { return errors.Is(f.err, syscall.ECONNREFUSED) }},
	{"tcp_dropped", func(f failure) bool { return !f.seen.dialed && !f.seen.ready && f.timedOut() }},
	{"tcp_unreachable", func(f failure) bool { return !f.seen.dialed && !f.seen.ready }},
	{"tls_not_spoken", causedBy[tls.RecordHeaderError]},
	{"tls_too_old", func(f failure) bool { return !f.seen.ready && strings.Contains(f.err.Error(), "protocol version") }},
	{"tls_silent", func(f failure) bool { return !f.seen.ready && f.timedOut() }},
	{"tls_handshake", func(f failure) bool { return !f.seen.ready }},
	{"vicidial_down", func(f failure) bool { return errors.Is(f.err, vicicall.Unavailable) }},
	{"wrong_path", func(f failure) bool { return f.answered(404) }},
	{"web_server_refuses", func(f failure) bool { return f.answered(401, 403, 429) }},
}

func (f failure) finding() Finding {
	words := []string{"{shown}", f.shown, "{address}", f.address(), "{host}", f.host, "{message}", f.message(), "{reason}", f.reason()}
	if chain := f.rejected(); chain != nil {
		c := newCertificate(chain, f.cred, f.now)
		words = append(words, "{pin}", c.Pin, "{issuer}", c.Issuer, "{names}", cmp.Or(strings.Join(c.Names, ", "), "no host at all (it has a common name only)"),
			"{begin}", chain[0].NotBefore.UTC().Format(time.RFC3339), "{end}", day(c.NotAfter))
	}
	for _, row := range failures {
		if row.matches(f) {
			return newFinding(row.fault, words...)
		}
	}
	return newFinding("not_vicidial", words...)
}

// message has nothing of the answer but its status, length and known phrases.
func (f failure) message() string {
	if failed, ok := errors.AsType[*vicicall.Error](f.err); ok {
		return failed.Message
	}
	return oneLine(f.err)
}

// reason returns the first cause, without the addresses that a network error repeats.
func (f failure) reason() string {
	err := f.err
	if failed, ok := errors.AsType[*vicicall.Error](err); ok && failed.Err != nil {
		err = failed.Err
	}
	if tries, ok := err.(interface{ Unwrap() []error }); ok {
		err = tries.Unwrap()[0]
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "the connection was closed"
	}
	return oneLine(err)
}

func (f failure) dns() *net.DNSError {
	dns, _ := errors.AsType[*net.DNSError](f.err)
	return dns
}

func (f failure) timedOut() bool {
	timeout, ok := errors.AsType[net.Error](f.err)
	return errors.Is(f.err, context.DeadlineExceeded) || ok && timeout.Timeout()
}

// rejected returns the untrusted certificate and those that came with it; nil for any other failure.
func (f failure) rejected() []*x509.Certificate {
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](f.err); ok {
		return untrusted.UnverifiedCertificates
	}
	return nil
}

func (f failure) outOfTime() bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](f.err)
	return ok && invalid.Reason == x509.Expired
}

// answered reports whether the web server answered with one of these statuses.
func (f failure) answered(statuses ...int) bool {
	return slices.ContainsFunc(statuses, func(status int) bool { return strings.Contains(f.message(), fmt.Sprintf("HTTP %d", status)) })
}

func causedBy[T error](f failure) bool {
	_, ok := errors.AsType[T](f.err)
	return ok
}

func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

const maxNames = 10 // of a certificate that are shown

// newCertificate describes the first certificate of a chain; nil for an empty one.
func newCertificate(chain []*x509.Certificate, cred vicicall.Credentials, now time.Time) *Certificate {
	if len(chain) == 0 {
		return nil
	}
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

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
