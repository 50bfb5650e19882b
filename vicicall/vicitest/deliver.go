package vicitest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
)

// Ways in which an answer leaves, or does not.

const hugeSize = 200 << 20 // bytes

// hang never answers; it ends when the client gives up, at its release, or when the server closes.
func hang(x *exchange, _ page) {
	select {
	case <-x.r.Context().Done():
	case <-x.fault.Release:
	case <-x.s.closed:
	}
	closeConn(x, page{})
}

// closeConn closes the connection in good order, without a byte of answer.
func closeConn(x *exchange, _ page) {
	conn, ok := hijack(x)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn.Close()
}

// resetConn breaks the connection off: the client sees a TCP reset.
func resetConn(x *exchange, _ page) {
	conn, ok := hijack(x)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func hijack(x *exchange) (net.Conn, bool) {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	return conn, err == nil
}

// cutOff announces the whole body, sends half of it and closes.
func cutOff(x *exchange, p page) {
	conn, ok := hijack(x)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	raw := p.raw()
	conn.Write(raw[:len(raw)-(len(p.body())+1)/2])
}

// raw is the page as bytes of HTTP/1.1.
func (p page) raw() []byte {
	header := http.Header{}
	p.header(header)
	var raw bytes.Buffer
	answer := http.Response{
		StatusCode: p.status, ProtoMajor: 1, ProtoMinor: 1, Header: header,
		ContentLength: int64(len(p.body())), Body: io.NopCloser(strings.NewReader(p.body())),
	}
	answer.Write(&raw) // a buffer takes everything
	return raw.Bytes()
}

// closeAfter answers and says that the connection ends.
func closeAfter(x *exchange, p page) {
	x.w.Header().Set("Connection", "close")
	p.write(x.w)
}

// closeSilently answers as if the connection could be used again, and closes it.
func closeSilently(x *exchange, p page) {
	conn, ok := hijack(x)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	conn.Write(p.raw())
}

// late answers after the delay.
func late(x *exchange, p page) {
	if !x.wait(x.r.Context().Done()) {
		panic(http.ErrAbortHandler)
	}
	p.write(x.w)
}

// endless sends the page and then more, as long as the client reads.
func endless(x *exchange, p page) { flood(x, p, 1<<62) }

// huge sends the page and then 200 MB more.
func huge(x *exchange, p page) { flood(x, p, hugeSize) }

func flood(x *exchange, p page, size int) {
	p.write(x.w)
	filler := []byte(strings.Repeat(strings.Repeat(" ", 1023)+"\n", 32))
	for sent := 0; sent < size; sent += len(filler) {
		select {
		case <-x.s.closed:
			panic(http.ErrAbortHandler)
		case <-x.r.Context().Done():
			panic(http.ErrAbortHandler)
		default:
		}
		if _, err := x.w.Write(filler); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// dripAll sends the answer byte by byte from its first, the delay between.
func dripAll(x *exchange, p page) { drip(x, nil, p.raw()) }

// dripBody sends the headers at once and the body byte by byte.
func dripBody(x *exchange, p page) {
	raw := p.raw()
	body := len(raw) - len(p.body())
	drip(x, raw[:body], raw[body:])
}

func drip(x *exchange, head, rest []byte) {
	conn, ok := hijack(x)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	if _, err := conn.Write(head); err != nil {
		return
	}
	gone := watch(conn)
	for i := range rest {
		if !x.wait(gone) {
			return
		}
		if _, err := conn.Write(rest[i : i+1]); err != nil {
			return
		}
	}
}

// watch tells when the client closes a hijacked connection.
func watch(conn net.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, conn)
	}()
	return gone
}
