package vicicall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"
)

const maxBody = 256 << 10

var (
	errTooLong     = fmt.Errorf("the answer is longer than %d KiB", maxBody>>10)
	errNoAnswer    = errors.New("the connection was closed, or what came is no HTTP")
	errSlowConnect = fmt.Errorf("no connection in time: %w", context.DeadlineExceeded)
)

// An answer is what came of offering one request to one web server.
type answer struct {
	sent     bool // bytes of the request may have reached the server
	stale    bool // nothing was sent, for the server had closed the idle connection
	whole    bool // status and body are complete
	status   int
	redirect string // scheme and host of a redirect's target
	body     []byte
	reply    Reply // of a whole answer
	err      error // why the answer is not whole; holds nothing of it
	took     time.Duration
}

func (a answer) accepted() bool {
	return a.whole && a.reply.Outcome == Accepted && !a.reply.Doubtful
}

// failed reports whether another web server may do better.
func (a answer) failed() bool {
	switch a.reply.Outcome {
	case Unavailable, Ambiguous, UnexpectedReply:
		return true
	}
	return !a.whole || a.reply.Doubtful
}

// mayRun reports whether VICIdial may still be at work on the request.
func (a answer) mayRun() bool { return !a.whole || a.ofGateway() && a.gaveUp() }

// ofGateway reports whether a gateway in front of VICIdial may have written the answer.
func (a answer) ofGateway() bool {
	return a.status >= http.StatusInternalServerError && !strings.HasPrefix(a.reply.Line, successWord)
}

// gatewayPatience is less than any gateway is told to wait for a web server.
const gatewayPatience = time.Second

// gaveUp reports whether a gateway may have stopped waiting: it says so (504, and 524 of one well-known gateway),
// or it took as long, connecting to it included (several say 502 or 503 then too).
func (a answer) gaveUp() bool {
	return a.status == http.StatusGatewayTimeout || a.status == 524 || a.took >= gatewayPatience
}

// because tells people what was wrong with the answer.
func (a answer) because() string {
	switch {
	case !a.whole:
		return " (no whole answer came: " + reason(a.err) + ")"
	case a.accepted():
		return ""
	}
	return " (" + a.reply.Message + "; " + a.reply.Line + ")"
}

// exchange sends a form to one web server and reads the whole answer. Redirects are not followed,
// and nothing is ever sent twice: the request can't be rewound.
func exchange(ctx context.Context, t *http.Transport, base, form string, connect time.Duration) answer {
	ctx, w := watch(ctx, connect)
	defer w.stop()
	resp, err := t.RoundTrip(newRequest(ctx, base, form))
	if err != nil {
		return w.failed(err)
	}
	defer resp.Body.Close()
	a := answer{sent: true, status: resp.StatusCode, redirect: redirectOf(resp)}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		a.err = tellable(err)
	case len(a.body) > maxBody:
		a.err = errTooLong
	default:
		a.whole = true
	}
	return a
}

// newRequest has no GetBody, so that no transport can send it again.
func newRequest(ctx context.Context, base, form string) *http.Request {
	u, _ := url.Parse(base) // Validate has seen it
	u.Path = prefix(u) + apiPath
	return (&http.Request{
		Method: http.MethodPost,
		URL:    u,
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
			"User-Agent":   {"vicihook"},
		},
		Body:          io.NopCloser(strings.NewReader(form)),
		ContentLength: int64(len(form)),
	}).WithContext(ctx)
}

// redirectOf gives scheme and host of a redirect's target, "" for any other answer.
func redirectOf(resp *http.Response) string {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return ""
	}
	u, err := resp.Location()
	if err != nil || !madeOf(u.Scheme+u.Host, alphanum+".-:[]", 1, 255) {
		return "nowhere"
	}
	return u.Scheme + "://" + u.Host
}

// A watcher knows how far a request came.
type watcher struct {
	conn *conn // nil before there is one
	kept bool  // it was idle before
	stop func()
}

// watch gives up when there is no connection in time.
func watch(ctx context.Context, connect time.Duration) (context.Context, *watcher) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(connect, func() { cancel(errSlowConnect) })
	w := &watcher{stop: func() { timer.Stop(); cancel(nil) }}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			timer.Stop()
			w.conn, w.kept = info.Conn.(*conn), info.WasIdle
			w.conn.begin(info.WasIdle)
		},
	}), w
}

func (w *watcher) failed(err error) answer {
	switch {
	case w.conn == nil:
		return answer{err: err} // of the network or TLS: no secret was sent that it could echo
	case w.conn.abandon():
		return answer{stale: w.kept, err: tellable(err)}
	}
	return answer{sent: true, err: tellable(err)}
}

// tellable keeps of an error what can't hold bytes of an answer.
func tellable(err error) error {
	for _, safe := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, safe) {
			return safe
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	return errNoAnswer
}

// reason is an error for people outside: each of its parts without the addresses that a network error names.
func reason(err error) string {
	var parts []string
	for _, e := range unjoin(err) {
		text := e.Error()
		if op, ok := errors.AsType[*net.OpError](e); ok {
			text = op.Err.Error()
		}
		if dns, ok := errors.AsType[*net.DNSError](e); ok {
			text = "lookup: " + dns.Err
		}
		if !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

// unjoin takes apart what errors.Join has put together.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
