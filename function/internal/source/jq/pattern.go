package jq

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

const (
	maxLoopText = 4 << 10 // bytes, for scan, gsub, splits and match with g: gojq can't be stopped within one of them
	maxPattern  = 500     // instructions of a compiled regular expression
)

// matchers are jq's functions of regular expressions, with the number of arguments before the flags.
var matchers = map[string]int{
	"test": 1, "match": 1, "capture": 1, "sub": 2,
	"scan": 1, "gsub": 2, "splits": 1, "split": 1,
}

var loops = []string{"scan", "gsub", "splits", "split"}

// A pattern is the regular expression of one call of a matcher.
type pattern struct {
	instructions int
	groups       int
	loops        bool // is matched repeatedly
}

// cost returns the cost per byte of text: each instruction may run on it, and each group beyond two is copied.
func (p pattern) cost() int {
	return p.instructions * (5 + max(0, p.groups-2)) / 4
}

// patternOf returns the pattern that a function is called with, or nil for a function without one.
func patternOf(f *gojq.Func) (*pattern, error) {
	before, found := matchers[f.Name]
	if !found || f.Name == "split" && len(f.Args) < 2 || len(f.Args) < before {
		return nil, nil
	}
	expression, ok := literal(f.Args[0])
	if !ok {
		return nil, errors.New(`the regular expression must be a text literal, such as test("re"; "i")`)
	}
	flags := ""
	if len(f.Args) > before {
		if flags, ok = literal(f.Args[before]); !ok && f.Args[before].String() != "null" {
			return nil, errors.New("the flags must be a text literal")
		}
	}
	if strings.Contains(flags, "i") {
		expression = "(?i)" + expression
	}
	p, err := parsePattern(expression)
	if err != nil {
		return nil, err
	}
	p.loops = strings.Contains(flags, "g") || slices.Contains(loops, f.Name)
	return p, nil
}

// CheckPattern rejects an invalid regular expression (RE2 syntax), and one that is too large: Go's time to match is
// proportional to instructions times bytes.
func CheckPattern(expression string) error {
	_, err := parsePattern(expression)
	return err
}

func parsePattern(expression string) (*pattern, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, notAPattern(err)
	}
	groups := parsed.MaxCap()
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, notAPattern(err)
	}
	if len(program.Inst) > maxPattern {
		return nil, fmt.Errorf("the regular expression compiles to %d instructions, more than %d: shorten its repetitions", len(program.Inst), maxPattern)
	}
	return &pattern{instructions: len(program.Inst), groups: groups}, nil
}

func notAPattern(err error) error {
	if fault, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Errorf("no regular expression: %s: %q", fault.Code, fault.Expr)
	}
	return fmt.Errorf("no regular expression: %w", err)
}

func literal(q *gojq.Query) (string, bool) {
	if q.Term == nil || q.Term.Type != gojq.TermTypeString || q.Term.Str.Queries != nil || len(q.Term.SuffixList) > 0 {
		return "", false
	}
	return q.Term.Str.Str, true
}
