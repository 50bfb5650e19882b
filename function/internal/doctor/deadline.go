package doctor

import (
	"context"
	"fmt"
	"time"
)

// hangupShare is the part of a budget that a HANGUP may take, in percent.
const hangupShare = 60

// Deadlines are nested time limits: the function's own, within it each source's budget, and within
// that VICIdial's answers.
type Deadlines struct {
	FunctionMS int64 `json:"function_ms,omitempty"` // Lambda's timeout, as far as it was left; 0 = not run by Lambda
	BudgetMS   int64 `json:"budget_ms,omitempty"`   // REQUEST_BUDGET
	LongestMS  int64 `json:"longest_ms,omitempty"`  // the longest budget of a source
	ShortestMS int64 `json:"shortest_ms,omitempty"` // the shortest
	VICIdialMS int64 `json:"vicidial_ms,omitempty"` // one answer about the account

	longest, shortest string // the sources that have these
}

// functionLimit returns the time that is left to the function; 0 = no limit.
func functionLimit(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

func (d *Doctor) deadlines(limit time.Duration, trial *Account) Deadlines {
	c := Deadlines{FunctionMS: limit.Milliseconds(), BudgetMS: d.Settings.Budget.Milliseconds()}
	if trial != nil {
		c.VICIdialMS = trial.ElapsedMS
	}
	for _, name := range d.Settings.Sources.Names() {
		src, _ := d.Settings.Sources.Lookup(name)
		budget := d.Settings.Budget.Milliseconds()
		if src.Budget > 0 {
			budget = src.Budget.Milliseconds()
		}
		if c.longest == "" || budget > c.LongestMS {
			c.LongestMS, c.longest = budget, name
		}
		if c.shortest == "" || budget < c.ShortestMS {
			c.ShortestMS, c.shortest = budget, name
		}
	}
	return c
}

func (r *Report) checkDeadlines() {
	c := r.Deadlines
	switch {
	case c.FunctionMS > 0 && c.LongestMS+answerTime.Milliseconds() > c.FunctionMS:
		r.add("budget_too_long", "{source}", c.longest, "{budget}", fmt.Sprint(c.LongestMS), "{limit}", fmt.Sprint(c.FunctionMS))
	case c.VICIdialMS*100 > c.ShortestMS*hangupShare:
		r.add("vicidial_too_slow", "{took}", fmt.Sprint(c.VICIdialMS), "{source}", c.shortest, "{budget}", fmt.Sprint(c.ShortestMS), "{share}", fmt.Sprint(hangupShare))
	}
}
