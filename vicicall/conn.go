package vicicall

import (
	"errors"
	"net"
	"sync"
)

var errBlockedWrite = errors.New("nothing may be written to this connection any more")

// A conn knows whether anything of the present request was written to it, above TLS.
// Once abandoned unwritten, it lets nothing through any more, so that "nothing was sent" stays true.
type conn struct {
	net.Conn
	raw net.Conn // below TLS

	mu      sync.Mutex
	written bool
	blocked bool
}

// begin starts a request. A kept connection that the server has closed meanwhile is blocked:
// writing to it would succeed, and nobody could tell whether VICIdial got the request.
func (c *conn) begin(kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = false
	c.blocked = kept && closedByPeer(c.raw)
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.blocked {
		c.mu.Unlock()
		return 0, errBlockedWrite
	}
	c.written = true
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// abandon reports whether nothing of the present request was written, and sees to it that nothing will be.
func (c *conn) abandon() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked = true
	return !c.written
}
