// Package jq evaluates the jq of sources.json on untrusted payloads, within limits of time and memory.
//
// [Compile] rejects what can run long on a payload by its name, and names a substitute. A [Meter], which all expressions
// of one delivery share, limits the rest: it counts the steps of jq and the size of what each function works on, and
// ends the evaluation when they exceed a budget or when the context is done. gojq checks its context only between two
// steps, so every function and operator is charged for its input before it runs.
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
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

const maxExpression = 1024 // bytes

// ErrUnfit replaces gojq's own errors, which quote the payload.
var ErrUnfit = errors.New("the expression can't be applied to this payload")

// A limitError is returned for a payload that exceeds a limit inside an expression.
type limitError string

func (e limitError) Error() string { return string(e) }

// An Expression is one jq text, compiled. It is safe for concurrent use.
type Expression struct {
	Text    string     // as written
	Several bool       // can yield more than one value: .items[]
	Names   []string   // of every member in it
	Paths   [][]string // plain paths that it reads from its input: .event.type is event, type
	code    *gojq.Code // nil for a plain path alone
}

// plainPath matches .a.b, as most expressions are.
var plainPath = regexp.MustCompile(`^(\.[A-Za-z_][0-9A-Za-z_]*)+$`)

// Compile checks and compiles a text, or returns all its faults.
func Compile(text string) (*Expression, []string) {
	if len(text) > maxExpression {
		return nil, []string{fmt.Sprintf("is longer than %d bytes", maxExpression)}
	}
	if plainPath.MatchString(text) {
		path := strings.Split(text[1:], ".")
		return &Expression{Text: text, Names: path, Paths: [][]string{path}}, nil
	}
	query, err := gojq.Parse(text)
	if fault, ok := errors.AsType[*gojq.ParseError](err); ok {
		return nil, []string{fmt.Sprintf("no jq: fault at byte %d", fault.Offset)}
	} else if err != nil {
		return nil, []string{"no jq: " + err.Error()}
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

// Take returns the first values that the expression yields for an input, at most limit. It returns the context's error,
// ErrTooMuch, or one that describes the fault without quoting the payload.
func (e *Expression) Take(m *Meter, input any, limit int) ([]any, error) {
	if e.code == nil {
		return m.follow(input, e.Paths[0])
	}
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

// follow evaluates a plain path without jq's machine.
func (m *Meter) follow(value any, path []string) ([]any, error) {
	for _, name := range path {
		members, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, m.failure(ErrUnfit)
		}
		value = members[name]
	}
	m.charge(value, 1)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return []any{value}, nil
}

// Kind returns the name of a value's type with its article.
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
