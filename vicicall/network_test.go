package vicicall_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vicihook/vicicall"
)

// A network of web servers in memory, so that time can be synctest's.
type network struct {
	t     *testing.T
	hosts map[string]*host // by name; a host that is not there refuses connections

	mu    sync.Mutex
	dials []string
}

// A host answers HANGUP and CHECK by a script each, in order.
type host struct {
	hangups, checks []step
	lookups         []step                  // agent_status
	pick            func(stage string) step // when set, in place of the scripts
	blackHole       bool                    // never accepts a connection
	seen            []seen
}

type seen struct {
	stage string
	at    time.Time
}

// A step answers one request.
type step func(http.ResponseWriter, *http.Request)

func (n *network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name, _, _ := net.SplitHostPort(address)
	n.dials = append(n.dials, name)
	h := n.hosts[name]
	switch {
	case h == nil:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case h.blackHole:
		n.mu.Unlock()
		<-ctx.Done()
		n.mu.Lock()
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go (&http.Server{Handler: n.handler(h)}).Serve(&oneConn{conn: server})
	return client, nil
}

func (n *network) handler(h *host) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		n.mu.Lock()
		stage := form.Get("stage")
		if form.Get("function") == "agent_status" {
			stage = "agent_status"
		}
		h.seen = append(h.seen, seen{stage, time.Now()})
		if h.pick != nil {
			do := h.pick(stage)
			n.mu.Unlock()
			do(w, r)
			return
		}
		script := &h.hangups
		switch stage {
		case "CHECK":
			script = &h.checks
		case "agent_status":
			script = &h.lookups
		}
		if len(*script) == 0 {
			n.mu.Unlock()
			n.t.Errorf("%s number %d was not expected", stage, h.count(stage))
			return
		}
		do := (*script)[0]
		*script = (*script)[1:]
		n.mu.Unlock()
		do(w, r)
	})
}

func (h *host) count(stage string) int {
	count := 0
	for _, s := range h.seen {
		if s.stage == stage {
			count++
		}
	}
	return count
}

// oneConn is a listener that accepts one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func say(body string) step { return answer(200, body) }

func answer(status int, body string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func redirect(target string) step {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
}

// late answers after a while.
func late(by time.Duration, then step) step {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(by)
		then(w, r)
	}
}

// silent sends nothing until the client gives up.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drop closes the connection without an answer.
func drop(w http.ResponseWriter, _ *http.Request) { raw(w, "") }

// cut announces more than it sends.
func cut(w http.ResponseWriter, _ *http.Request) {
	raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+hungUp)
}

func malformed(w http.ResponseWriter, _ *http.Request) {
	raw(w, login+"6666|S3cret.+/=|0|1|BAD|\n")
}

func tooLong(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, hungUp+strings.Repeat("\n", 256<<10))
}

func longHeader(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
	fmt.Fprint(w, hungUp)
}

func raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(conn, text)
	conn.Close()
}

// on returns credentials for hosts of a network.
func on(names ...string) vicicall.Credentials {
	for i, name := range names {
		names[i] = "http://" + name
	}
	return credentials(names...)
}

// countingDial counts the connections that it makes.
func countingDial(count *atomic.Int32) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		count.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

// A message goes to the sender, who must not see names and addresses of the network behind the function.
func TestMessagesNameNoHostAndNoAddress(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"refused":               &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9)}, Err: syscall.ECONNREFUSED},
		"no such name":          &net.DNSError{Err: "no such host", Name: "inner.example", Server: "10.0.0.2:53", IsNotFound: true},
		"silent name server":    &net.DNSError{Err: "read udp 10.0.0.9:4321->10.0.0.2:53: i/o timeout", Name: "inner.example", IsTimeout: true},
		"certificate of others": &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"inner.example"}}, Host: "inner.example"}},
	} {
		client := vicicall.New(vicicall.Config{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, cause }})
		result, err := client.Hangup(t.Context(), vicicall.Credentials{URLs: []string{"https://inner.example"}, User: "6666", Pass: "S3cret"},
			vicicall.Call{ID: "Y1221052110000402027", AgentUser: "1028"})
		if strings.Contains(result.Message, "inner.example") || strings.Contains(result.Message, "10.0.0.") || !errors.Is(err, cause) {
			t.Errorf("%s: %q; %v", name, result.Message, err)
		}
	}
}
