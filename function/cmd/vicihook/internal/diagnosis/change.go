package diagnosis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vicihook/function/internal/webhook"
)

// noChange lists the case as it is.
func noChange(Case) []change { return []change{{undo: func(*Case) bool { return true }}} }

// oneChange lists the changes of every kind.
func oneChange(bodies generator) generator {
	return func(c Case) []change {
		return slices.Concat(keyChanges(c), bodies(c), urlChanges(c), signatureChanges(c), schemeChanges(c))
	}
}

// otherSchemes lists the schemes of other cases.
func otherSchemes(others []Case) generator {
	return func(start Case) (changes []change) {
		for _, other := range others {
			changes = append(changes, change{"other-scheme",
				fmt.Sprintf("the request is signed as %s signs, not as %s does", other.Label, start.Label),
				fmt.Sprintf(`set "scheme": %q for this source in sources.json`, other.Label),
				func(c *Case) bool { c.Scheme, c.Label = other.Scheme, other.Label; return true }})
		}
		return changes
	}
}

// pairs lists each change of the first generator followed by each change that the second lists then.
func pairs(first, second generator) generator {
	return func(start Case) (changes []change) {
		for _, one := range first(start) {
			c := start
			if !one.undo(&c) {
				continue
			}
			for _, two := range second(c) {
				changes = append(changes, change{one.cause + "+" + two.cause, one.what + "; besides, " + two.what,
					one.remedy + "; " + two.remedy,
					func(c *Case) bool { return one.undo(c) && two.undo(c) }})
			}
		}
		return changes
	}
}

// A damage changes a text: a body, a key, a URL, a signature. before returns what the text may have been.
type damage struct {
	cause, what, remedy string
	before              func(text string) []string
}

// changesOf lists the changes that set a text to what it was before one of the damages, each text once. set reports
// whether it changed anything.
func changesOf(damages []damage, text string, set func(*Case, string) bool) (changes []change) {
	listed := map[string]bool{}
	for _, d := range damages {
		for _, before := range d.before(text) {
			if !listed[before] {
				listed[before] = true
				changes = append(changes, change{d.cause, d.what, d.remedy, func(c *Case) bool { return set(c, before) }})
			}
		}
	}
	return changes
}

// verifies asks the function's own verifier, at the time that the request itself names. Nobody signs at an unlikely time.
func (c Case) verifies() bool {
	at := c.signedAt()
	return (at.IsZero() || likely(at)) && c.verify() == nil
}

func (c Case) verify() error {
	verifier, err := webhook.NewVerifier(c.Scheme)
	if err != nil {
		return err
	}
	key, err := c.Scheme.ParseKey(c.Key)
	if err != nil {
		return err
	}
	_, err = verifier.Verify(c.Request, []webhook.Key{key}, c.signedAt())
	return err
}

// value returns the first of these headers that came once, and its name in lower case.
func (c Case) value(names ...string) (name, value string) {
	for _, name := range names {
		if values := c.Request.Header[strings.ToLower(name)]; len(values) == 1 {
			return strings.ToLower(name), values[0]
		}
	}
	return "", ""
}

// hasSignature reports whether the request has a signature header of the scheme.
func (c Case) hasSignature() bool {
	return slices.ContainsFunc(c.Scheme.Header, func(name string) bool { return c.Request.Header[strings.ToLower(name)] != nil })
}

// headerNames returns the names of the request's headers, sorted.
func (c Case) headerNames() []string { return slices.Sorted(maps.Keys(c.Request.Header)) }
