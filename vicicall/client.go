package vicicall

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"
)

const defaultBudget = 4 * time.Second

// Config holds the settings of a [Client]; its zero value is ready for use.
type Config struct {
	Budget      time.Duration    // for one operation whose context has no deadline; 0 means 4 s
	SkipRecheck bool             // no CHECK after an accepted hang-up: Accepted instead of HungUp
	AllowHTTP   bool             // send the password over plain http to other hosts than this one
	Now         func() time.Time // the clock of the latch and of Query.BeganBefore; nil means time.Now

	// Dial connects to a web server; nil means a [net.Dialer]'s DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client sends requests to VICIdial's APIs. It is safe for concurrent use and keeps connections for 4 s.
type Client struct {
	config Config
	logins *logins

	mu         sync.Mutex
	transports map[string]*http.Transport // by CA and pins
}

// New returns a Client. It does no I/O.
func New(config Config) *Client {
	config.Budget = cmp.Or(config.Budget, defaultBudget)
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Dial == nil {
		config.Dial = (&net.Dialer{}).DialContext
	}
	return &Client{
		config: config, transports: map[string]*http.Transport{},
		logins: &logins{now: config.Now, byID: map[[sha256.Size]byte]*login{}},
	}
}

// Close closes idle connections. The Client stays usable.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.transports {
		t.CloseIdleConnections()
	}
}

// Validate checks the credentials as [Credentials.Validate] does, but allows plain http where this client's [Config]
// does.
func (c *Client) Validate(cred Credentials) error { return cred.validate(c.config.AllowHTTP) }

// A session is one operation while it runs.
type session struct {
	client    *Client
	ctx       context.Context // has a deadline
	cred      Credentials
	call      Call
	transport *http.Transport
	at        int // index in cred.URLs of the web server to ask next
	result    Result
}

// A verdict is the outcome of a session, with its message and cause.
type verdict struct {
	outcome Outcome
	message string
	err     error
}

// run does what Hangup, Check and Probe have in common.
func (c *Client) run(ctx context.Context, op string, cred Credentials, call Call, do func(*session) verdict) (Result, error) {
	start := time.Now()
	s, end, v := c.begin(ctx, cred, call, c.refuse(cred, call))
	defer end()
	if v.outcome == "" {
		v = do(s)
	}
	s.result.Outcome, s.result.Message = v.outcome, v.message
	s.result.Elapsed = time.Since(start)
	if v.outcome.isAnswer() {
		return s.result, nil
	}
	return s.result, s.failure(op, v)
}

// begin sets the deadline and waits until the account may be used. Requests may be sent if the verdict has no outcome.
func (c *Client) begin(ctx context.Context, cred Credentials, call Call, refused verdict) (s *session, end func(), v verdict) {
	ctx, cancel := c.withBudget(ctx)
	s = &session{client: c, ctx: ctx, cred: cred, call: call.withDefaults()}
	if refused.outcome != "" {
		return s, cancel, refused
	}
	s.transport = c.transport(cred)
	release, v := c.logins.admit(ctx, cred)
	return s, func() { release(); cancel() }, v
}

// failure returns the verdict as an error, nil for one without outcome.
func (s *session) failure(op string, v verdict) error {
	if v.outcome == "" {
		return nil
	}
	return &Error{Op: op, Outcome: v.outcome, Message: v.message, Reply: s.result.Reply, Err: v.err}
}

func (c *Client) withBudget(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.config.Budget)
}

// refuse returns the verdict on a request that must not be sent.
func (c *Client) refuse(cred Credentials, call Call) verdict {
	if err := call.Validate(); err != nil {
		return verdict{InvalidRequest, FaultText(err), err}
	}
	if f := cred.faults(c.config.AllowHTTP); f.err() != nil {
		return verdict{Misconfigured, FaultText(f.err()), f.err()}
	}
	return verdict{}
}
