// Package secretsmanager is a Secrets Manager in memory: a real HTTP server, so that a program with an unchanged AWS SDK
// can be run and tested without an AWS account.
//
//	server, err := secretsmanager.NewServer(secretsmanager.Config{})
//	arn, err := server.Create("vicihook/vicidial", `{"user": …}`)
//	os.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL) // and run the program
//
// The protocol is AWS JSON 1.1: POST / with X-Amz-Target "secretsmanager.GetSecretValue", "…PutSecretValue",
// "…UpdateSecretVersionStage" or "…CreateSecret". Putting a value without naming labels moves AWSCURRENT to the new
// version. Whenever AWSCURRENT moves, AWSPREVIOUS moves to the version that had it before. A request must be signed for
// this region and service within the last 5 minutes; any access key will do, and the signature itself is not recomputed.
// A secret is found by its full ARN only, where AWS takes its name too: a program that may read one ARN should not come
// to need more.
//
// [Server.Fail] makes requests fail as they do on AWS, and [Server.Calls] counts them.
//
// Specification: https://docs.aws.amazon.com/secretsmanager/latest/apireference/
package secretsmanager

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Region and account of every secret.
const (
	Region  = "us-east-1"
	Account = "123456789012"
)

// Labels of versions.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
)

const headerTime = 5 * time.Second

// Config of a [Server].
type Config struct {
	Addr string           // host:port to listen on; empty is a free port of 127.0.0.1
	Now  func() time.Time // nil is time.Now
}

// A Server stores secrets in memory and serves them until it is closed.
type Server struct {
	URL string // http://host:port

	now  func() time.Time
	http *http.Server

	mu      sync.Mutex
	secrets map[string]*secret // by ARN
	calls   map[call]int
	faults  []*staged
}

// call is what [Server.Calls] counts by.
type call struct{ operation, arn, stage string }

// NewServer listens and serves. The error is that of listening.
func NewServer(cfg Config) (*Server, error) {
	addr := cmp.Or(cfg.Addr, "127.0.0.1:0")
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("secretsmanager: %w", err)
	}
	s := &Server{
		URL:     "http://" + listener.Addr().String(),
		now:     cfg.Now,
		secrets: map[string]*secret{},
		calls:   map[call]int{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: headerTime}
	go s.http.Serve(listener)
	return s, nil
}

// Close stops at once; requests in hand are cut off.
func (s *Server) Close() error { return s.http.Close() }

// Create stores a secret whose first version is text, and returns its ARN, which is the same for a name every time.
// It returns an error wrapping [ResourceExists] when the name is taken.
func (s *Server) Create(name, text string) (arn string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := s.create(name, version{value: value{SecretString: &text}})
	if err != nil {
		return "", err
	}
	return made.arn, nil
}

// Put rotates: text becomes AWSCURRENT under a new version id, and what was current AWSPREVIOUS.
// It returns an error wrapping [ResourceNotFound] for an ARN that was never created.
func (s *Server) Put(arn, text string) (versionID string, err error) {
	return s.rotate(arn, value{SecretString: &text})
}

// PutBinary is [Server.Put] with a SecretBinary.
func (s *Server) PutBinary(arn string, bytes []byte) (versionID string, err error) {
	return s.rotate(arn, value{SecretBinary: bytes})
}

func (s *Server) rotate(arn string, v value) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(arn)
	if err != nil {
		return "", err
	}
	return found.put(version{value: v}, []string{Current}, s.now())
}

// Calls returns the number of signed GetSecretValue requests that arrived for an ARN and stage, whatever became of them.
// A request that names no stage counts as AWSCURRENT.
func (s *Server) Calls(arn, stage string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call{"GetSecretValue", arn, stage}]
}
