package diagnosis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// An attempt is a reading of the case that may hold.
type attempt struct {
	request webhook.Request
	key     string
	scheme  webhook.Scheme
}

// A change undoes one damage. It reports whether there was something to undo.
type change struct {
	cause, what, mend string
	undo              func(*attempt) bool
}

// A dimension is a set of changes that exclude each other.
type dimension []change

type search struct {
	ctx    context.Context
	c      Case
	meant  []candidate
	others []candidate
	bodies dimension // made once: they do not depend on the scheme
}

func newSearch(ctx context.Context, c Case) *search {
	s := &search{ctx: ctx, c: c, bodies: bodyChanges(c.Request.Body)}
	s.meant, s.others = c.candidates()
	return s
}

func (s *search) start(c candidate) attempt {
	return attempt{request: s.c.Request, key: s.c.Key, scheme: c.scheme}
}

// dimensions are the changes to try under one scheme, the likeliest first.
func (s *search) dimensions(c candidate) []dimension {
	start := s.start(c)
	return []dimension{
		timeChanges(start), keyChanges(start), s.bodies, urlChanges(start, s.c.Stage), headerChanges(start), schemeChanges(start),
	}
}

func (s *search) asItIs() (Finding, bool) { return s.unchanged(s.meant) }

func (s *search) asAnotherScheme() (Finding, bool) {
	finding, found := s.unchanged(s.others)
	if found && finding.Cause == "" {
		finding.Verifies = false
		finding.Cause = "other-scheme"
		finding.What = fmt.Sprintf("the request is signed as %s signs, not as %s does", finding.Scheme, s.meant[0].label)
		finding.Mend = fmt.Sprintf(`set "scheme": %q for this source in sources.json`, finding.Scheme)
	}
	return finding, found
}

// unchanged names the first scheme under which the request holds, and at which time.
func (s *search) unchanged(schemes []candidate) (Finding, bool) {
	for _, c := range schemes {
		a := s.start(c)
		if !a.holds() {
			continue
		}
		finding := Finding{Verifies: true, Scheme: s.sameAs(c), Signed: a.signedAt()}
		finding.judgeAge(s.c.Arrived, a.scheme)
		finding.judgeKey(a)
		return finding, true
	}
	return Finding{}, false
}

// sameAs adds the names of presets that are the same scheme, when none was asked for.
func (s *search) sameAs(c candidate) string {
	if len(s.meant) == 1 {
		return c.label
	}
	var same []string
	for _, other := range s.meant {
		if other.label != c.label && (attempt{s.c.Request, s.c.Key, other.scheme}).holds() {
			same = append(same, other.label)
		}
	}
	if same == nil {
		return c.label
	}
	return c.label + " (the same here: " + strings.Join(same, ", ") + ")"
}

func (s *search) withOneChange() (Finding, bool) { return s.changedOnce(s.meant) }

func (s *search) asAnotherSchemeWithOneChange() (Finding, bool) {
	present := slices.DeleteFunc(slices.Clone(s.others), func(c candidate) bool {
		return !slices.ContainsFunc(c.scheme.Header, s.c.carries)
	})
	finding, found := s.changedOnce(present)
	if found {
		finding.Cause = "other-scheme+" + finding.Cause
		finding.What = fmt.Sprintf("the request is signed as %s signs, not as %s does; besides, %s", finding.Scheme, s.meant[0].label, finding.What)
		finding.Mend = fmt.Sprintf(`set "scheme": %q for this source in sources.json; %s`, finding.Scheme, finding.Mend)
	}
	return finding, found
}

func (s *search) changedOnce(schemes []candidate) (Finding, bool) {
	for _, c := range schemes {
		for _, dimension := range s.dimensions(c) {
			for _, first := range dimension {
				if finding, found := s.try(c, first); found || s.ctx.Err() != nil {
					return finding, found
				}
			}
		}
	}
	return Finding{}, false
}

// mostPaired bounds the schemes that are tried with two changes, thousands of readings each: the largest family of
// presets that share a header has fewer.
const mostPaired = 8

func (s *search) withTwoChanges() (Finding, bool) {
	if len(s.meant) > mostPaired {
		return Finding{}, false
	}
	for _, c := range s.meant {
		dimensions := s.dimensions(c)
		for i, dimension := range dimensions {
			if finding, found := s.tryPairs(c, dimension, slices.Concat(dimensions[i+1:]...)); found {
				return finding, true
			}
		}
	}
	return Finding{}, false
}

func (s *search) tryPairs(c candidate, some, others dimension) (Finding, bool) {
	for _, first := range some {
		for _, second := range others {
			if finding, found := s.try(c, first, second); found || s.ctx.Err() != nil {
				return finding, found
			}
		}
	}
	return Finding{}, false
}

func (s *search) try(c candidate, changes ...change) (Finding, bool) {
	a := s.start(c)
	for _, change := range changes {
		if !change.undo(&a) {
			return Finding{}, false
		}
	}
	if !a.holds() {
		return Finding{}, false
	}
	finding := Finding{Scheme: c.label, Signed: a.signedAt()}
	for i, change := range changes {
		separator := [3]string{}
		if i > 0 {
			separator = [3]string{"+", "; besides, ", "; "}
		}
		finding.Cause += separator[0] + change.cause
		finding.What += separator[1] + change.what
		finding.Mend += separator[2] + change.mend
	}
	return finding, true
}

// holds asks the function's own verifier, at the time that the request itself names if anybody can mean that.
func (a attempt) holds() bool { return a.plausible() && a.matches() }

func (a attempt) matches() bool {
	verifier, err := webhook.NewVerifier(a.scheme)
	if err != nil {
		return false
	}
	key, err := a.scheme.ParseKey(a.key)
	if err != nil {
		return false
	}
	_, err = verifier.Verify(a.request, []webhook.Key{key}, a.signedAt())
	return err == nil
}

// set replaces a header without touching the case's own.
func (a *attempt) set(name, value string) bool {
	header := make(webhook.Header, len(a.request.Header)+1)
	for n, values := range a.request.Header {
		header[n] = values
	}
	header[strings.ToLower(name)] = []string{value}
	a.request.Header = header
	return true
}

// value is that of a header that came once.
func (a attempt) value(names []string) (name, value string) {
	for _, name := range names {
		if values := a.request.Header[strings.ToLower(name)]; len(values) == 1 {
			return strings.ToLower(name), values[0]
		}
	}
	return "", ""
}

// judgeAge turns a request that verifies at its own time into one that came too late or too early.
func (f *Finding) judgeAge(arrived time.Time, scheme webhook.Scheme) {
	if f.Signed.IsZero() || arrived.IsZero() {
		return
	}
	age, tolerance := arrived.Sub(f.Signed), time.Duration(scheme.Tolerance)*time.Second
	switch {
	case age > tolerance:
		f.Verifies, f.Cause = false, "too-old"
		f.What = fmt.Sprintf("the signature holds, but it was made %s before the request arrived; at most %s may pass", age.Round(time.Second), tolerance)
		f.Mend = "sign each delivery when it is sent, redeliveries too; if it was, set the sender's clock"
	case age < -tolerance:
		f.Verifies, f.Cause = false, "too-new"
		f.What = fmt.Sprintf("the signature holds, but its time lies %s after the request arrived", (-age).Round(time.Second))
		f.Mend = "set the sender's clock, and let it write the time as UTC"
	}
}

// judgeKey adds that the function takes no key that strangers could have.
func (f *Finding) judgeKey(a attempt) {
	key, _ := a.scheme.ParseKey(a.key) // it was read before
	if weak := key.CheckStrength(); weak != nil && f.Verifies {
		f.Verifies, f.Cause = false, "refused-key"
		f.What = fmt.Sprintf("the signature holds, but the function refuses this key: %s", strings.TrimPrefix(weak.Error(), "webhook: "))
		f.Mend = "give both sides a random key of 32 bytes: openssl rand -base64 32"
	}
}
