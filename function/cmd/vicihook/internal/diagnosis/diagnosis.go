// Package diagnosis says why a captured webhook does not verify.
//
// It undoes the damages that are common between a sender and its receiver, one at a time and then two at a time, and
// asks the function's own verifier after each: a key read in another form, a body written anew, a time in another
// unit, a URL seen from behind a gateway. A signature can't hold by chance, so the first that makes it hold is the cause.
//
// No result holds a key, a signature or a part of the body.
package diagnosis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// A Case is one captured request and what its receiver believes about it.
type Case struct {
	Request webhook.Request
	Stage   string         // of the API Gateway that it came through; empty when unknown
	Key     string         // as written
	Scheme  webhook.Scheme // zero when unknown: every preset is tried
	Label   string         // what people call Scheme
	Arrived time.Time      // zero when unknown, and then age is no fault
}

// A Finding is the first explanation that holds.
type Finding struct {
	Verifies bool
	Scheme   string    // that the signature holds under; empty when it holds under none
	Signed   time.Time // what the request says; zero when it says nothing
	Cause    string    // one word such as json-rewritten; two with a + between them when it took two; empty when Verifies
	What     string    // what happened
	Mend     string    // what to do about it
}

// Explain tries what it knows, the likeliest first. The error is the context's.
func Explain(ctx context.Context, c Case) (Finding, error) {
	search := newSearch(ctx, c)
	for _, stage := range []func() (Finding, bool){
		search.asItIs,
		search.withOneChange,
		search.asAnotherScheme,
		search.withTwoChanges,
		search.asAnotherSchemeWithOneChange,
	} {
		finding, found := stage()
		if err := ctx.Err(); err != nil {
			return Finding{}, fmt.Errorf("diagnosis: %w", err)
		}
		if found {
			return finding, nil
		}
	}
	return search.unexplained(), nil
}

// A candidate is a scheme by name.
type candidate struct {
	label  string
	scheme webhook.Scheme
}

// candidates are the schemes that the request may be meant for, and all others.
func (c Case) candidates() (meant, others []candidate) {
	for _, name := range webhook.PresetNames() {
		preset, _ := webhook.Preset(name)
		others = append(others, candidate{name, preset})
	}
	if c.Scheme.Kind != "" {
		return []candidate{{c.Label, c.Scheme}}, others
	}
	meant = slices.DeleteFunc(slices.Clone(others), func(p candidate) bool {
		return !slices.ContainsFunc(p.scheme.Header, c.carries)
	})
	if len(meant) == 0 {
		meant = others
	}
	return meant, others
}

func (c Case) carries(header string) bool { return len(c.Request.Header[strings.ToLower(header)]) > 0 }

// headerNames are those of the request, sorted.
func (c Case) headerNames() []string { return slices.Sorted(maps.Keys(c.Request.Header)) }
