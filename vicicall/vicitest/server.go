package vicitest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The accounts of a server without other ones: one for the agent API, one for lookups.
const (
	DefaultUser       = "6666"
	DefaultPass       = "S3cret"
	DefaultLookupUser = "lookup"
	DefaultLookupPass = "L00kup77"
)

// Config says what kind of VICIdial to be. The zero value has the default accounts and nobody logged in.
type Config struct {
	Users    []User           // accounts; nil is APIUser(DefaultUser, DefaultPass) and LookupUser(DefaultLookupUser, DefaultLookupPass)
	Version  string           // what function=version says; empty is Version
	Settings Settings         // zero is a system that works
	Now      func() time.Time // clock of lockout, log and call ids; nil is time.Now
}

// A Server is a VICIdial whose APIs answer at URL + /agc/api.php and URL + /vicidial/non_agent_api.php, under any prefix
// that names no API itself.
// Its methods may be called at any time, from any goroutine.
type Server struct {
	URL string // for example http://127.0.0.1:4480; empty when only its Handler is used

	version string
	now     func() time.Time

	mu         sync.Mutex
	settings   Settings
	users      map[string]*User
	agents     map[string]*Agent // who is logged in
	known      map[string]*Agent // who ever was
	calls      map[string]*call
	order      []string // of the calls
	lead       int
	manager    []ManagerRow
	log        []LogRow
	requests   []Request
	counts     map[string]int // of requests, by kind
	changed    chan struct{}  // closed and replaced whenever something happened
	logins     struct{ attempts, failures int }
	running    map[string]int // HANGUP requests by call
	maxRunning int
	faults     []*injected

	http        *http.Server
	certificate tls.Certificate
	conns       connections
	busy        sync.WaitGroup
	closed      chan struct{}
	isClosed    bool
}

// New makes a server that does not listen: use its Handler, and Close it.
func New(cfg Config) *Server {
	s := &Server{
		version: cmp.Or(cfg.Version, Version), now: cfg.Now, settings: cfg.Settings, lead: 402026, users: make(map[string]*User),
		agents: make(map[string]*Agent), known: make(map[string]*Agent), calls: make(map[string]*call),
		counts: make(map[string]int), changed: make(chan struct{}), running: make(map[string]int),
		conns: connections{idle: make(map[net.Conn]bool)}, closed: make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if cfg.Users == nil {
		cfg.Users = []User{APIUser(DefaultUser, DefaultPass), LookupUser(DefaultLookupUser, DefaultLookupPass)}
	}
	for _, u := range cfg.Users {
		s.AddUser(u)
	}
	return s
}

// NewServer starts a server on a free port of 127.0.0.1. It panics when there is none.
func NewServer(cfg Config) *Server {
	s, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		panic(err)
	}
	return s
}

// NewTLSServer is NewServer over TLS with the given certificate; the zero one means a self-signed certificate for
// 127.0.0.1 and localhost. See [Server.CertificatePEM] and [Pin] for what a client may trust.
func NewTLSServer(cfg Config, certificate tls.Certificate) *Server {
	if certificate.Certificate == nil {
		certificate = SelfSigned(Cert{Hosts: []string{"127.0.0.1", "localhost"}})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Errorf("vicitest: %w", err))
	}
	s := New(cfg)
	s.certificate = certificate
	secure := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	s.serve(secure, "https")
	return s
}

// Listen starts a server on an address, for example 127.0.0.1:4480.
func Listen(address string, cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("vicitest: %w", err)
	}
	s := New(cfg)
	s.serve(listener, "http")
	return s, nil
}

func (s *Server) serve(listener net.Listener, scheme string) {
	s.URL = scheme + "://" + listener.Addr().String()
	s.http = &http.Server{
		Handler:     s.Handler(),
		ConnContext: s.conns.number,
		ConnState: func(conn net.Conn, state http.ConnState) {
			s.conns.note(conn, state)
			s.locked(func() {}) // whoever awaits may ask again
		},
		ErrorLog: log.New(io.Discard, "", 0), // clients that break off are what it is for
	}
	s.busy.Go(func() { s.http.Serve(listener) }) // its error says that the server was closed
}

// Handler is the server without its listener. Faults that break a connection need one that can be hijacked.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.handle) }

// Close releases every request that waits, closes all connections and returns when no request is running.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.isClosed {
		s.isClosed = true
		close(s.closed)
	}
	s.mu.Unlock()
	if s.http != nil {
		s.http.Close()
	}
	s.busy.Wait()
}

// enter admits a request; the caller calls busy.Done when it is over.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return false
	}
	s.busy.Add(1)
	return true
}

// CloseIdle closes the connections that wait for another request, as Apache does after KeepAliveTimeout, and returns how
// many they were. A connection is idle a moment after its answer has come.
func (s *Server) CloseIdle() int { return s.conns.closeIdle() }

// Connections counts the connections ever accepted.
func (s *Server) Connections() int { return int(s.conns.accepted.Load()) }

// connections numbers them and knows which are idle.
type connections struct {
	accepted atomic.Int64
	mu       sync.Mutex
	idle     map[net.Conn]bool
}

type connKey struct{}

func (c *connections) number(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, int(c.accepted.Add(1)))
}

// connNumber is 0 where another server than this one listens.
func connNumber(r *http.Request) int {
	n, _ := r.Context().Value(connKey{}).(int)
	return n
}

func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateIdle {
		c.idle[conn] = true
	} else {
		delete(c.idle, conn)
	}
}

func (c *connections) closeIdle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	closed := len(c.idle)
	for conn := range c.idle {
		conn.Close()
	}
	clear(c.idle)
	return closed
}
