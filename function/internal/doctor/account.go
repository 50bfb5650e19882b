package doctor

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// noVerdict describes trials without an answer about the account, from a web server that had answered with its version.
var noVerdict = map[vicicall.Outcome]string{
	vicicall.Unavailable:     "VICIdial gave its version, but no answer about the account",
	vicicall.UnexpectedReply: "VICIdial gave its version, but something else answers about the account",
}

// tryAccount tries the account once at the web server with this index; -1 is none.
func (d *Doctor) tryAccount(ctx context.Context, cred vicicall.Credentials, at int, r *Report) {
	if at < 0 {
		r.Account = &Account{Message: "not tried: no web server answers as VICIdial's agent API"}
		return
	}
	result, err := d.VICIdial.Probe(ctx, cred, at)
	r.Account = &Account{Outcome: string(result.Outcome), Message: result.Message, Reply: result.Reply, Tries: result.Checks, ElapsedMS: result.Elapsed.Milliseconds()}
	if err == nil {
		r.Account.Message = "user, password, access, permission and address are good"
		return
	}
	r.Findings = append(r.Findings, refusal(result, cred, r.Servers[at]))
}

func refusal(r vicicall.Result, cred vicicall.Credentials, s Server) Finding {
	version := versionOf(s.VICIdial)
	rule, _ := hangup.RuleOf(r.Outcome)
	f := Finding{Fault: string(r.Outcome), What: cmp.Or(noVerdict[r.Outcome], rule.Meaning, r.Message), Remedy: rule.Remedy}
	switch {
	case strings.HasPrefix(r.Reply, "(translated)"):
		f = newFinding("language")
	case r.Outcome == vicicall.CredentialsRejected && cred.NeedsNewVICIdial() && version.before(2, 14, 72):
		f = newFinding("password_characters", "{version}", s.VICIdial)
	case r.Outcome == vicicall.CredentialsRejected && strings.ContainsAny(cred.User+cred.Pass, "-_") && version.before(2, 10, 44):
		f = newFinding("user_characters", "{version}", s.VICIdial)
	case r.Outcome == vicicall.CredentialsRejected && version.before(2, 8, 32):
		f.What += ", or without Agent API Access (this version does not say)"
		f.Remedy += " Agent API Access 1."
	case r.Outcome == vicicall.IPBlocked:
		f.What += "; this side's address is " + s.From + ", and behind a NAT gateway VICIdial sees the gateway's"
	}
	if r.Checks == 0 {
		f.What += " (told before, and not asked again now: 15 minutes, or until the secret has a new version)"
	}
	return f
}

// A version is VICIdial's, for example 2.14-82. The zero value is unknown, and not before any other.
type version [3]int

func versionOf(text string) (v version) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '-' })
	if len(parts) != len(v) {
		return version{}
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return version{}
		}
		v[i] = n
	}
	return v
}

func (v version) before(major, minor, build int) bool {
	for i, limit := range [3]int{major, minor, build} {
		if v[i] != limit {
			return v != (version{}) && v[i] < limit
		}
	}
	return false
}
