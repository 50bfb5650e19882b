package vicicall

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const defaultBudget = 4 * time.Second

// Config holds the settings of a [Client]; its zero value is ready for use.
type Config struct {
	Budget      time.Duration    // for one operation whose context has no deadline; 0 means 4 s
	SkipRecheck bool             // believe an accepted hang-up without a CHECK: Accepted instead of HungUp
	AllowHTTP   bool             // send the password over plain http to other hosts than this one
	Now         func() time.Time // the clock of the latch and of Query.BeganBefore; nil means time.Now

	// Dial connects to a web server; nil means a [net.Dialer]'s DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client speaks to VICIdial's agent API. It is safe for concurrent use and keeps connections for 4 s.
type Client struct {
	config Config

	accounts *accounts

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
	return &Client{config: config, accounts: newAccounts(config.Now), transports: map[string]*http.Transport{}}
}

// Close drops idle connections. The Client stays usable.
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

// A session is one operation under way.
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

// run does what Hangup, Check and Probe have in common: it refuses what must not be sent, sets the deadline and
// returns what do found.
func (c *Client) run(ctx context.Context, op string, cred Credentials, call Call, do func(*session) verdict) (Result, error) {
	start := time.Now()
	ctx, cancel := c.withBudget(ctx)
	defer cancel()
	s := &session{client: c, ctx: ctx, cred: cred, call: call.withDefaults()}
	v := c.refuse(cred, call)
	if v.outcome == "" {
		var release func()
		if release, v = c.accounts.admit(ctx, cred); v.outcome == "" {
			s.transport = c.transport(cred)
			v = do(s)
		}
		release()
	}
	s.result.Outcome, s.result.Message = v.outcome, v.message
	s.result.Elapsed = time.Since(start)
	if v.outcome.isAnswer() {
		return s.result, nil
	}
	return s.result, &Error{Op: op, Outcome: v.outcome, Message: v.message, Reply: s.result.Reply, Err: v.err}
}

func (c *Client) withBudget(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.config.Budget)
}

// refuse returns the verdict of a request that must not be sent.
func (c *Client) refuse(cred Credentials, call Call) verdict {
	if err := call.Validate(); err != nil {
		return verdict{InvalidRequest, FaultText(err), err}
	}
	if f := cred.faults(c.config.AllowHTTP); f.err() != nil {
		return verdict{Misconfigured, FaultText(f.err()), f.err()}
	}
	return verdict{}
}
