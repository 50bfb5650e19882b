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

// A failure is why a web server did not say its version: how far the request came, and the client's error, whose chain
// holds what the resolver, the network or package tls said.
type failure struct {
	target
	cred vicicall.Credentials
	now  time.Time
	seen seen
	err  error
}

// failures lists what can stand between the function and VICIdial. The first row that matches is the finding; the words
// in braces are those of failure.words.
var failures = []struct {
	fault        string
	matches      func(failure) bool
	what, remedy string
}{
	{"redirect", func(f failure) bool { return errors.Is(f.err, vicicall.Misconfigured) }, "{shown}: {message}: {reason}", "Put that address as url into VICIdial's secret"},

	{"dns_unknown", func(f failure) bool { return f.dns() != nil && f.dns().IsNotFound }, "DNS has no address for {host}",
		"Correct url in VICIdial's secret; a name of a private zone needs that zone attached to the function's VPC"},
	{"dns_silent", func(f failure) bool { return f.dns() != nil || f.seen.resolving && !f.seen.dialed }, "DNS gave no answer for {host}",
		"Let the function's subnets reach a resolver: VPC setting enableDnsSupport, or the resolver's firewall"},
	{"tcp_refused", func(f failure) bool { return errors.Is(f.err, syscall.ECONNREFUSED) }, "{address} refuses the connection: nothing listens there, or a firewall rejects",
		"Start VICIdial's web server, or correct host and port of url in VICIdial's secret"},
	{"tcp_dropped", func(f failure) bool { return !f.seen.dialed && !f.seen.ready && f.timedOut() },
		"{address} does not answer: a firewall drops the packets, or there is no way there",
		"Let the function's fixed address through VICIdial's firewall (ViciBox: the white list), and check that the function's subnets have a NAT gateway"},
	{"tcp_unreachable", func(f failure) bool { return !f.seen.dialed && !f.seen.ready }, "{address} can't be reached: {reason}",
		"Check that the function's subnets and security group have a way to VICIdial"},

	{"tls_pin_mismatch", func(f failure) bool { return f.rejected() != nil && len(f.cred.Pins) > 0 }, "the public key of {shown} is none of tls_pin: it is {pin}",
		"If VICIdial's key was renewed, add this pin to tls_pin of VICIdial's secret; if not, somebody stands in between"},
	{"tls_self_signed", func(f failure) bool { return f.rejected() != nil && f.cred.CA == "" && isSelfSigned(f.rejected()[0]) },
		"the certificate of {shown} is signed by itself ({pin})",
		`Compare that pin on VICIdial's own machine, then add "tls_pin": ["{pin}"] to VICIdial's secret`},
	{"tls_not_yet_valid", func(f failure) bool { return f.outOfTime() && f.now.Before(f.rejected()[0].NotBefore) }, "the certificate of {shown} is valid only from {begin} on",
		"Correct the clock of the machine that issued it, or wait"},
	{"tls_expired", failure.outOfTime, "the certificate of {shown} ended on {end}", "Renew it on VICIdial's web server"},
	{"tls_wrong_name", causedBy[x509.HostnameError], "the certificate of {shown} is for {names}",
		"Put one of these names as url into VICIdial's secret, or use tls_pin: {pin}"},
	{"tls_wrong_ca", func(f failure) bool { return causedBy[x509.UnknownAuthorityError](f) && f.cred.CA != "" }, "the certificate of {shown} does not lead to ca; its issuer is \"{issuer}\"",
		"Put that issuer's own certificate as ca into VICIdial's secret"},
	{"tls_unknown_authority", causedBy[x509.UnknownAuthorityError], "the certificate of {shown} leads to no public root; its issuer is \"{issuer}\"",
		"If that is a public one, let VICIdial's web server send its whole chain; if it is yours, put its certificate as ca into VICIdial's secret, or tls_pin: {pin}"},
	{"tls_untrusted", func(f failure) bool { return f.rejected() != nil }, "the certificate of {shown} can't be trusted: {reason}", "Renew it on VICIdial's web server"},

	{"tls_not_spoken", causedBy[tls.RecordHeaderError], "{address} speaks no TLS",
		"Correct scheme and port of url in VICIdial's secret, or set up https on VICIdial's web server"},
	{"tls_too_old", func(f failure) bool { return !f.seen.ready && strings.Contains(f.err.Error(), "protocol version") }, "{address} speaks only TLS older than 1.2",
		"Let VICIdial's web server speak TLS 1.2 (Apache: SSLProtocol), or put one before it that does"},
	{"tls_silent", func(f failure) bool { return !f.seen.ready && f.timedOut() }, "{address} takes the connection and says nothing",
		"Look at the load of VICIdial's web server, and at the proxy or firewall before it"},
	{"tls_handshake", func(f failure) bool { return !f.seen.ready }, "{address} breaks off the TLS handshake: {reason}",
		"Look at the TLS settings of VICIdial's web server: host name (SNI), ciphers, client certificates"},

	{"vicidial_down", func(f failure) bool { return errors.Is(f.err, vicicall.Unavailable) }, "{shown}: {message}",
		"On VICIdial's machine look whether its database runs and has connections left, and at the web server's error log"},
	{"wrong_path", func(f failure) bool { return f.answered(404) }, "{shown}: {message}",
		"Let url in VICIdial's secret end before /agc/api.php, with the path that stands before it, if any"},
	{"web_server_refuses", func(f failure) bool { return f.answered(401, 403, 429) }, "{shown}: {message}",
		"Let the function's fixed address through: Apache's Require, ViciBox's dynamic portal, or the proxy before VICIdial"},
	{"not_vicidial", func(failure) bool { return true }, "{shown}: {message}",
		"Correct url in VICIdial's secret: it must lead to VICIdial's web server, with nothing before it that answers by itself"},
}

func (f failure) finding() Finding {
	for _, row := range failures {
		if row.matches(f) {
			words := f.words()
			return Finding{Fault: row.fault, What: words.Replace(row.what), Remedy: words.Replace(row.remedy)}
		}
	}
	panic("the last row matches everything")
}

func (f failure) words() *strings.Replacer {
	words := []string{"{shown}", f.shown, "{address}", f.address(), "{host}", f.host, "{message}", f.message(), "{reason}", f.reason()}
	if chain := f.rejected(); chain != nil {
		c := newCertificate(chain, f.cred, f.now)
		words = append(words, "{pin}", c.Pin, "{issuer}", c.Issuer, "{names}", cmp.Or(strings.Join(c.Names, ", "), "no host at all (it has a common name only)"),
			"{begin}", chain[0].NotBefore.UTC().Format(time.RFC3339), "{end}", day(c.NotAfter))
	}
	return strings.NewReplacer(words...)
}

// message holds nothing of the answer but its status, length and well-known phrases.
func (f failure) message() string {
	if failed, ok := errors.AsType[*vicicall.Error](f.err); ok {
		return failed.Message
	}
	return oneLine(f.err)
}

// reason is the first cause, without the addresses that a network error repeats.
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

// rejected is the certificate that was not trusted, and those that came with it; nil for any other failure.
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

// newCertificate describes the first of a chain that was trusted; nil where there is none.
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
