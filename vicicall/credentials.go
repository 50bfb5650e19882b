package vicicall

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Credentials are the addresses of VICIdial's web servers and the account to use there.
// They show neither user nor password in any verb of fmt, in slog and in JSON.
type Credentials struct {
	URLs    []string // web servers of one cluster, https://host[:port][/prefix]; /agc/api.php is appended; tried in order
	User    string   // VICIdial's API user: 2 to 20 letters, digits, '-' or '_'
	Pass    string   // 2 to 100 letters, digits or any of -_.+/=
	Lookup  *Account // for Find, AgentStatus and LoggedInAgents; never User and Pass by default, see [Client.Find]
	CA      string   // PEM; when set, the only trusted roots
	Pins    []string // "sha256/" and base64 of the SHA-256 of the certificate's public key (SPKI); when set, checked in place of chain and name
	Version string   // names this version of the credentials; a refusal latches for 15 minutes for this version only
}

// An Account is a user of VICIdial and its password. Like [Credentials] it shows neither.
type Account struct {
	User string // 2 to 20 letters, digits, '-' or '_'
	Pass string // 2 to 100 letters, digits, '-' or '_': the non-agent API strips the rest
}

const (
	agentAPI    = "/agc/api.php"
	nonAgentAPI = "/vicidial/non_agent_api.php"
	pinPrefix   = "sha256/"
)

// Validate rejects what VICIdial would silently strip or cut, and addresses that would show the password to others:
// plain http to any but a loopback address, see [Config.AllowHTTP].
// It returns every fault at once: each is a [FieldError] and wraps [ErrInvalidCredentials].
func (c Credentials) Validate() error { return c.validate(false) }

func (c Credentials) validate(allowHTTP bool) error {
	f := c.faults(allowHTTP)
	if c.Lookup != nil {
		f.require(isUser(c.Lookup.User), "lookup.user", "must be 2 to 20 letters, digits, '-' or '_': VICIdial strips the rest")
		f.require(isLookupPass(c.Lookup.Pass), "lookup.pass", "must be 2 to 100 letters, digits, '-' or '_': VICIdial's non-agent API strips the rest")
	}
	return f.err()
}

// faults returns those that concern hang-ups: a lookup account that can't be used must not stop them.
func (c Credentials) faults(allowHTTP bool) faults {
	f := faults{kind: ErrInvalidCredentials}
	f.require(len(c.URLs) > 0, "url", "must be VICIdial's web server, like https://dialer.example.com")
	for i, text := range c.URLs {
		if why := refuseURL(text, allowHTTP); why != "" {
			f.add(nth("url", i, len(c.URLs)), why)
		}
	}
	f.require(isUser(c.User), "user", "must be 2 to 20 letters, digits, '-' or '_': VICIdial strips the rest")
	f.require(isPass(c.Pass), "pass", "must be 2 to 100 letters, digits or any of -_.+/= : VICIdial strips the rest")
	if c.CA != "" {
		_, why := parseCA(c.CA)
		f.require(why == "", "ca", why)
	}
	for i, pin := range c.Pins {
		_, ok := parsePin(pin)
		f.require(ok, nth("tls_pin", i, len(c.Pins)), `must be "sha256/" and the base64 of the public key's SHA-256, 44 characters ending in '='`)
	}
	return f
}

// forLookup returns the credentials with which calls are looked up; ok is false without a lookup account.
// A refusal latches for each account by itself, even where both have the same user.
func (c Credentials) forLookup() (_ Credentials, ok bool) {
	if c.Lookup == nil {
		return c, false
	}
	c.User, c.Pass, c.Version = c.Lookup.User, c.Lookup.Pass, "lookup/"+c.Version
	return c, true
}

// NeedsNewVICIdial reports whether the password has a character of ".+/=",
// which VICIdial keeps since 2.14-72 (2022) and strips before, so that there it never matches.
func (c Credentials) NeedsNewVICIdial() bool { return strings.ContainsAny(c.Pass, ".+/=") }

// String names the hosts and the version, nothing else.
func (c Credentials) String() string {
	hosts := make([]string, len(c.URLs))
	for i, text := range c.URLs {
		hosts[i] = hostOf(text)
	}
	return fmt.Sprintf("vicicall.Credentials{%s version %q redacted}", strings.Join(hosts, ","), c.Version)
}

// Format writes String for every verb.
func (c Credentials) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// MarshalText is String, in JSON and slog too: credentials can't be read back.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (a Account) String() string { return "vicicall.Account{redacted}" }

// Format writes String for every verb.
func (a Account) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, a.String()) }

// MarshalText is String, in JSON and slog too: an account can't be read back.
func (a Account) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// digest identifies a set of credentials without keeping a password.
func (c Credentials) digest() [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(append([]string{c.Version, c.User, c.Pass}, c.URLs...), "\x00")))
}

func nth(field string, i, of int) string {
	if of == 1 {
		return field
	}
	return field + "[" + strconv.Itoa(i) + "]"
}

// refuseURL returns what is wrong with the address of a web server, or "".
func refuseURL(text string, allowHTTP bool) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" || !isPort(u.Port()):
		return "must be https://host[:port][/prefix]"
	case u.User != nil:
		return "must hold no user or password: they are fields of their own"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "must hold no query and no fragment"
	case strings.HasSuffix(prefix(u), "/agc") || strings.HasSuffix(prefix(u), ".php"):
		return "must end before " + agentAPI + ": it is appended"
	case path.Clean(prefix(u)+agentAPI) != prefix(u)+agentAPI:
		return "must hold a plain path: no //, no . and no .."
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return "must be https: plain http shows the password on the way (give ca or tls_pin for a self-signed certificate; VICIDIAL_ALLOW_HTTP=true or --allow-http allows plain http)"
	}
	return ""
}

// prefix returns the path before /agc/api.php.
func prefix(u *url.URL) string { return strings.TrimSuffix(u.Path, "/") }

// isPort reports whether text is a TCP port, or absent.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hostOf returns the part of an address that messages may show.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "?"
	}
	return u.Host
}

// parseCA reads PEM certificates, or returns what is wrong with them.
func parseCA(text string) (*x509.CertPool, string) {
	pool := x509.NewCertPool()
	rest := []byte(text)
	for first := true; first || len(bytes.TrimSpace(rest)) > 0; first = false {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, "must be certificates in PEM and nothing else (-----BEGIN CERTIFICATE----- …)"
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, "holds a certificate that can't be read: was it cut or wrapped?"
		}
		pool.AddCert(cert)
	}
	return pool, ""
}

func parsePin(text string) (sum [sha256.Size]byte, ok bool) {
	encoded, ok := strings.CutPrefix(text, pinPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != len(sum) || len(encoded) != base64.StdEncoding.EncodedLen(len(sum)) {
		return sum, false
	}
	return [sha256.Size]byte(raw), true
}
