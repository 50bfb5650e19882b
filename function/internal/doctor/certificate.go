package doctor

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vicihook/vicicall"
)

// warnDays before its end a certificate is to be renewed.
const warnDays = 14

const maxNames = 10 // of a certificate that are shown

// judge says what is wrong with a certificate, by the rules of [vicicall.Credentials]: the pins alone when there are any,
// else the time, the name, and the chain up to ca or the public roots.
func (d *Doctor) judge(chain []*x509.Certificate, t target, cred vicicall.Credentials, s *Server) []Finding {
	leaf, now := chain[0], d.now()
	c := &Certificate{
		Subject: leaf.Subject.CommonName, Issuer: leaf.Issuer.CommonName, Names: names(leaf), NotAfter: leaf.NotAfter.UTC(),
		DaysLeft: int(leaf.NotAfter.Sub(now).Hours() / 24), Pin: pin(leaf), Trust: "nothing",
	}
	s.Certificate = c
	if len(cred.Pins) > 0 {
		if slices.Contains(cred.Pins, c.Pin) {
			c.Trust = "tls_pin"
			return nil
		}
		return []Finding{{Fault: "tls_pin_mismatch", What: fmt.Sprintf("the public key of %s is none of tls_pin: it is %s", t.shown, c.Pin),
			Remedy: "If VICIdial's key was renewed, add this pin to tls_pin of VICIdial's secret; if not, somebody stands in between"}}
	}
	if f := untrusted(chain, t, cred, now, c.Pin); f != nil {
		return []Finding{*f}
	}
	c.Trust = "public roots"
	if cred.CA != "" {
		c.Trust = "ca"
	}
	if c.DaysLeft < warnDays {
		return []Finding{{Fault: "tls_expiring", Warning: true, What: fmt.Sprintf("the certificate of %s ends in %d days, on %s", t.shown, c.DaysLeft, day(leaf.NotAfter)),
			Remedy: "Renew it on VICIdial's web server"}}
	}
	return nil
}

// untrusted tells apart what package x509 would name one of: whether the certificate has another issuer than itself, its
// time, its name, its chain.
func untrusted(chain []*x509.Certificate, t target, cred vicicall.Credentials, now time.Time, pin string) *Finding {
	leaf := chain[0]
	options := x509.VerifyOptions{CurrentTime: now, Intermediates: x509.NewCertPool(), DNSName: t.host}
	if cred.CA != "" {
		options.Roots = x509.NewCertPool()
		options.Roots.AppendCertsFromPEM([]byte(cred.CA))
	}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(options)
	_, anonymous := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case err == nil:
		return nil
	case isSelfSigned(leaf) && cred.CA == "":
		return &Finding{"tls_self_signed", false, fmt.Sprintf("the certificate of %s is signed by itself (%s)", t.shown, pin),
			fmt.Sprintf("Compare that pin on VICIdial's own machine, then add \"tls_pin\": [%q] to VICIdial's secret", pin)}
	case now.After(leaf.NotAfter):
		return &Finding{"tls_expired", false, fmt.Sprintf("the certificate of %s ended on %s", t.shown, day(leaf.NotAfter)), "Renew it on VICIdial's web server"}
	case now.Before(leaf.NotBefore):
		return &Finding{"tls_not_yet_valid", false, fmt.Sprintf("the certificate of %s holds only from %s on", t.shown, leaf.NotBefore.UTC().Format(time.RFC3339)),
			"Correct the clock of the machine that issued it, or wait"}
	case leaf.VerifyHostname(t.host) != nil:
		return &Finding{"tls_wrong_name", false, fmt.Sprintf("the certificate of %s is for %s", t.shown, orNobody(names(leaf))),
			"Put one of these names as url into VICIdial's secret, or use tls_pin: " + pin}
	case anonymous && cred.CA != "":
		return &Finding{"tls_wrong_ca", false, fmt.Sprintf("the certificate of %s does not lead to ca; its issuer is %q", t.shown, leaf.Issuer.CommonName),
			"Put that issuer's own certificate as ca into VICIdial's secret"}
	case anonymous:
		return &Finding{"tls_unknown_authority", false, fmt.Sprintf("the certificate of %s leads to no public root; its issuer is %q", t.shown, leaf.Issuer.CommonName),
			"If that is a public one, let VICIdial's web server send its whole chain; if it is yours, put its certificate as ca into VICIdial's secret, or tls_pin: " + pin}
	}
	return &Finding{"tls_untrusted", false, fmt.Sprintf("the certificate of %s can't be trusted: %s", t.shown, oneLine(err)), "Renew it on VICIdial's web server"}
}

func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func names(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all[:min(len(all), maxNames)]
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "no host at all (it has a common name only)"
	}
	return strings.Join(names, ", ")
}

// pin is the SHA-256 of the public key, as tls_pin has it.
func pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
