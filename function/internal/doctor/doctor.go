// Package doctor examines, inside the function, all that a webhook would need, and names what to fix.
//
//	report := (&doctor.Doctor{Settings: settings, Keys: keys, Account: account, VICIdial: client}).Examine(ctx)
//	for _, f := range report.Findings {
//		fmt.Println(f.What, f.Remedy)
//	}
//
// A [Doctor] looks at the configuration, both secrets, each source's keys, each web server of VICIdial (name, connection,
// certificate, version, clock), the API account and the time limits, in the order in which a webhook would meet them.
// Each [Finding] says in one line what is wrong and how to fix it; the first one is what to begin with.
//
// It changes nothing: VICIdial is asked for its version, without a password, and once with CHECK for an agent and a call
// that can't be (see [vicicall.Client.Probe]). A refusal of the account latches as it does for a webhook, and a latched
// account is not tried. Nothing of a key or password is in a report.
package doctor

import (
	"context"
	"strings"
	"sync"
	"time"

	"vicihook/function/internal/config"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

const (
	wholeLimit = 9 * time.Second        // an examination may take
	answerTime = 500 * time.Millisecond // of the caller's own limit stay for the answer
)

// A Store returns a secret, as [secret.Store] does.
type Store[T any] interface {
	Load(context.Context) (secret.Snapshot[T], error)
	Refresh(ctx context.Context, seen secret.Snapshot[T], asker string) (got secret.Snapshot[T], changed bool, err error)
}

// VICIdial is the client of the agent API: a [vicicall.Client].
type VICIdial interface {
	Validate(vicicall.Credentials) error
	Version(context.Context, vicicall.Credentials) (vicicall.Version, error)
	Probe(ctx context.Context, cred vicicall.Credentials, at int) (vicicall.Result, error)
	AgentStatus(ctx context.Context, cred vicicall.Credentials, agentUser string) (vicicall.Agent, error)
	LoggedInAgents(context.Context, vicicall.Credentials) ([]vicicall.Agent, error)
}

var _ VICIdial = (*vicicall.Client)(nil)

// A Doctor examines what a webhook would use, through the same stores and client. Unless it is Broken, the fields down to
// VICIdial are required.
type Doctor struct {
	Broken   error // a configuration that can't serve: it is all that there is to examine
	Settings config.Config
	Keys     Store[source.Keyring]
	Account  Store[vicicall.Credentials]
	VICIdial VICIdial

	Region  string // where the function asks for its secrets; empty = not known
	Version string // the function's own

	Now func() time.Time // nil = time.Now
}

// Examine returns a report. It takes at most 9 s, and ends before ctx does.
func (d *Doctor) Examine(ctx context.Context) Report {
	r := Report{Version: d.Version, At: d.now().UTC()}
	if d.Broken != nil {
		for line := range strings.Lines(d.Broken.Error()) {
			r.add("configuration", "{cause}", strings.TrimPrefix(strings.TrimSpace(line), config.ErrInvalid.Error()+": "))
		}
		return r.finish()
	}
	limit := functionLimit(ctx)
	ctx, cancel := withLimit(ctx)
	defer cancel()

	var keys, vicidial Report
	var both sync.WaitGroup
	both.Go(func() { d.examineKeys(ctx, &keys) })
	both.Go(func() { d.examineVICIdial(ctx, &vicidial) })
	both.Wait()

	r.Secrets = append(keys.Secrets, vicidial.Secrets...)
	r.Sources, r.Servers, r.Account, r.Lookup = keys.Sources, vicidial.Servers, vicidial.Account, vicidial.Lookup
	r.Deadlines = d.deadlines(limit, vicidial.Account)
	d.checkRegions(&r)
	r.Findings = append(r.Findings, vicidial.Findings...)
	r.Findings = append(r.Findings, keys.Findings...)
	r.checkDeadlines()
	if d.Settings.DryRun {
		r.add("dry_run")
	}
	return r.finish()
}

func withLimit(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := wholeLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-answerTime)
	}
	return context.WithTimeout(ctx, limit)
}

func (d *Doctor) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}
