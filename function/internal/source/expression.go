package source

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/itchyny/gojq"
)

const (
	maxExpression = 1024    // bytes of jq
	maxString     = 4 << 10 // bytes that test, capture, sub, split and tonumber take
)

// errUnfit stands in for gojq's own errors, which quote the payload.
var errUnfit = errors.New("the expression can't be applied to this payload")

// A limitError is a limit that a payload broke inside an expression.
type limitError string

func (e limitError) Error() string { return string(e) }

// errNotCompiled would mean that the subset lets pass what gojq does not take; a fuzz target looks for it.
var errNotCompiled = errors.New("the expression can't be compiled")

// An expression is one jq text of sources.json, checked. It is safe for concurrent use.
type expression struct {
	code func() (*gojq.Code, error) // compiles when it is first needed: a start pays for no sender that does not call
	many bool                       // may yield more than one value
}

// A checked text is an expression, or has faults.
type checked struct {
	expression *expression
	faults     []string
}

// checkOnce is check for a text that several fields may share.
func (r *reader) checkOnce(text string) (*expression, []string) {
	c, known := r.checked[text]
	if !known {
		c.expression, c.faults = check(text)
		r.checked[text] = c
	}
	return c.expression, c.faults
}

// check holds a text against the subset of jq (see subset.go) and gives every fault at once, with an expression
// that stands for nothing.
func check(text string) (*expression, []string) {
	if len(text) > maxExpression {
		return &expression{}, []string{fmt.Sprintf("is longer than %d bytes", maxExpression)}
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return &expression{}, []string{parseFault(err)}
	}
	c := checker{}
	many := c.query(query)
	if len(c.faults) > 0 {
		return &expression{}, c.faults
	}
	return &expression{many: many, code: sync.OnceValues(func() (*gojq.Code, error) {
		return gojq.Compile(query, guards...)
	})}, nil
}

func parseFault(err error) string {
	var fault *gojq.ParseError
	if errors.As(err, &fault) {
		return fmt.Sprintf("no jq: fault at byte %d", fault.Offset)
	}
	return "no jq: " + err.Error()
}

// one gives the value that a single-valued expression yields, nil when it yields none.
func (e *expression) one(ctx context.Context, input any) (any, error) {
	values, err := e.take(ctx, input, 1)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	return values[0], nil
}

// take gives the first values that an expression yields, at most limit.
func (e *expression) take(ctx context.Context, input any, limit int) ([]any, error) {
	code, err := e.code()
	if err != nil {
		return nil, errNotCompiled
	}
	var values []any
	results := code.RunWithContext(ctx, input)
	for len(values) < limit {
		value, ok := results.Next()
		if !ok {
			break
		}
		if err, failed := value.(error); failed {
			return nil, failure(ctx, err)
		}
		values = append(values, value)
	}
	return values, nil
}

func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var limit limitError
	if errors.As(err, &limit) {
		return limit
	}
	return errUnfit
}
