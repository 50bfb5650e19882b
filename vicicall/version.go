package vicicall

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Version is what VICIdial says of its agent API.
type Version struct {
	Version string    // for example 2.14-82
	Build   string    // for example 250122-1010
	Time    time.Time // VICIdial's clock, to the second
}

// Version asks which agent API answers (function=version). It sends neither user nor password,
// so it tells an unreachable or foreign web server from a wrong account. The error is an [*Error]:
// Unavailable, TLSUntrusted, UnexpectedReply or Misconfigured.
func (c *Client) Version(ctx context.Context, cred Credentials) (Version, error) {
	if err := c.Validate(cred); err != nil {
		return Version{}, &Error{"version", Misconfigured, FaultText(err), err}
	}
	ctx, cancel := c.withBudget(ctx)
	defer cancel()
	s := c.session(ctx, cred, Call{})
	s.transport = c.transport(cred)
	var end ending
	for range cred.URLs {
		a := s.deliver("function=version", mostShare)
		if v, ok := parseVersion(a); ok {
			return v, nil
		}
		end = versionFault(a)
		s.next()
	}
	return Version{}, &Error{"version", end.outcome, end.message, end.err}
}

func versionFault(a answer) ending {
	switch {
	case !a.sent:
		return unreached(a)
	case a.redirect != "":
		return redirected(a)
	case !a.whole, a.reply.Outcome == Unavailable, a.status >= http.StatusInternalServerError:
		return ending{Unavailable, Unavailable.Advice() + a.because(), a.err}
	}
	return ending{UnexpectedReply, a.reply.Message + " (" + a.reply.Line + ")", nil}
}

// parseVersion reads "VERSION: 2.14-82|BUILD: 250122-1010|DATE: …|EPOCH: 1795343640" by place: the labels are translated.
func parseVersion(a answer) (Version, bool) {
	body := scan(a.body)
	parts := strings.Split(string(body.line), "|")
	if !a.whole || a.status != http.StatusOK || body.significant != 1 || len(parts) < 4 {
		return Version{}, false
	}
	for i, part := range parts {
		_, parts[i], _ = strings.Cut(part, ": ")
	}
	epoch, err := strconv.ParseInt(parts[3], 10, 64)
	const set = alphanum + ".-"
	if err != nil || epoch <= 0 || !madeOf(parts[0], set, 1, 20) || !madeOf(parts[1], set, 1, 20) {
		return Version{}, false
	}
	return Version{Version: parts[0], Build: parts[1], Time: time.Unix(epoch, 0).UTC()}, true
}
