// Package diagnosis finds out why a captured webhook does not verify, and how to fix it.
//
//	finding, err := diagnosis.Explain(ctx, diagnosis.Case{Request: r, Key: key, Scheme: scheme, Label: "zendesk"})
//
// It knows what commonly goes wrong between a sender and its receiver: a body serialized again, a key decoded on one side
// only, seconds for milliseconds, a URL seen from behind a gateway. Explain undoes one such change at a time and asks the
// function's own verifier again. A signature does not match by chance, so the first change that makes it match is the
// cause. The changes come from generators, one for each part of a case: see [Explain] for their order.
//
// A finding contains no key, no signature and no part of the body.
package diagnosis

import (
	"context"
	"fmt"
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

// A change is something that may have happened to a case. undo takes it back, and reports whether it can.
type change struct {
	cause, what, remedy string
	undo                func(*Case) bool
}

// A generator lists the changes worth trying on a case.
type generator func(Case) []change

// Explain tries the likeliest explanations first. The error is the context's.
func Explain(ctx context.Context, c Case) (Finding, error) {
	cases, others := c.withSchemes()
	bodies, other := bodyChanges(c.Request.Body), otherSchemes(others)
	one := oneChange(bodies)
	for _, generate := range []generator{noChange, one, other, pairs(keyChanges, bodies), pairs(other, one)} {
		for _, start := range cases {
			for _, change := range generate(start) {
				if err := ctx.Err(); err != nil {
					return Finding{}, fmt.Errorf("diagnosis: %w", err)
				}
				if signed := start; change.undo(&signed) && signed.verifies() {
					return finding(change, signed, cases), nil
				}
			}
		}
	}
	return unexplained(cases[0], c.Scheme.Kind != ""), nil
}

// withSchemes returns the case with each scheme that it may be meant for, and with each preset whose signature header it has.
func (c Case) withSchemes() (meant, others []Case) {
	var presets []Case
	for _, name := range webhook.PresetNames() {
		preset := c
		preset.Scheme, _ = webhook.Preset(name)
		preset.Label = name
		presets = append(presets, preset)
		if preset.hasSignature() {
			others = append(others, preset)
		}
	}
	switch {
	case c.Scheme.Kind != "":
		return []Case{c}, others
	case others == nil:
		return presets, nil
	}
	return others, nil
}

// finding describes a match. A request that matches without a change may still be too old, or its key too weak.
func finding(undone change, c Case, cases []Case) Finding {
	f := Finding{Scheme: c.Label, Signed: c.signedAt(), Cause: undone.cause, What: undone.what, Remedy: undone.remedy}
	if f.Cause != "" {
		return f
	}
	var same []string
	for _, other := range cases {
		if other.Label != c.Label && other.verifies() {
			same = append(same, other.Label)
		}
	}
	if same != nil {
		f.Scheme += " (the same here: " + strings.Join(same, ", ") + ")"
	}
	f.Cause, f.What, f.Remedy = c.refusal(f.Signed)
	f.Verifies = f.Cause == ""
	return f
}

// refusal returns why the function refuses a request whose signature matches: its age, or a key that strangers could have.
func (c Case) refusal(signed time.Time) (cause, what, remedy string) {
	age, tolerance := c.Arrived.Sub(signed), time.Duration(c.Scheme.Tolerance)*time.Second
	timed := !signed.IsZero() && !c.Arrived.IsZero()
	key, _ := c.Scheme.ParseKey(c.Key) // it was read before
	weak := key.CheckStrength()
	switch {
	case timed && age > tolerance:
		return "too-old",
			fmt.Sprintf("the signature matches, but it was made %s before the request arrived; at most %s may pass",
				age.Round(time.Second), tolerance),
			"sign each delivery when it is sent, redeliveries too; if the sender does, set its clock"
	case timed && age < -tolerance:
		return "too-new",
			fmt.Sprintf("the signature matches, but its time is %s after the request arrived", (-age).Round(time.Second)),
			"set the sender's clock, and let it write the time as UTC"
	case weak != nil:
		return "refused-key", "the signature matches, but the function refuses this key: " + reason(weak),
			"give both sides a random key of 32 bytes: openssl rand -base64 32"
	}
	return "", "", ""
}

// reason returns an error of package webhook without the package's name.
func reason(err error) string { return strings.TrimPrefix(err.Error(), "webhook: ") }
