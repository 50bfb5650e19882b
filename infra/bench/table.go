//go:build unix

package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// A row is one figure: of ours, of the floor that it stands on, and what ours takes beyond that.
type row struct {
	what   string
	unit   string
	digits int // after the point
	ours   sample
	floor  sample
	over   sample // value by value of the two: their difference, or their ratio
	limit  limit
}

// A limit is a budget, of the figure itself or of what it takes over the floor. The zero limit is none.
type limit struct {
	most   float64
	ofOver bool
	strict bool // bytes and counts have no spread
}

func (r row) under(l limit) row {
	r.limit = l
	return r
}

// exceeded tells whether a budget is exceeded by more than the spread: even by the lower quartile. A budget of what was
// not measured is exceeded.
func (r row) exceeded() bool {
	held := r.ours
	if r.limit.ofOver {
		held = r.over
	}
	part := 0.25
	if r.limit.strict {
		part = 1
	}
	kept := held.at(part) <= r.limit.most // never for NaN
	return r.limit != limit{} && !kept
}

func (r row) show(s sample) string {
	switch {
	case len(s) == 0:
		return ""
	case s.at(0) == s.at(1):
		return fmt.Sprintf("%.*f", r.digits, s[0])
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", r.digits, s.median(), r.digits, s.at(0.25), r.digits, s.at(0.75))
}

func (r row) budget() string {
	switch {
	case r.limit == limit{}:
		return ""
	case r.limit.ofOver && r.unit == ratioUnit:
		return fmt.Sprintf("≤ %g×", r.limit.most)
	case r.limit.ofOver:
		return fmt.Sprintf("≤ floor + %g", r.limit.most)
	}
	return fmt.Sprintf("≤ %g", r.limit.most)
}

func (r row) verdict() string {
	switch {
	case r.limit == limit{}:
		return ""
	case r.exceeded():
		return "**exceeded**"
	}
	return "kept"
}

// A table is what a run found, in Markdown: medians, with the quartiles in brackets.
type table []row

func (t table) String() string {
	cells := [][]string{{"figure", "unit", "ours", "floor", "ours over the floor", "budget", ""}}
	for _, r := range t {
		cells = append(cells, []string{r.what, r.unit, r.show(r.ours), r.show(r.floor), r.show(r.over), r.budget(), r.verdict()})
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for n, line := range cells {
		for i, cell := range line {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
		for i := range line {
			if n == 0 {
				fmt.Fprintf(&b, "|%s", strings.Repeat("-", widths[i]+2))
			}
		}
		if n == 0 {
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// check returns every exceeded budget.
func (t table) check() error {
	var faults []error
	for _, r := range t {
		if r.exceeded() {
			faults = append(faults, fmt.Errorf("%s: %s %s; floor %s, over it %s; the budget is %s", r.what,
				r.show(r.ours), r.unit, cmp.Or(r.show(r.floor), "none"), cmp.Or(r.show(r.over), "none"), r.budget()))
		}
	}
	return errors.Join(faults...)
}
