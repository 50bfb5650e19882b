package vicitest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// A Cert is the content of a certificate.
type Cert struct {
	CommonName string
	Hosts      []string  // names and addresses; none makes a certificate with a common name only
	NotBefore  time.Time // zero is an hour ago
	NotAfter   time.Time // zero is an hour from now
}

// SelfSigned returns a self-signed certificate.
func SelfSigned(c Cert) tls.Certificate {
	key, template := c.template()
	return sign(template, template, key, key)
}

// An Authority is a private certificate authority.
type Authority struct{ certificate tls.Certificate }

// NewAuthority returns an authority with a new key.
func NewAuthority() *Authority {
	key, template := Cert{CommonName: "vicitest authority"}.template()
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	return &Authority{sign(template, template, key, key)}
}

// PEM is the authority's own certificate.
func (a *Authority) PEM() string { return encode(a.certificate) }

// Issue returns a certificate signed by the authority.
func (a *Authority) Issue(c Cert) tls.Certificate {
	key, template := c.template()
	return sign(template, a.certificate.Leaf, key, a.certificate.PrivateKey.(*ecdsa.PrivateKey))
}

// Pin is the pin of a TLS server's certificate, see [Pin].
func (s *Server) Pin() string { return Pin(s.certificate) }

// Pin is "sha256/" and the base64 of the SHA-256 of the certificate's public key (SPKI).
func Pin(c tls.Certificate) string {
	sum := sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

func (c Cert) template() (*ecdsa.PrivateKey, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cmp.Or(c.CommonName, "vicitest")},
		NotBefore:    c.NotBefore,
		NotAfter:     c.NotAfter,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if c.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	for _, host := range c.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return key, template
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) tls.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func encode(c tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}
