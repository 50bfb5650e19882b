// Package diagnosis says why a captured webhook does not verify.
//
//	finding, err := diagnosis.Explain(ctx, diagnosis.Case{Request: r, Key: key, Scheme: scheme, Label: "zendesk"})
//
// It undoes the damages that are common between a sender and its receiver, one at a time, and asks the function's own
// verifier after each: a key read in another form, a body serialized again, a time in another unit, a URL seen from
// behind a gateway. A signature does not match by chance, so the first change that makes it match is the cause.
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

// A Case is one captured request and what its receiver knows about it.
type Case struct {
	Request webhook.Request
	Stage   string         // of the API Gateway that it came through; empty when unknown
	Key     string         // as written
	Scheme  webhook.Scheme // zero when unknown: every preset is tried
	Label   string         // the name of Scheme
	Arrived time.Time      // zero when unknown: the age of the request is not judged then
}

// A Finding is the first explanation that fits.
type Finding struct {
	Verifies bool
	Scheme   string    // under which the signature matches; empty when there is none
	Signed   time.Time // as the request says; zero when it does not
	Cause    string    // one word such as json-rewritten, two joined by + when it took two changes; empty when Verifies
	What     string    // what happened
	Remedy   string    // how to fix it
}

// Explain tries the likeliest explanations first. The error is the context's.
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

// A candidate is a scheme and its name.
type candidate struct {
	label  string
	scheme webhook.Scheme
}

// candidates returns the schemes that the request may be meant for, and every preset.
func (c Case) candidates() (meant, presets []candidate) {
	for _, name := range webhook.PresetNames() {
		preset, _ := webhook.Preset(name)
		presets = append(presets, candidate{name, preset})
	}
	if c.Scheme.Kind != "" {
		return []candidate{{c.Label, c.Scheme}}, presets
	}
	if meant = c.carriedOf(presets); len(meant) == 0 {
		meant = presets
	}
	return meant, presets
}

// carriedOf returns the schemes whose signature header the request has.
func (c Case) carriedOf(schemes []candidate) []candidate {
	return slices.DeleteFunc(slices.Clone(schemes), func(p candidate) bool {
		return !slices.ContainsFunc(p.scheme.Header, func(header string) bool { return len(c.Request.Header[strings.ToLower(header)]) > 0 })
	})
}

// headerNames returns the names of the request's headers, sorted.
func headerNames(r webhook.Request) []string { return slices.Sorted(maps.Keys(r.Header)) }
