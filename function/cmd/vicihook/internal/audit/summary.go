package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Summary returns sentences about the rows: who ended the call of the query, or without one how many calls each source
// ended with which disposition, and the number of each other outcome.
func Summary(q Query, rows []Row) []string {
	if q.CallID != "" {
		return []string{endedBy(q.CallID, rows)}
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.sentence()]++
	}
	sentences := slices.Collect(maps.Keys(counts))
	slices.SortFunc(sentences, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	for i, s := range sentences {
		sentences[i] = fmt.Sprintf("%d %s", counts[s], s)
	}
	return sentences
}

// sentence returns the sentence that a row is counted under.
func (r Row) sentence() string {
	if r.Ended() {
		return fmt.Sprintf("%s by %s as %s", r.Outcome, r.Source, cmp.Or(r.Disposition, "VICIdial's default"))
	}
	return fmt.Sprintf("%s of %s", r.Outcome, r.Source)
}

func endedBy(call string, rows []Row) string {
	if i := slices.IndexFunc(rows, Row.Ended); i >= 0 {
		return rows[i].ended(call + " was ended by ")
	}
	if i := slices.IndexFunc(rows, Row.MayHaveEnded); i >= 0 {
		return rows[i].ended(call+" may have been ended by ") + ": the result of the hang-up is not known"
	}
	return "this log shows nobody ending " + call + ": it ended by itself, somebody else ended it, or it is still up"
}

func (r Row) ended(text string) string {
	text += r.Source
	if r.Ref != "" {
		text += ", ticket " + r.Ref
	}
	if r.Actor != "" {
		text += ", asked by " + r.Actor
	}
	return text + ", at " + r.Time.UTC().Format(time.RFC3339)
}
