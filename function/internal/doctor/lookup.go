package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// probeAgent is a user that no VICIdial has: agent_status for it shows whether the account may look calls up.
const probeAgent = "vicihookprobe"

// lookupRemedies differ from those of the API account.
var lookupRemedies = map[vicicall.Outcome]string{
	vicicall.CredentialsRejected: "Admin → Users → the lookup user: Active Y, User Level 7 or more, Password as in `lookup` of VICIdial's secret. Then store the secret again.",
	vicicall.LockedOut:           "Wait 15 minutes, and correct the lookup user meanwhile: each lookup by a user below level 7 counts as a failed login.",
	vicicall.PermissionDenied:    "Admin → Users → the lookup user: View Reports 1, Agent API Access 1, and agent_status and logged_in_agents among its Allowed API Functions.",
	vicicall.UnexpectedReply:     "Let url in VICIdial's secret lead to a web server that has /vicidial/non_agent_api.php, of VICIdial 2.12-80 or later.",
}

// tryLookup tries the account for finding calls, if a source needs it and a web server answers as VICIdial.
func (d *Doctor) tryLookup(ctx context.Context, cred vicicall.Credentials, r *Report) {
	finding := d.findingSources(ctx)
	switch {
	case len(finding) == 0:
		return
	case cred.Lookup == nil:
		r.add("lookup_missing", "{sources}", strings.Join(finding, ", "))
		return
	case firstGood(r.Servers) < 0:
		r.Lookup = &Account{Message: "not tried: no web server answers as VICIdial's agent API"}
		return
	}
	began := time.Now()
	agents, err := d.lookUp(ctx, cred)
	r.Lookup = &Account{Tries: 1, ElapsedMS: time.Since(began).Milliseconds(), Message: fmt.Sprintf("user, password and rights are good; agents seen: %d", agents)}
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		r.Lookup.Outcome, r.Lookup.Message, r.Lookup.Reply = string(failed.Outcome), failed.Message, failed.Reply
		rule, _ := hangup.RuleOf(failed.Outcome)
		r.Findings = append(r.Findings, Finding{Fault: "lookup_" + string(failed.Outcome), What: failed.Message, Remedy: cmp.Or(lookupRemedies[failed.Outcome], rule.Remedy)})
		return
	}
	if agents == 0 {
		r.add("lookup_sees_nobody")
	}
}

// lookUp asks for an agent that can't exist, and then for all agents. It returns how many the account sees.
func (d *Doctor) lookUp(ctx context.Context, cred vicicall.Credentials) (int, error) {
	if _, err := d.VICIdial.AgentStatus(ctx, cred, probeAgent); !errors.Is(err, vicicall.InvalidRequest) && !errors.Is(err, vicicall.AgentNotLoggedIn) {
		return 0, err
	}
	agents, err := d.VICIdial.LoggedInAgents(ctx, cred)
	return len(agents), err
}

// findingSources returns the sources with a key that need lookups.
func (d *Doctor) findingSources(ctx context.Context) (names []string) {
	keys, err := d.Keys.Load(ctx)
	for _, name := range d.Settings.Sources.Names() {
		if err == nil && len(keys.Current.Value[name].Keys) == 0 {
			continue
		}
		if src, _ := d.Settings.Sources.Lookup(name); src.Fault == nil && src.Finds() {
			names = append(names, name)
		}
	}
	return names
}
