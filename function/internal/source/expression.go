package source

import (
	"context"
	"errors"
	"fmt"

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

// An expression is one jq text of sources.json, checked and compiled. It is safe for concurrent use.
type expression struct {
	code *gojq.Code
	many bool // may yield more than one value
}

// A compilation is what a text came to.
type compilation struct {
	expression *expression
	faults     []string
}

// compile compiles each text once.
func (r *reader) compile(text string) (*expression, []string) {
	c, known := r.compiled[text]
	if !known {
		c.expression, c.faults = compile(text)
		r.compiled[text] = c
	}
	return c.expression, c.faults
}

// compile checks a text against the subset of jq (see subset.go) and gives every fault at once, with an expression
// that stands for nothing.
func compile(text string) (*expression, []string) {
	if len(text) > maxExpression {
		return &expression{}, []string{fmt.Sprintf("is longer than %d bytes", maxExpression)}
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return &expression{}, []string{parseFault(err)}
	}
	check := checker{}
	many := check.query(query)
	if len(check.faults) > 0 {
		return &expression{}, check.faults
	}
	code, err := gojq.Compile(query, guards...)
	if err != nil {
		return &expression{}, []string{"no jq: " + err.Error()}
	}
	return &expression{code: code, many: many}, nil
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
	var values []any
	results := e.code.RunWithContext(ctx, input)
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
