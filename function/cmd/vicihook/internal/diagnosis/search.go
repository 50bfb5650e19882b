package diagnosis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// An attempt is the case as it may have been when it was signed.
type attempt struct {
	request webhook.Request
	key     string
	scheme  webhook.Scheme
}

// A change undoes one damage. undo reports whether there was something to undo.
type change struct {
	cause, what, remedy string
	undo                func(*attempt) bool
}

type changes []change

func (c *changes) add(cause, what, remedy string, undo func(*attempt) bool) {
	*c = append(*c, change{cause, what, remedy, undo})
}

type search struct {
	ctx     context.Context
	c       Case
	meant   []candidate
	presets []candidate
	bodies  changes // the same under every scheme
}

func newSearch(ctx context.Context, c Case) *search {
	s := &search{ctx: ctx, c: c, bodies: bodyChanges(c.Request.Body)}
	s.meant, s.presets = c.candidates()
	return s
}

func (s *search) start(c candidate) attempt {
	return attempt{request: s.c.Request, key: s.c.Key, scheme: c.scheme}
}

func (s *search) asItIs() (Finding, bool) { return s.unchanged(s.meant) }

func (s *search) withOneChange() (Finding, bool) { return s.changedOnce(s.meant) }

func (s *search) asAnotherScheme() (Finding, bool) {
	finding, found := s.unchanged(s.presets)
	if found && finding.Cause == "" {
		finding.Verifies = false
		s.nameScheme(&finding)
	}
	return finding, found
}

func (s *search) asAnotherSchemeWithOneChange() (Finding, bool) {
	finding, found := s.changedOnce(s.c.carriedOf(s.presets))
	if found {
		s.nameScheme(&finding)
	}
	return finding, found
}

// nameScheme puts the other scheme before what else was found.
func (s *search) nameScheme(f *Finding) {
	before := change{
		cause:  "other-scheme",
		what:   fmt.Sprintf("the request is signed as %s signs, not as %s does", f.Scheme, s.meant[0].label),
		remedy: fmt.Sprintf(`set "scheme": %q for this source in sources.json`, f.Scheme),
	}
	after := change{cause: f.Cause, what: f.What, remedy: f.Remedy}
	f.Cause, f.What, f.Remedy = "", "", ""
	f.append(before)
	if after.cause != "" {
		f.append(after)
	}
}

func (f *Finding) append(c change) {
	if f.Cause == "" {
		f.Cause, f.What, f.Remedy = c.cause, c.what, c.remedy
		return
	}
	f.Cause += "+" + c.cause
	f.What += "; besides, " + c.what
	f.Remedy += "; " + c.remedy
}

// unchanged returns the first scheme under which the request verifies at its own time.
func (s *search) unchanged(schemes []candidate) (Finding, bool) {
	for _, c := range schemes {
		a := s.start(c)
		if !a.verifies() {
			continue
		}
		finding := Finding{Verifies: true, Scheme: s.sameAs(c), Signed: a.signedAt()}
		finding.judgeAge(s.c.Arrived, a.scheme)
		finding.judgeKey(a)
		return finding, true
	}
	return Finding{}, false
}

// sameAs adds the names of the other presets that fit, when no scheme was asked for.
func (s *search) sameAs(c candidate) string {
	var same []string
	for _, other := range s.meant {
		if other.label != c.label && s.start(other).verifies() {
			same = append(same, other.label)
		}
	}
	if len(s.meant) == 1 || same == nil {
		return c.label
	}
	return c.label + " (the same here: " + strings.Join(same, ", ") + ")"
}

func (s *search) changedOnce(schemes []candidate) (Finding, bool) {
	for _, c := range schemes {
		start := s.start(c)
		for _, one := range slices.Concat(timeChanges(start), keyChanges(start), s.bodies, urlChanges(start, s.c.Stage), signatureChanges(start), schemeChanges(start)) {
			if finding, found := s.try(c, one); found || s.ctx.Err() != nil {
				return finding, found
			}
		}
	}
	return Finding{}, false
}

// mostPaired bounds the schemes that are tried with two changes: the largest family of presets with one header has fewer.
const mostPaired = 8

// withTwoChanges tries each reading of time and key with each reading of the body: the pairs that occur.
func (s *search) withTwoChanges() (Finding, bool) {
	if len(s.meant) > mostPaired {
		return Finding{}, false
	}
	for _, c := range s.meant {
		start := s.start(c)
		for _, first := range slices.Concat(timeChanges(start), keyChanges(start)) {
			for _, second := range s.bodies {
				if finding, found := s.try(c, first, second); found || s.ctx.Err() != nil {
					return finding, found
				}
			}
		}
	}
	return Finding{}, false
}

func (s *search) try(c candidate, all ...change) (Finding, bool) {
	a := s.start(c)
	for _, one := range all {
		if !one.undo(&a) {
			return Finding{}, false
		}
	}
	if !a.verifies() {
		return Finding{}, false
	}
	finding := Finding{Scheme: c.label, Signed: a.signedAt()}
	for _, one := range all {
		finding.append(one)
	}
	return finding, true
}

// verifies asks the function's own verifier, at the time that the request itself names if that is a likely one.
func (a attempt) verifies() bool { return a.plausible() && a.matches() }

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

// set replaces a header on a copy.
func (a *attempt) set(name, value string) bool {
	header := make(webhook.Header, len(a.request.Header)+1)
	for n, values := range a.request.Header {
		header[n] = values
	}
	header[strings.ToLower(name)] = []string{value}
	a.request.Header = header
	return true
}

// value returns the first of these headers that came once.
func (a attempt) value(names []string) (name, value string) {
	for _, name := range names {
		if values := a.request.Header[strings.ToLower(name)]; len(values) == 1 {
			return strings.ToLower(name), values[0]
		}
	}
	return "", ""
}

// judgeAge finds a request that verifies at its own time, and came too late or too early.
func (f *Finding) judgeAge(arrived time.Time, scheme webhook.Scheme) {
	if f.Signed.IsZero() || arrived.IsZero() {
		return
	}
	age, tolerance := arrived.Sub(f.Signed), time.Duration(scheme.Tolerance)*time.Second
	switch {
	case age > tolerance:
		f.Verifies, f.Cause = false, "too-old"
		f.What = fmt.Sprintf("the signature matches, but it was made %s before the request arrived; at most %s may pass", age.Round(time.Second), tolerance)
		f.Remedy = "sign each delivery when it is sent, redeliveries too; if it was, set the sender's clock"
	case age < -tolerance:
		f.Verifies, f.Cause = false, "too-new"
		f.What = fmt.Sprintf("the signature matches, but its time lies %s after the request arrived", (-age).Round(time.Second))
		f.Remedy = "set the sender's clock, and let it write the time as UTC"
	}
}

// judgeKey finds a key that the function refuses, because strangers could have it.
func (f *Finding) judgeKey(a attempt) {
	key, _ := a.scheme.ParseKey(a.key) // it was read before
	if weak := key.CheckStrength(); weak != nil && f.Verifies {
		f.Verifies, f.Cause = false, "refused-key"
		f.What = fmt.Sprintf("the signature matches, but the function refuses this key: %s", strings.TrimPrefix(weak.Error(), "webhook: "))
		f.Remedy = "give both sides a random key of 32 bytes: openssl rand -base64 32"
	}
}
