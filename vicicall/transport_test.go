package vicicall_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

// An authority signs certificates for web servers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, cert := issue(t, authority{}, &x509.Certificate{
		Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return authority{cert, key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func issue(t *testing.T, by authority, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if by.key == nil {
		by = authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// A tlsServer answers as VICIdial does, with a certificate for name.
type tlsServer struct {
	*httptest.Server
	pin   string
	asked atomic.Int32
}

func (a authority) serve(t *testing.T, name string) *tlsServer {
	t.Helper()
	template := &x509.Certificate{DNSNames: []string{name}}
	if ip := net.ParseIP(name); ip != nil {
		template = &x509.Certificate{IPAddresses: []net.IP{ip}}
	}
	key, cert := issue(t, a, template)
	s := &tlsServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		fmt.Fprint(w, map[string]string{"HANGUP": hungUp, "CHECK": noCall}[r.PostFormValue("stage")])
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	s.pin = "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
	return s
}

func TestTrust(t *testing.T) {
	t.Parallel()
	x509.SystemCertPool() // read from disk once, and not within a handshake's time
	ours, theirs := newAuthority(t), newAuthority(t)
	good, wrongName, foreign := ours.serve(t, "127.0.0.1"), ours.serve(t, "other.example.com"), theirs.serve(t, "127.0.0.1")
	plain := httptest.NewServer(nil)
	defer plain.Close()
	speaksNoTLS := "https" + strings.TrimPrefix(plain.URL, "http")
	for name, tt := range map[string]struct {
		urls []string
		ca   string
		pins []string
		want vicicall.Outcome
	}{
		"a private CA":                          {[]string{good.URL}, ours.pem(), nil, vicicall.HungUp},
		"two private CAs":                       {[]string{good.URL}, theirs.pem() + ours.pem(), nil, vicicall.HungUp},
		"no CA":                                 {[]string{good.URL}, "", nil, vicicall.TLSUntrusted},
		"another CA":                            {[]string{good.URL}, theirs.pem(), nil, vicicall.TLSUntrusted},
		"the wrong name":                        {[]string{wrongName.URL}, ours.pem(), nil, vicicall.TLSUntrusted},
		"the wrong name, pinned":                {[]string{wrongName.URL}, "", []string{wrongName.pin}, vicicall.HungUp},
		"a foreign certificate, pinned second":  {[]string{foreign.URL}, "", []string{good.pin, foreign.pin}, vicicall.HungUp},
		"another pin, though the CA is right":   {[]string{good.URL}, ours.pem(), []string{foreign.pin}, vicicall.TLSUntrusted},
		"all of two are untrusted":              {[]string{foreign.URL, wrongName.URL}, ours.pem(), nil, vicicall.TLSUntrusted},
		"the second of two is trusted":          {[]string{foreign.URL, good.URL}, ours.pem(), nil, vicicall.HungUp},
		"one is untrusted, the other not there": {[]string{foreign.URL, "https://127.0.0.1:1"}, ours.pem(), nil, vicicall.Unavailable},
		"no TLS is spoken":                      {[]string{speaksNoTLS}, ours.pem(), nil, vicicall.Unavailable},
	} {
		before := good.asked.Load() + wrongName.asked.Load() + foreign.asked.Load()
		var dialled atomic.Int32
		c := vicicall.NewOn(vicicall.Config{Budget: 10 * time.Second}, countingDial(&dialled))
		cred := credentials(tt.urls...)
		cred.CA, cred.Pins = tt.ca, tt.pins
		result, err := c.Hangup(t.Context(), cred, theCall())
		c.Close()
		if result.Outcome != tt.want {
			t.Errorf("%s: %+v, %v, want %s", name, result, err, tt.want)
		}
		asked := good.asked.Load() + wrongName.asked.Load() + foreign.asked.Load() - before
		if want := int32(result.Attempts + result.Checks); asked != want || tt.want != vicicall.HungUp && asked > 0 {
			t.Errorf("%s: %d requests arrived, want %d", name, asked, want)
		}
		if tt.want == vicicall.TLSUntrusted && int(dialled.Load()) != len(tt.urls) {
			t.Errorf("%s: %d connections, want one for each address", name, dialled.Load())
		}
		if name == "no TLS is spoken" && !strings.Contains(result.Message, "speaks no TLS") {
			t.Errorf("%s: %s", name, result.Message)
		}
	}
}

func TestOneKeptConnectionServesWebhookAfterWebhook(t *testing.T) {
	t.Parallel()
	s := newAuthority(t).serve(t, "127.0.0.1")
	var dialled atomic.Int32
	c := vicicall.NewOn(vicicall.Config{}, countingDial(&dialled))
	defer c.Close()
	cred := credentials(s.URL)
	cred.Pins = []string{s.pin}
	for range 5 {
		if r, err := c.Hangup(t.Context(), cred, theCall()); r.Outcome != vicicall.HungUp {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if dialled.Load() != 1 {
		t.Errorf("%d connections for 10 requests, want 1", dialled.Load())
	}
}

// A closer announces kept-alive connections, and closes each after the answer or without one.
type closer struct {
	net.Listener
	unanswered bool          // read requests on a used connection, and answer none
	closed     chan struct{} // a connection was closed
	hangups    atomic.Int32
}

func newCloser(t *testing.T, unanswered bool) *closer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &closer{Listener: l, unanswered: unanswered, closed: make(chan struct{}, 100)}
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go c.serve(conn)
		}
	}()
	return c
}

func (c *closer) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for used := false; ; used = true {
		req, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		body, _ := io.ReadAll(req.Body)
		form, _ := url.ParseQuery(string(body))
		reply := noCall
		if form.Get("stage") == "HANGUP" {
			c.hangups.Add(1)
			reply = hungUp
		}
		if c.unanswered && used && reply == hungUp {
			break
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s", len(reply), reply)
		if !c.unanswered && reply == noCall {
			break
		}
	}
	conn.Close()
	c.closed <- struct{}{}
}

// A drowsy connection does not notice that the server has closed it, as after a frozen Lambda thaws.
type drowsy struct {
	*net.TCPConn
	once   *sync.Once
	closed chan struct{}
}

func (d drowsy) Read(p []byte) (int, error) {
	n, err := d.TCPConn.Read(p)
	if err == io.EOF {
		<-d.closed
	}
	return n, err
}

func (d drowsy) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.TCPConn.Close()
}

func dialDrowsy(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return drowsy{conn.(*net.TCPConn), new(sync.Once), make(chan struct{})}, nil
}

func TestConnectionsClosedWhileIdleCostNoWebhook(t *testing.T) {
	t.Parallel()
	s := newCloser(t, false)
	c := vicicall.NewOn(vicicall.Config{Budget: 20 * time.Second}, dialDrowsy)
	defer c.Close()
	var waited time.Duration
	for i := range 20 {
		r, err := c.Hangup(t.Context(), credentials("http://"+s.Addr().String()), theCall())
		waited += r.Elapsed
		if r.Outcome != vicicall.HungUp || int(s.hangups.Load()) != i+1 {
			t.Fatalf("webhook %d: %+v, %v; %d HANGUP arrived", i, r, err, s.hangups.Load())
		}
		<-s.closed
	}
	if waited >= 20*50*time.Millisecond {
		t.Errorf("waited %v: a closed connection made each webhook pause", waited)
	}
}

func TestIdleConnectionsAreDroppedAfter4Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{hangups: steps{ok, ok, ok}, checks: steps{gone, gone, gone}}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		for i, idle := range []time.Duration{0, 4*time.Second - 1, 4 * time.Second} {
			time.Sleep(idle)
			synctest.Wait()
			if r, err := c.Hangup(t.Context(), on("localhost"), theCall()); r.Outcome != vicicall.HungUp {
				t.Fatalf("%+v, %v", r, err)
			}
			if want := []int{1, 1, 2}[i]; len(n.dials) != want {
				t.Errorf("after %v: %d connections, want %d", idle, len(n.dials), want)
			}
		}
	})
}

func TestHangupIsNotReplayedWhenAKeptConnectionDies(t *testing.T) {
	t.Parallel()
	s := newCloser(t, true)
	c := vicicall.New(vicicall.Config{})
	defer c.Close()
	cred := credentials("http://" + s.Addr().String())
	if r, err := c.Hangup(t.Context(), cred, theCall()); r.Outcome != vicicall.HungUp {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err := c.Hangup(t.Context(), cred, theCall())
	if r.Outcome != vicicall.NoLongerListed || r.Attempts != 1 || s.hangups.Load() != 2 {
		t.Errorf("%+v, %v; %d HANGUP arrived, want one of each webhook", r, err, s.hangups.Load())
	}
}

func TestErrorsShowNoPartOfTheRequest(t *testing.T) {
	t.Parallel()
	c := vicicall.New(vicicall.Config{})
	_, err := c.Hangup(t.Context(), credentials("https://127.0.0.1:1/secretpath"), theCall())
	if !errors.Is(err, vicicall.Unavailable) {
		t.Fatal(err)
	}
	if message := err.Error(); !strings.Contains(message, "connection refused") || strings.Contains(message, "127.0.0.1") {
		t.Errorf("message = %q, want the reason without the address", message)
	}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		t.Errorf("a *url.Error is wrapped: %v", urlError)
	}
	for _, secret := range []string{"S3cret", "6666", "secretpath", callID} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("%q shows in %v", secret, err)
		}
	}
}
