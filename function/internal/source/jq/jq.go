// Package jq evaluates the jq of sources.json on payloads that strangers send.
//
// All of jq is there but what can run long on a payload, which [Compile] refuses by name, each with a substitute.
// What remains is bounded by a [Meter] that all expressions of one delivery share: it counts each step that jq takes,
// each value that it touches or makes, and each byte of text, and ends the evaluation when they are too many or when
// the context is done. gojq itself heeds a context between two steps only, so every function and operator is charged
// for its input before it runs.
//
//	call, faults := jq.Compile(`.issue.body | capture("(?<id>[VYJM][0-9]{19})").id`)
//	payload, err := jq.Decode(body)
//	values, err := call.Take(jq.NewMeter(ctx), payload, 1)
//
// jq: https://jqlang.org/manual/v1.7/
package jq

import (
	"errors"
	"fmt"
	"slices"

	"github.com/itchyny/gojq"
)

// maxExpression bounds the text of an expression, in bytes.
const maxExpression = 1024

// ErrUnfit replaces gojq's own errors, which quote the payload.
var ErrUnfit = errors.New("the expression can't be applied to this payload")

// A limitError is a limit that a payload broke inside an expression.
type limitError string

func (e limitError) Error() string { return string(e) }

// An Expression is one jq text, compiled. It is safe for concurrent use.
type Expression struct {
	Text    string     // as it was written
	Several bool       // is written to yield more than one value: .items[]
	Names   []string   // every member that it names
	Paths   [][]string // the members that it reads from its input by plain paths: .event.type is event, type
	code    *gojq.Code
}

// Compile checks and compiles a text. It returns every fault of it.
func Compile(text string) (*Expression, []string) {
	if len(text) > maxExpression {
		return nil, []string{fmt.Sprintf("is longer than %d bytes", maxExpression)}
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, []string{parseFault(err)}
	}
	if query.Term == nil && query.Left == nil {
		return nil, []string{"is empty"}
	}
	nodes := nodesOf(query)
	e := &Expression{Text: text, Several: yieldsSeveral(query), Names: names(nodes), Paths: paths(query)}
	if faults := append(refuse(nodes), guard(nodes)...); len(faults) > 0 {
		return nil, faults
	}
	if e.code, err = gojq.Compile(query, guards...); err != nil {
		return nil, []string{"no jq: " + err.Error()}
	}
	return e, nil
}

func parseFault(err error) string {
	if fault, ok := errors.AsType[*gojq.ParseError](err); ok {
		return fmt.Sprintf("no jq: fault at byte %d", fault.Offset)
	}
	return "no jq: " + err.Error()
}

// Take returns the first values that the expression yields for an input, at most limit. The error is the context's
// own, ErrTooMuch, or says what is wrong without quoting the payload.
func (e *Expression) Take(m *Meter, input any, limit int) ([]any, error) {
	var values []any
	results := e.code.RunWithContext(m, input, m)
	for len(values) < limit {
		value, ok := results.Next()
		if !ok {
			break
		}
		if err, failed := value.(error); failed {
			return nil, m.failure(err)
		}
		if m.charge(value, 1); m.left < 0 {
			return nil, ErrTooMuch
		}
		values = append(values, value)
	}
	return values, nil
}

// Kind names a value's type with its article.
func Kind(value any) string {
	switch name := gojq.TypeOf(value); name {
	case "null":
		return name
	case "array", "object":
		return "an " + name
	default:
		return "a " + name
	}
}

// yieldsSeveral reports whether a query iterates where its own values come from: .items[], but not [.items[]],
// first(.items[]) or any(.items[]; f).
func yieldsSeveral(q *gojq.Query) bool {
	if q.Term == nil {
		switch q.Op {
		case gojq.OpComma:
			return true
		case gojq.OpPipe, gojq.OpAlt:
			return yieldsSeveral(q.Left) || yieldsSeveral(q.Right)
		}
		return false
	}
	t := q.Term
	if slices.ContainsFunc(t.SuffixList, func(s *gojq.Suffix) bool { return s.Iter }) {
		return true
	}
	switch t.Type {
	case gojq.TermTypeQuery:
		return yieldsSeveral(t.Query)
	case gojq.TermTypeForeach:
		return true
	case gojq.TermTypeTry:
		return yieldsSeveral(t.Try.Body)
	case gojq.TermTypeFunc:
		return t.Func.Name == "scan" || t.Func.Name == "splits"
	case gojq.TermTypeIf:
		branches := []*gojq.Query{t.If.Then}
		for _, elif := range t.If.Elif {
			branches = append(branches, elif.Then)
		}
		if t.If.Else != nil {
			branches = append(branches, t.If.Else)
		}
		return slices.ContainsFunc(branches, yieldsSeveral)
	}
	return false
}
