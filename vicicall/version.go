package vicicall

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Version is VICIdial's answer to function=version of the agent API.
type Version struct {
	Version string    // for example 2.14-82
	Build   string    // for example 250122-1010
	Time    time.Time // VICIdial's clock, to the second, in the web server's own time zone
}

// Version asks which agent API answers (function=version). It sends neither user nor password, so it tells an
// unreachable or foreign web server from a wrong account. The error is an [*Error]: Unavailable, TLSUntrusted,
// UnexpectedReply or Misconfigured.
func (c *Client) Version(ctx context.Context, cred Credentials) (Version, error) {
	if err := c.Validate(cred); err != nil {
		return Version{}, &Error{Op: "version", Outcome: Misconfigured, Message: FaultText(err), Err: err}
	}
	ctx, cancel := c.withBudget(ctx)
	defer cancel()
	s := &session{client: c, ctx: ctx, cred: cred, transport: c.transport(cred)}
	found, v := s.version()
	return found, s.failure("version", v)
}

// version asks one web server after the other.
func (s *session) version() (found Version, v verdict) {
	s.sendUntil(request{agentAPI, "function=version"}, len(s.cred.URLs), func(r response) (done bool) {
		if found, done = parseVersion(r); done {
			v = verdict{}
			return true
		}
		v = versionFault(r)
		return false
	})
	return found, v
}

func versionFault(r response) verdict {
	if v, faulty := r.fault(); faulty {
		return v
	}
	reply := ParseReply(r.status, r.body, "", "")
	if reply.Outcome == Unavailable || r.status >= http.StatusInternalServerError {
		return verdict{Unavailable, Unavailable.Advice() + answer{r, reply}.detail(), nil}
	}
	return verdict{UnexpectedReply, reply.Message + " (" + reply.Line + ")", nil}
}

var isVersion = madeOf(alphanum+"-.", 1, 20)

// parseVersion reads "VERSION: 2.14-82|BUILD: 250122-1010|DATE: 2026-11-22 10:34:00|EPOCH: 1795343640" by position: the
// labels are translated. DATE is local time.
func parseVersion(r response) (Version, bool) {
	body := scan(r.body)
	parts := strings.Split(string(body.line), "|")
	if !r.whole || r.status != http.StatusOK || body.significant != 1 || len(parts) < 4 {
		return Version{}, false
	}
	for i, part := range parts {
		_, parts[i], _ = strings.Cut(part, ": ")
	}
	local, dateErr := time.Parse(time.DateTime, parts[2])
	epoch, err := strconv.ParseInt(parts[3], 10, 64)
	if dateErr != nil || err != nil || epoch <= 0 || !isVersion(parts[0]) || !isVersion(parts[1]) {
		return Version{}, false
	}
	zone := time.FixedZone("", int(local.Unix()-epoch))
	return Version{Version: parts[0], Build: parts[1], Time: time.Unix(epoch, 0).In(zone)}, true
}
