package vicitest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
)

// Ways in which an answer leaves the server, or does not.

const (
	hugeSize = 200 << 20 // bytes
	endless  = 1 << 62
)

// whole sends the page as it is.
func (x *exchange) whole() {
	x.over()
	x.page.header(x.w.Header())
	x.w.WriteHeader(x.page.status)
	_, _ = io.WriteString(x.w, x.page.body()) // a client that is gone gets nothing
}

// late sends the page after the delay.
func late(x *exchange) {
	if !x.wait(x.r.Context().Done()) {
		panic(http.ErrAbortHandler)
	}
	x.whole()
}

// closeAfter sends the page with Connection: close.
func closeAfter(x *exchange) {
	x.w.Header().Set("Connection", "close")
	x.whole()
}

// closeSilently sends the page as if the connection could be used again, and closes it.
func closeSilently(x *exchange) {
	conn := x.take()
	defer conn.Close()
	_, _ = conn.Write(x.page.raw())
}

// cutOff announces the whole body, sends half of it and closes.
func cutOff(x *exchange) {
	conn := x.take()
	defer conn.Close()
	raw := x.page.raw()
	_, _ = conn.Write(raw[:len(raw)-(len(x.page.body())+1)/2])
}

// close closes the connection in good order, without a byte of answer.
func (x *exchange) close() { _ = x.take().Close() }

// resetConn breaks the connection off: the client sees a TCP reset.
func resetConn(x *exchange) {
	conn := x.take()
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang never answers; it ends when the client gives up, at the fault's release, or when the server closes.
func hang(x *exchange) {
	select {
	case <-x.r.Context().Done():
	case <-x.fault.Release:
	case <-x.s.closed:
	}
	x.close()
}

// flood sends the page and then more, as long as the client reads.
func flood(size int) func(*exchange) {
	return func(x *exchange) {
		x.whole()
		filler := []byte(strings.Repeat(strings.Repeat(" ", 1023)+"\n", 32))
		for sent := 0; sent < size; sent += len(filler) {
			if _, err := x.w.Write(filler); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// dripAll sends the answer byte by byte, the delay between.
func dripAll(x *exchange) { x.drip(0) }

// dripBody sends the headers at once and the body byte by byte.
func dripBody(x *exchange) { x.drip(len(x.page.raw()) - len(x.page.body())) }

// drip sends so many bytes of the answer at once and the rest one by one, until the client closes the connection.
func (x *exchange) drip(atOnce int) {
	raw, conn := x.page.raw(), x.conn()
	defer conn.Close()
	_, _ = conn.Write(raw[:atOnce])
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn)
	}()
	rest := raw[atOnce:]
	for i := range rest {
		if !x.wait(gone) {
			return
		}
		if i == len(rest)-1 {
			x.over()
		}
		if _, err := conn.Write(rest[i : i+1]); err != nil {
			return
		}
	}
}

// take is conn for an answer that ends at once.
func (x *exchange) take() net.Conn {
	x.over()
	return x.conn()
}

// conn takes the connection over from net/http. The handler aborts if it can't.
func (x *exchange) conn() net.Conn {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
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
	_ = answer.Write(&raw) // a buffer takes everything
	return raw.Bytes()
}

// header sets what the real script sends.
func (p page) header(h http.Header) {
	h.Set("Content-Type", p.kind)
	if p.caching {
		h.Set("Cache-Control", "no-cache, must-revalidate")
		h.Set("Pragma", "no-cache")
	}
	if p.location != "" {
		h.Set("Location", p.location)
	}
}
