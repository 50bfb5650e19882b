package source

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// maxPattern bounds a compiled regular expression's instructions. Go matches in time proportional to instructions
// times bytes and can't be interrupted meanwhile; with strings of at most maxString a match ends in milliseconds.
const maxPattern = 200

// checkPattern refuses what is no regular expression (RE2 syntax) or too large a one.
func checkPattern(pattern string) error {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return patternFault(err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return patternFault(err)
	}
	if len(program.Inst) > maxPattern {
		return fmt.Errorf("the regular expression compiles to %d instructions, more than %d: shorten its repetitions", len(program.Inst), maxPattern)
	}
	return nil
}

func patternFault(err error) error {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return fmt.Errorf("no regular expression: %s: %q", fault.Code, fault.Expr)
	}
	return fmt.Errorf("no regular expression: %w", err)
}

// wholeMatch compiles a pattern that must match a whole value, whether or not it is written with ^ and $:
// a forgotten anchor then allows less than was meant, never more.
func wholeMatch(pattern string) (*regexp.Regexp, error) {
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}
