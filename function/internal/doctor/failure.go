package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"vicihook/vicicall"
)

var refusing = regexp.MustCompile(`HTTP (401|403|429)\b`)

// failure returns the finding for a web server that did not return its version. err is the client's error, whose chain
// has those of the resolver, the network and package tls. A rejected certificate is added to s.
func (d *Doctor) failure(err *vicicall.Error, reached stage, cred vicicall.Credentials, s *Server, host string) Finding {
	reason, _, _ := strings.Cut(cmp.Or(err.Err, error(err)).Error(), "\n") // each try has its line
	words := []string{"{server}", s.Host, "{host}", host, "{message}", err.Message, "{reason}", reason}

	dns := causeOf[*net.DNSError](err)
	timeout := causeOf[net.Error](err)
	timedOut := errors.Is(err, context.DeadlineExceeded) || timeout != nil && timeout.Timeout()
	var selfSigned, early bool
	untrusted := causeOf[*tls.CertificateVerificationError](err)
	if untrusted != nil {
		leaf := untrusted.UnverifiedCertificates[0]
		selfSigned, early = bytes.Equal(leaf.RawIssuer, leaf.RawSubject), d.now().Before(leaf.NotBefore)
		c := newCertificate(untrusted.UnverifiedCertificates, cred, d.now())
		c.Trust, s.Certificate = "nothing", c
		words = append(words, "{pin}", c.Pin, "{issuer}", c.Issuer, "{begin}", leaf.NotBefore.UTC().Format(time.RFC3339),
			"{end}", c.NotAfter.Format(time.DateOnly),
			"{names}", cmp.Or(strings.Join(c.Names, ", "), "no host at all (it has a common name only)"))
	}
	expired := causeOf[x509.CertificateInvalidError](err).Reason == x509.Expired
	noAuthority := causeOf[x509.UnknownAuthorityError](err).Cert != nil

	for _, row := range []struct {
		fault   string
		matches bool
	}{
		{"redirect", errors.Is(err, vicicall.Misconfigured)},
		{"tls_pin_mismatch", untrusted != nil && len(cred.Pins) > 0},
		{"tls_self_signed", selfSigned && cred.CA == ""},
		{"tls_not_yet_valid", expired && early},
		{"tls_expired", expired},
		{"tls_wrong_name", causeOf[x509.HostnameError](err).Certificate != nil},
		{"tls_wrong_ca", noAuthority && cred.CA != ""},
		{"tls_unknown_authority", noAuthority},
		{"tls_untrusted", untrusted != nil},
		{"dns_unknown", dns != nil && dns.IsNotFound},
		{"dns_silent", dns != nil || reached == resolving},
		{"tcp_refused", errors.Is(err, syscall.ECONNREFUSED)},
		{"tcp_dropped", reached < handshake && timedOut},
		{"tcp_unreachable", reached < handshake},
		{"tls_not_spoken", causeOf[tls.RecordHeaderError](err).Msg != ""},
		{"tls_too_old", reached < connected && strings.Contains(reason, "protocol version")},
		{"tls_silent", reached < connected && timedOut},
		{"tls_handshake", reached < connected},
		{"vicidial_down", errors.Is(err, vicicall.Unavailable)},
		{"wrong_path", strings.Contains(err.Message, "HTTP 404")},
		{"web_server_refuses", refusing.MatchString(err.Message)},
	} {
		if row.matches {
			return newFinding(row.fault, words...)
		}
	}
	return newFinding("not_vicidial", words...)
}

// causeOf returns the first error of type T in err's chain; the zero T if there is none.
func causeOf[T error](err error) T {
	cause, _ := errors.AsType[T](err)
	return cause
}
