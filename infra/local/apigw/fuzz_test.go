package apigw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/function/event"
	"vicihook/infra/local/apigw"
)

// FuzzFront sends raw bytes. Whatever they are, the front does not panic, passes on only JSON events within
// AWS's limits, and answers or closes the connection.
func FuzzFront(f *testing.F) {
	f.Add([]byte("POST /webhooks/crm HTTP/1.1\r\nHost: h\r\nX-Sig: v1,a\r\nx-sig: b\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("POST /webhooks/%63rm?a=%zz;b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nT: x\r\n\r\n"))
	f.Add([]byte("POST http://other/webhooks/crm HTTP/1.0\r\nCookie: a=1; b\r\nCookie: c\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST /webhooks/crm HTTP/1.1\r\nHost: h\r\n\r\n"))
	f.Add([]byte("POST /webhooks/crm HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", apigw.MaxHead) + "\r\n\r\n"))
	f.Add([]byte("POST /webhooks/crm HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n\x00\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, front := range event.Fronts() {
			sendRaw(t, front, raw)
		}
	})
}

func sendRaw(t *testing.T, front event.Front, raw []byte) {
	gateway := apigw.New(apigw.Config{Front: front, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
		if !json.Valid(payload) || len(payload) > apigw.MaxEvent {
			t.Errorf("%s: the function got %q", front, payload)
		}
		return []byte(`{"statusCode":200,"body":"{}"}`), nil
	}})
	sender := &sender{in: bytes.NewReader(raw), closed: make(chan struct{})}
	server := apigw.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				t.Errorf("%s: panic: %v", front, p)
			}
		}()
		gateway.ServeHTTP(w, r)
	}))
	go func() { _ = server.Serve(&senders{next: sender, over: make(chan struct{})}) }() // ends with ErrServerClosed
	defer server.Close()
	<-sender.closed
}

// A sender is a connection that sends its bytes and ignores the answer.
type sender struct {
	in     *bytes.Reader
	mu     sync.Mutex
	once   sync.Once
	closed chan struct{}
}

func (s *sender) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.Read(p)
}

func (s *sender) Write(p []byte) (int, error)      { return len(p), nil }
func (s *sender) Close() error                     { s.once.Do(func() { close(s.closed) }); return nil }
func (s *sender) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *sender) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *sender) SetDeadline(time.Time) error      { return nil }
func (s *sender) SetReadDeadline(time.Time) error  { return nil }
func (s *sender) SetWriteDeadline(time.Time) error { return nil }

// senders is a listener that accepts one connection.
type senders struct {
	next net.Conn
	over chan struct{}
}

func (l *senders) Accept() (net.Conn, error) {
	if conn := l.next; conn != nil {
		l.next = nil
		return conn, nil
	}
	<-l.over
	return nil, net.ErrClosed
}

func (l *senders) Close() error   { close(l.over); return nil }
func (l *senders) Addr() net.Addr { return &net.TCPAddr{} }
