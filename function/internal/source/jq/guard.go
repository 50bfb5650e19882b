package jq

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// weights are the cost per byte of input of the functions that do more than read or copy it once.
var weights = map[string]int{
	"sort": 8, "sort_by": 8, "group_by": 8, "unique": 8, "unique_by": 8, "split": 4, "join": 4,
	"tojson": 8, "tostring": 8, "format": 8, "explode": 16, "implode": 8, "indices": 64, "tonumber": 64,
}

// streaming are the functions that only pass on what their arguments yield.
var streaming = []string{"select", "map", "first", "last", "nth", "skip", "any", "all", "isempty", "empty", "not", "error"}

// compared are the functions that compare or join each value of their input with each of their argument's.
var compared = []string{"contains", "inside", "join", "index", "rindex", "indices"}

// guard adds a charge before every function and operator that works on whole values. A charge returns its input, so that
// it can be a part of a path too. guard returns a fault for each regular expression that is invalid or too large.
func guard(nodes []any) (faults []string) {
	for _, node := range nodes {
		switch node := node.(type) {
		case *gojq.Query:
			guardOperator(node)
		case *gojq.String:
			for i, part := range node.Queries {
				if _, isText := literal(part); !isText {
					node.Queries[i] = pipe(part, charge(8))
				}
			}
		case *gojq.Index:
			if node.Start != nil && !node.IsSlice {
				node.Start = pipe(node.Start, call(guardIndex))
			}
		case *gojq.Term:
			guardSlices(node)
			if err := guardCall(node); err != nil {
				faults = append(faults, fmt.Sprintf("jq function %q: %s", node.Func.Name, err))
			}
		}
	}
	return faults
}

func guardOperator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpEq, gojq.OpNe, gojq.OpLt, gojq.OpLe, gojq.OpGt, gojq.OpGe, gojq.OpMod:
		q.Left, q.Right = pipe(q.Left, charge(1)), pipe(q.Right, charge(1))
	case gojq.OpAdd:
		q.Left, q.Right = pipe(q.Left, charge(2)), pipe(q.Right, charge(2))
	case gojq.OpMul:
		q.Left, q.Right = pipe(q.Left, call(guardFactor), charge(1)), pipe(q.Right, call(guardFactor), charge(1))
	case gojq.OpDiv: // which splits a text
		divided := *q
		divided.Left, divided.Right = pipe(q.Left, charge(weights["split"])), pipe(q.Right, charge(1))
		*q = *pipe(&divided, charge(2))
	case gojq.OpSub:
		// A list minus a list compares each element of one with each of the other: b as $right | a | charged | . - $right
		*q = *as(q.Right, func(right *gojq.Query) *gojq.Query {
			left := pipe(q.Left, charge(1), call(guardProduct, variable(meterVariable), right, number(1)))
			return &gojq.Query{Left: left, Op: gojq.OpSub, Right: right}
		})
	}
}

// guardSlices charges a value before it is sliced, which counts the characters of a text.
func guardSlices(t *gojq.Term) {
	if t.Type == gojq.TermTypeIndex && t.Index.IsSlice {
		*t = *parenthesis(pipe(charge(1), withoutSuffixes(t)), t.SuffixList)
	}
	for i, suffix := range slices.Backward(t.SuffixList) {
		if suffix.Index != nil && suffix.Index.IsSlice {
			inner := *t
			inner.SuffixList = t.SuffixList[:i:i]
			guardSlices(&inner)
			*t = *parenthesis(pipe(&gojq.Query{Term: &inner}, charge(1)), t.SuffixList[i:])
			return
		}
	}
}

// guardCall charges the input of a function or a format.
func guardCall(t *gojq.Term) error {
	switch {
	case t.Type == gojq.TermTypeFormat && t.Str == nil:
		*t = *parenthesis(pipe(charge(8), withoutSuffixes(t)), t.SuffixList)
		return nil
	case t.Type != gojq.TermTypeFunc || strings.HasPrefix(t.Func.Name, "$") || slices.Contains(streaming, t.Func.Name):
		return nil
	}
	f := t.Func
	before := []*gojq.Query{charge(max(1, weights[f.Name]))}
	p, err := patternOf(f)
	if err != nil {
		return err
	}
	switch {
	case p != nil && p.loops:
		before = append(before, call(guardLoop, variable(meterVariable), number(p.groups+1)))
		if f.Name == "gsub" {
			f.Args[1] = pipe(f.Args[1], charge(512)) // the result grows by it at each match, and is copied each time
		}
	case p != nil:
		before = append(before, call(guardMatch, variable(meterVariable), number(p.cost())))
	case strings.HasPrefix(f.Name, "str") && strings.HasSuffix(f.Name, "time") && len(f.Args) == 1:
		f.Args[0] = pipe(f.Args[0], charge(64)) // each letter of a format may be a name of 20
	case f.Name == "fromjson":
		*t = *parenthesis(pipe(append(before, call(guardFromJSON))...), t.SuffixList)
		return nil
	case slices.Contains(compared, f.Name) && len(f.Args) == 1:
		factor := 1
		if f.Name == "join" {
			factor = 2 * valueCost // each byte of the separator is copied, and the result once more
		}
		*t = *parenthesis(as(f.Args[0], func(argument *gojq.Query) *gojq.Query {
			product := call(guardProduct, variable(meterVariable), argument, number(factor))
			return pipe(append(before, product, call(f.Name, argument))...)
		}), t.SuffixList)
		return nil
	}
	charged := append(before, withoutSuffixes(t))
	if f.Name == "split" {
		charged = append(charged, charge(2))
	}
	*t = *parenthesis(pipe(charged...), t.SuffixList)
	return nil
}

// as evaluates a value once for a query that uses it twice: value as $__value | query.
func as(value *gojq.Query, query func(variable *gojq.Query) *gojq.Query) *gojq.Query {
	const name = "$__value"
	return &gojq.Query{Left: value, Op: gojq.OpPipe, Patterns: []*gojq.Pattern{{Name: name}}, Right: query(variable(name))}
}

// pipe joins queries by |, in parentheses.
func pipe(queries ...*gojq.Query) *gojq.Query {
	joined := queries[0]
	for _, next := range queries[1:] {
		joined = &gojq.Query{Left: joined, Op: gojq.OpPipe, Right: next}
	}
	return &gojq.Query{Term: parenthesis(joined, nil)}
}

func parenthesis(q *gojq.Query, suffixes []*gojq.Suffix) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeQuery, Query: q, SuffixList: suffixes}
}

func withoutSuffixes(t *gojq.Term) *gojq.Query {
	inner := *t
	inner.SuffixList = nil
	return &gojq.Query{Term: &inner}
}

func charge(weight int) *gojq.Query {
	return call(guardCharge, variable(meterVariable), number(weight))
}

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func variable(name string) *gojq.Query { return call(name) }

func number(n int) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeNumber, Number: strconv.Itoa(n)}}
}
