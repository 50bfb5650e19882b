//go:build !unix

package vicicall

import "net"

// closedByPeer can't be asked here: connections are kept for less time than web servers keep them.
func closedByPeer(net.Conn) bool { return false }
