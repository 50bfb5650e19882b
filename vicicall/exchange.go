package vicicall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxBody   = 256 << 10
	leastTime = 50 * time.Millisecond // with less left, a request is not begun
	maxRounds = 3                     // over all web servers while none can be reached
)

var (
	errTooLong     = fmt.Errorf("the answer is longer than %d KiB", maxBody>>10)
	errNoAnswer    = errors.New("the connection was closed, or the answer is not HTTP")
	errSlowConnect = fmt.Errorf("no connection in time: %w", context.DeadlineExceeded)
	errNoTime      = errors.New("the time left is too short to ask and look again")
)

// A request is a form for one of VICIdial's scripts.
type request struct {
	path string // of the script, for example /agc/api.php
	form string
}

// A response is the result of one request to one web server.
type response struct {
	sent     bool // some of the request may have reached the server
	stale    bool // nothing was sent: the server had closed the idle connection
	whole    bool // status and body are complete
	status   int
	redirect string // scheme and host of a redirect's target
	body     []byte
	err      error // why the response is not whole, without any of its text
	took     time.Duration
}

// A limit is the time that one request may take of the time that remains.
type limit func(remaining time.Duration) time.Duration

// leaveCheck leaves time for a CHECK.
func leaveCheck(remaining time.Duration) time.Duration {
	return min(remaining*6/10, remaining-checkReserve)
}

// leaveOther leaves time for another web server.
func leaveOther(remaining time.Duration) time.Duration { return remaining * 6 / 10 }

// all leaves nothing: for the last web server or try.
func all(remaining time.Duration) time.Duration { return remaining }

// deliver sends a request to one web server after the other until one may have received it. Otherwise the response's
// error has the reason of each.
func (s *session) deliver(req request, limit limit) response {
	var reasons []error
	for round := range maxRounds {
		before := reasons
		reasons = nil
		for left := len(s.cred.URLs); left > 0; left-- {
			r := s.sendOnce(req, limit, left)
			if r.sent {
				return r
			}
			reasons = append(reasons, r.err)
			if errors.Is(r.err, errNoTime) {
				return response{err: errors.Join(append(before, reasons...)...)}
			}
			s.nextServer()
		}
		if allUntrusted(reasons) || round == maxRounds-1 || !s.pause(round) {
			break
		}
	}
	return response{err: errors.Join(reasons...)}
}

// sendOnce sends a request to one web server. While others are left, connecting may take only a part of the time.
// On an idle connection that the server has closed nothing was sent, so another connection is used at once.
func (s *session) sendOnce(req request, limit limit, left int) response {
	for {
		deadline, _ := s.ctx.Deadline()
		most := limit(time.Until(deadline))
		if s.ctx.Err() != nil {
			return response{err: fmt.Errorf("%w: %w", errNoTime, s.ctx.Err())}
		}
		if most < leastTime {
			return response{err: errNoTime}
		}
		if r := s.exchange(req, most, most/time.Duration(left)); !r.stale {
			return r
		}
	}
}

// sendUntil sends a request without side effect to one web server after the other, up to tries times, until done reports
// that no further response is needed.
func (s *session) sendUntil(req request, tries int, done func(response) bool) {
	for try := 1; try <= tries; try++ {
		limit := leaveOther
		if try == tries || len(s.cred.URLs) == 1 {
			limit = all
		}
		r := s.deliver(req, limit)
		if !r.sent && try > 1 || done(r) || !r.sent { // if no other can be sent, the response before counts
			return
		}
		s.nextServer()
		if try%len(s.cred.URLs) == 0 && try < tries && !s.pause(0) {
			return
		}
	}
}

func (s *session) nextServer() { s.at = (s.at + 1) % len(s.cred.URLs) }

// pause waits before another round: 50 to 150 ms, twice as long each time. It returns false when the deadline passed.
func (s *session) pause(round int) bool {
	wait := time.NewTimer((50*time.Millisecond + rand.N(100*time.Millisecond)) << round)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// exchange sends a request to the current web server and reads the whole response. It follows no redirect and sends
// nothing twice: the request can't be rewound. Without a connection within connect it ends.
func (s *session) exchange(req request, limit, connect time.Duration) (r response) {
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	connecting := time.AfterFunc(connect, func() { stop(errSlowConnect) })
	defer connecting.Stop()
	var used *conn // nil until connected
	var kept bool  // it was idle before
	resp, err := s.transport.RoundTrip(newRequest(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			connecting.Stop()
			used, kept = info.Conn.(*conn), info.WasIdle
			used.begin(kept)
		},
	}), s.cred.URLs[s.at], req))
	switch {
	case err == nil:
		defer resp.Body.Close()
	case used == nil:
		return response{err: err} // of the network or TLS: no secret was sent that it could echo
	case used.abandon():
		return response{stale: kept, err: sanitize(err)}
	default:
		return response{sent: true, err: sanitize(err)}
	}
	r = response{sent: true, status: resp.StatusCode, redirect: redirectOf(resp, s.cred.Pass)}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		r.err = sanitize(err)
	case len(r.body) > maxBody:
		r.err = errTooLong
	default:
		r.whole = true
	}
	return r
}

// newRequest returns a request without GetBody, so that no transport can send it again.
func newRequest(ctx context.Context, base string, req request) *http.Request {
	u, _ := url.Parse(base) // Validate has parsed it
	u.Path = prefix(u) + req.path
	return (&http.Request{
		Method: http.MethodPost,
		URL:    u,
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
			"User-Agent":   {"vicihook"},
		},
		Body:          io.NopCloser(strings.NewReader(req.form)),
		ContentLength: int64(len(req.form)),
	}).WithContext(ctx)
}

// sanitize returns err without anything that could quote the response.
func sanitize(err error) error {
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

var isOrigin = madeOf(alphanum+"-.:[]", 1, 255)

// redirectOf returns scheme and host of a redirect's target, "" for any other response. The server that redirects has
// read the password and may have put it there.
func redirectOf(resp *http.Response, pass string) string {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return ""
	}
	u, err := resp.Location()
	if err != nil || !isOrigin(u.Scheme+u.Host) || strings.Contains(strings.ToLower(u.Host), strings.ToLower(pass)) {
		return "nowhere"
	}
	return u.Scheme + "://" + u.Host
}

// redirected names the target in the cause only: the server chooses it, and it may be an internal host.
func redirected(r response) verdict {
	return verdict{Misconfigured, fmt.Sprintf("%s (HTTP %d)", adviceRedirect, r.status), fmt.Errorf("it redirects to %s", r.redirect)}
}

// fault reports whether the response is not a whole answer, and returns the verdict on it.
func (r response) fault() (_ verdict, faulty bool) {
	switch {
	case !r.sent:
		return unreached(r), true
	case r.redirect != "":
		return redirected(r), true
	case !r.whole:
		return verdict{Unavailable, Unavailable.Advice() + answer{response: r}.detail(), r.err}, true
	}
	return verdict{}, false
}

// unreached returns the verdict when nothing could be sent.
func unreached(r response) verdict {
	o, hint := Unavailable, ""
	if allUntrusted(unjoin(r.err)) {
		o = TLSUntrusted
	} else if _, noTLS := errors.AsType[tls.RecordHeaderError](r.err); noTLS {
		hint = "; " + adviceTLSNotSpoken
	}
	return verdict{o, o.Advice() + " (" + reason(r.err) + ")" + hint, r.err}
}

// reason returns an error's text for the sender: each of its parts once, without the addresses in a network error, the
// resolver's among them, and without the names in a certificate.
func reason(err error) string {
	var parts []string
	for _, e := range unjoin(err) {
		text := e.Error()
		if op, ok := errors.AsType[*net.OpError](e); ok {
			text = op.Err.Error()
		}
		if dns, ok := errors.AsType[*net.DNSError](e); ok {
			text = "no such host name"
			if !dns.IsNotFound {
				text = "the host name can't be resolved now"
			}
		}
		if _, ok := errors.AsType[x509.HostnameError](e); ok {
			text = "it is valid for other names than the host's"
		}
		if !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

// unjoin returns the errors that errors.Join has joined.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
