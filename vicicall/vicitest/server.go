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
	"time"
)

// The accounts of a server without other ones: one for the agent API, one for lookups.
const (
	DefaultUser       = "6666"
	DefaultPass       = "S3cret"
	DefaultLookupUser = "lookup"
	DefaultLookupPass = "L00kup77"
)

// Config configures a server. The zero value has the default accounts and nobody logged in.
type Config struct {
	Users    []User           // accounts; nil is APIUser(DefaultUser, DefaultPass) and LookupUser(DefaultLookupUser, DefaultLookupPass)
	Version  string           // the answer to function=version; empty is Version
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

	mu       sync.Mutex
	settings Settings
	users    map[string]*User
	agents   map[string]*Agent // who is logged in
	known    map[string]*Agent // who ever was
	calls    map[string]*call
	order    []string // of the calls
	lead     int      // of the last call id
	manager  []ManagerRow
	logged   int // rows of vicidial_api_log
	faults   []*definition

	requests           []Request
	counts             map[string]int // of requests, by kind
	attempts, failures int            // to log in
	running            map[string]int // HANGUP requests by call
	maxRunning         int
	changed            chan struct{}     // closed and replaced whenever something happened
	accepted           int               // connections
	idle               map[net.Conn]bool // connections that wait for another request

	http        *http.Server
	certificate tls.Certificate
	busy        sync.WaitGroup
	closed      chan struct{}
	isClosed    bool
}

// New returns a server that does not listen: use its Handler, and Close it.
func New(cfg Config) *Server {
	s := &Server{
		version: cmp.Or(cfg.Version, Version), now: cfg.Now, settings: cfg.Settings, lead: 402026, users: make(map[string]*User),
		agents: make(map[string]*Agent), known: make(map[string]*Agent), calls: make(map[string]*call),
		counts: make(map[string]int), running: make(map[string]int), changed: make(chan struct{}),
		idle: make(map[net.Conn]bool), closed: make(chan struct{}),
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

// NewTLSServer is NewServer over TLS with the given certificate; the zero one is a self-signed certificate for 127.0.0.1
// and localhost. See [Server.Pin] for what a client may trust.
func NewTLSServer(cfg Config, certificate tls.Certificate) *Server {
	if certificate.Certificate == nil {
		certificate = SelfSigned(Cert{Hosts: []string{"127.0.0.1", "localhost"}})
	}
	s := New(cfg)
	s.certificate = certificate
	if err := s.listen("127.0.0.1:0"); err != nil {
		panic(err)
	}
	return s
}

// Listen starts a server on an address, for example 127.0.0.1:4480.
func Listen(address string, cfg Config) (*Server, error) {
	s := New(cfg)
	if err := s.listen(address); err != nil {
		return nil, err
	}
	return s, nil
}

// listen serves over TLS if there is a certificate.
func (s *Server) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("vicitest: %w", err)
	}
	s.URL = "http://" + listener.Addr().String()
	if s.certificate.Certificate != nil {
		s.URL = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
	}
	s.http = &http.Server{
		Handler:     s.Handler(),
		ConnContext: s.number,
		ConnState: func(conn net.Conn, state http.ConnState) {
			s.locked(func() {
				delete(s.idle, conn)
				if state == http.StateIdle {
					s.idle[conn] = true
				}
			})
		},
		ErrorLog: log.New(io.Discard, "", 0), // clients that break off are what it is for
	}
	s.busy.Go(func() { _ = s.http.Serve(listener) }) // its error is that the server was closed
	return nil
}

// Handler returns the server without its listener. Faults that break a connection need one that can be hijacked.
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
		_ = s.http.Close()
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
func (s *Server) CloseIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := len(s.idle)
	for conn := range s.idle {
		_ = conn.Close()
	}
	clear(s.idle)
	return closed
}

// Connections returns how many connections were ever accepted.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

type connKey struct{}

// number numbers a new connection.
func (s *Server) number(ctx context.Context, _ net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	return context.WithValue(ctx, connKey{}, s.accepted)
}

// connNumber is 0 where another server than this one listens.
func connNumber(r *http.Request) int {
	n, _ := r.Context().Value(connKey{}).(int)
	return n
}
