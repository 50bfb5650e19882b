package apigw

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Start serves h on l. Unlike a plain http.Server it keeps what net/http forgets of a request and AWS does not:
// the case of header names and the size of the head. Close or Shutdown the server to stop it.
func Start(l net.Listener, h http.Handler) *http.Server {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, headKey{}, c)
		},
	}
	go func() { _ = server.Serve(headListener{l}) }() // ends with ErrServerClosed
	return server
}

type headKey struct{}

type headListener struct{ net.Listener }

func (l headListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &headConn{Conn: c}, nil
}

// headConn remembers the start of what arrived since the last request was taken: its head.
// A sender that pipelines its requests defeats it, and gets its names in canonical case.
type headConn struct {
	net.Conn
	mu   sync.Mutex
	seen []byte
}

func (c *headConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	room := MaxHead + 1 - len(c.seen)
	c.seen = append(c.seen, p[:min(n, max(room, 0))]...)
	return n, err
}

func (c *headConn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

// restoreHead gives r its header names as they were sent. Call it once the body has been read.
// The error is ErrHeadTooLarge.
func restoreHead(r *http.Request) error {
	conn, ok := r.Context().Value(headKey{}).(*headConn)
	if !ok {
		return nil
	}
	seen := conn.take()
	if !bytes.HasPrefix(seen, []byte(r.Method+" "+r.RequestURI+" ")) {
		return nil
	}
	head, _, complete := bytes.Cut(seen, []byte("\r\n\r\n"))
	if len(seen) > MaxHead && (!complete || len(head)+len("\r\n\r\n") > MaxHead) {
		return ErrHeadTooLarge
	}
	if complete {
		r.Header = asSent(string(head))
	}
	return nil
}

// asSent reads the header lines of a head that net/http has accepted.
func asSent(head string) http.Header {
	h := http.Header{}
	for _, line := range strings.Split(head, "\r\n")[1:] {
		name, value, ok := strings.Cut(line, ":")
		if ok && !strings.EqualFold(name, "Host") {
			h[name] = append(h[name], strings.Trim(value, " \t"))
		}
	}
	return h
}
