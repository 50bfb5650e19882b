//go:build unix

package vicicall

import (
	"net"
	"syscall"
)

// closedByPeer looks, without waiting and without taking anything, whether an idle connection has ended
// or holds bytes that nobody asked for.
func closedByPeer(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Control(func(fd uintptr) {
		_, _, peek := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = peek != syscall.EAGAIN && peek != syscall.EWOULDBLOCK && peek != syscall.EINTR
	})
	return closed || err != nil
}
