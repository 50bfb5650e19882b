// Package doctor examines, inside the function, everything that a webhook would need, and says how to fix what it finds.
//
//	report := (&doctor.Doctor{Settings: settings, Keys: keys, Account: account, VICIdial: client}).Examine(ctx)
//	for _, f := range report.Findings {
//		fmt.Println(f.What, f.Remedy)
//	}
//
// A [Doctor] examines the configuration, both secrets, each source's keys, each web server of VICIdial (name, connection,
// certificate, version, clock), the API account and the time limits. Each [Finding] says in one line what is wrong and
// how to fix it; the first one is what to fix first.
//
// It changes nothing: it asks VICIdial for its version, without a password, and once sends CHECK for an agent and a call
// that can't exist (see [vicicall.Client.Probe]). A refused account latches as it does for a webhook, and a latched
// account is not tried. A report contains nothing of a key or a password.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"vicihook/function/internal/config"
	"vicihook/function/internal/secret"
	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

const (
	examineLimit = 9 * time.Second        // for one examination
	answerTime   = 500 * time.Millisecond // kept from the caller's deadline for the answer
	hangupShare  = 60                     // percent of a budget that one HANGUP may take
)

// A Doctor examines what a webhook would use. Unless Broken is set, the fields up to VICIdial are required.
type Doctor struct {
	Broken   error // a configuration that can't serve: nothing else is examined
	Settings config.Config
	Keys     *secret.Store[source.Keyring]
	Account  *secret.Store[vicicall.Credentials]
	VICIdial *vicicall.Client

	Region  string // where the function looks for its secrets; empty = not known
	Version string // the function's own

	Now func() time.Time // nil = time.Now
}

// Examine makes a report. It takes at most 9 s, and ends before ctx does.
func (d *Doctor) Examine(ctx context.Context) Report {
	r := Report{Version: d.Version, At: d.now().UTC(), Findings: []Finding{}}
	if d.Broken != nil {
		r.addLines("configuration", d.Broken, config.ErrInvalid.Error()+": ")
		return r.finish()
	}
	limit := examineLimit
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		r.Deadlines.FunctionMS, limit = left.Milliseconds(), min(limit, left-answerTime)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	keys := d.examineKeys(ctx, &r)
	d.examineVICIdial(ctx, keys, &r)
	d.examineDeadlines(&r)
	if d.Settings.DryRun {
		r.add("dry_run")
	}
	return r.finish()
}

func (d *Doctor) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// examineDeadlines checks that each source's budget fits into the function's time, and VICIdial's answer into the budget.
func (d *Doctor) examineDeadlines(r *Report) {
	budget := func(name string) int64 {
		src, _ := d.Settings.Sources.Lookup(name)
		return cmp.Or(src.Budget, d.Settings.Budget).Milliseconds()
	}
	names := d.Settings.Sources.Names()
	if len(names) == 0 {
		return
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(budget(a), budget(b)) })
	shortest, longest := names[0], names[len(names)-1]
	t := &r.Deadlines
	t.BudgetMS, t.ShortestMS, t.LongestMS = d.Settings.Budget.Milliseconds(), budget(shortest), budget(longest)
	if r.Account != nil {
		t.VICIdialMS = r.Account.ElapsedMS
	}
	switch {
	case t.FunctionMS > 0 && t.LongestMS+answerTime.Milliseconds() > t.FunctionMS:
		r.add("budget_too_long", "{source}", longest, "{budget}", fmt.Sprint(t.LongestMS), "{limit}", fmt.Sprint(t.FunctionMS))
	case t.VICIdialMS*100 > t.ShortestMS*hangupShare:
		r.add("vicidial_too_slow", "{source}", shortest, "{budget}", fmt.Sprint(t.ShortestMS),
			"{took}", fmt.Sprint(t.VICIdialMS), "{share}", fmt.Sprint(hangupShare))
	}
}
