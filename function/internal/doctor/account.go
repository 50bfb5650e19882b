package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// probeAgent is a user that no VICIdial has: agent_status of it shows whether the account may look calls up.
const probeAgent = "vicihookprobe"

// noVerdict describes an account's trial that failed at a web server whose version is known.
var noVerdict = map[vicicall.Outcome]string{
	vicicall.Unavailable:     "VICIdial sent its version, but no answer about the account",
	vicicall.UnexpectedReply: "VICIdial sent its version, but something else answers about the account",
}

// lookupRemedies differ from those of the API account.
var lookupRemedies = map[vicicall.Outcome]string{
	vicicall.CredentialsRejected: "Admin → Users → the lookup user: Active Y, User Level 7 or more, Password as in `lookup` of VICIdial's secret. Then store the secret again.",
	vicicall.LockedOut:           "Wait 15 minutes, and correct the lookup user meanwhile: each lookup by a user below level 7 counts as a failed login.",
	vicicall.PermissionDenied:    "Admin → Users → the lookup user: View Reports 1, Agent API Access 1, and agent_status and logged_in_agents among its Allowed API Functions.",
	vicicall.UnexpectedReply:     "Let url in VICIdial's secret lead to a web server that has /vicidial/non_agent_api.php, of VICIdial 2.12-80 or later.",
}

// tryAccount tries the API account once at a web server; at is negative where none works.
func (d *Doctor) tryAccount(ctx context.Context, cred vicicall.Credentials, at int, r *Report) {
	if at < 0 {
		r.Account = &Account{Message: "not tried: no web server answers as VICIdial's agent API"}
		return
	}
	result, err := d.VICIdial.Probe(ctx, cred, at)
	r.Account = &Account{
		Outcome: string(result.Outcome), Message: result.Message, Reply: result.Reply,
		Tries: result.Checks, ElapsedMS: result.Elapsed.Milliseconds(),
	}
	if err == nil {
		r.Account.Message = "user, password, access, permission and address are good"
		return
	}
	r.Findings = append(r.Findings, refusal(result, cred, r.Servers[at]))
}

// refusal describes a refused account. An older VICIdial does not say which of several causes it was.
func refusal(r vicicall.Result, cred vicicall.Credentials, s Server) Finding {
	rule, _ := hangup.RuleOf(r.Outcome)
	f := Finding{Fault: string(r.Outcome), What: cmp.Or(noVerdict[r.Outcome], rule.Meaning, r.Message), Remedy: rule.Remedy}
	rejected := r.Outcome == vicicall.CredentialsRejected
	switch {
	case strings.HasPrefix(r.Reply, "(translated)"):
		f = newFinding("language")
	case rejected && cred.NeedsNewVICIdial() && isBefore(s.VICIdial, 2, 14, 72):
		f = newFinding("password_characters", "{version}", s.VICIdial)
	case rejected && strings.ContainsAny(cred.User+cred.Pass, "-_") && isBefore(s.VICIdial, 2, 10, 44):
		f = newFinding("user_characters", "{version}", s.VICIdial)
	case rejected && isBefore(s.VICIdial, 2, 8, 32):
		f.What += ", or without Agent API Access (this version does not say)"
		f.Remedy += " Agent API Access 1."
	case r.Outcome == vicicall.IPBlocked:
		f.What += "; this side's address is " + s.From + ", but behind a NAT gateway VICIdial sees the gateway's"
	}
	if r.Checks == 0 {
		f.What += " (an earlier answer, not asked again for 15 minutes or until the secret has a new version)"
	}
	return f
}

// isBefore compares a version such as 2.14-82; one of another form is before nothing.
func isBefore(version string, limit ...int) bool {
	v := make([]int, 3)
	n, _ := fmt.Sscanf(version, "%d.%d-%d", &v[0], &v[1], &v[2])
	return n == len(v) && slices.Compare(v, limit) < 0
}

// tryLookup tries the account for finding calls, if a source finds calls.
func (d *Doctor) tryLookup(ctx context.Context, cred vicicall.Credentials, at int, keys source.Keyring, r *Report) {
	finders := slices.DeleteFunc(d.Settings.Sources.Names(), func(name string) bool {
		src, _ := d.Settings.Sources.Lookup(name)
		return src.Fault != nil || !src.Finds() || keys != nil && len(keys[name].Keys) == 0
	})
	switch {
	case len(finders) == 0:
		return
	case cred.Lookup == nil:
		r.add("lookup_missing", "{sources}", strings.Join(finders, ", "))
		return
	case at < 0:
		return
	}
	began := time.Now()
	_, err := d.VICIdial.AgentStatus(ctx, cred, probeAgent)
	var agents []vicicall.Agent
	if errors.Is(err, vicicall.InvalidRequest) || errors.Is(err, vicicall.AgentNotLoggedIn) {
		agents, err = d.VICIdial.LoggedInAgents(ctx, cred)
	}
	r.Lookup = &Account{
		Message: fmt.Sprintf("user, password and rights are good; agents seen: %d", len(agents)),
		Tries:   1, ElapsedMS: time.Since(began).Milliseconds(),
	}
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		r.Lookup.Outcome, r.Lookup.Message, r.Lookup.Reply = string(failed.Outcome), failed.Message, failed.Reply
		rule, _ := hangup.RuleOf(failed.Outcome)
		r.Findings = append(r.Findings, Finding{
			Fault: "lookup_" + string(failed.Outcome), What: failed.Message, Remedy: cmp.Or(lookupRemedies[failed.Outcome], rule.Remedy),
		})
	} else if len(agents) == 0 {
		r.add("lookup_sees_nobody")
	}
}
