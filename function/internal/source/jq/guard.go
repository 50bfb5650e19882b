package jq

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// quadratic are the functions that compare or join each value of their input with each of their argument.
var quadratic = []string{"contains", "inside", "join", "index", "rindex", "indices"}

// heavy are the functions whose work is so many times the size of their input.
var heavy = map[string]int{
	"sort": 8, "sort_by": 8, "group_by": 8, "unique": 8, "unique_by": 8, "min_by": 2, "max_by": 2,
	"tojson": 4, "tostring": 4, "explode": 8, "implode": 8, "to_entries": 4, "from_entries": 4, "with_entries": 8, "indices": 64,
}

// guard puts a charge before and after everything in a query that works on whole values. The charge passes its input
// on as it is, so that it may stand in a path too.
func guard(query *gojq.Query) {
	own := definitions(query)
	visit(reflect.ValueOf(query), func(node any) {
		switch node := node.(type) {
		case *gojq.Query:
			guardOperator(node)
		case *gojq.Index:
			if node.Start != nil && !node.IsSlice {
				node.Start = pipe(node.Start, call(guardIndex))
			}
		case *gojq.Term:
			guardSlices(node)
			guardTerm(node, own)
		}
	})
}

// definitions are the names that a query defines itself: their bodies are charged inside.
func definitions(query *gojq.Query) []string {
	var names []string
	visit(reflect.ValueOf(query), func(node any) {
		if f, ok := node.(*gojq.FuncDef); ok {
			names = append(append(names, f.Name), f.Args...)
		}
	})
	return names
}

func guardOperator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpEq, gojq.OpNe, gojq.OpLt, gojq.OpLe, gojq.OpGt, gojq.OpGe:
		q.Left, q.Right = pipe(q.Left, charge(1)), pipe(q.Right, charge(1))
	case gojq.OpSub:
		// . as $x | a as $a | b as $b | …: a list minus a list compares each of one with each of the other
		right := &gojq.Query{Term: variable("$__right")}
		difference := &gojq.Query{
			Left:  pipe(q.Left, charge(1), call(guardProduct, variable(meterVariable), right.Term, number(1))),
			Op:    gojq.OpSub,
			Right: right,
		}
		*q = gojq.Query{Left: q.Right, Op: gojq.OpPipe, Patterns: []*gojq.Pattern{{Name: "$__right"}}, Right: difference}
	case gojq.OpMul:
		q.Left, q.Right = pipe(q.Left, call(guardFactor), charge(1)), pipe(q.Right, call(guardFactor), charge(1))
		*q = *pipe(copyOf(q), charge(1))
	case gojq.OpAdd, gojq.OpDiv, gojq.OpMod:
		q.Left, q.Right = pipe(q.Left, charge(1)), pipe(q.Right, charge(1))
		*q = *pipe(copyOf(q), charge(1))
	}
}

// guardSlices charges a text before a part of it is cut out, which copies the whole of it.
func guardSlices(t *gojq.Term) {
	if t.Type == gojq.TermTypeIndex && t.Index.IsSlice {
		inner := *t
		inner.SuffixList = nil
		*t = *parenthesis(pipe(charge(copyCost), &gojq.Query{Term: &inner}), t.SuffixList)
	}
	for i := len(t.SuffixList) - 1; i >= 0; i-- {
		if index := t.SuffixList[i].Index; index != nil && index.IsSlice {
			inner := *t
			inner.SuffixList = t.SuffixList[:i:i]
			*t = *parenthesis(pipe(&gojq.Query{Term: &inner}, charge(copyCost)), t.SuffixList[i:])
			return // the inner term was handled when it was made, or has no slice before
		}
	}
}

func guardTerm(t *gojq.Term, own []string) {
	inner := *t
	inner.SuffixList = nil
	bare := &gojq.Query{Term: &inner}
	switch t.Type {
	case gojq.TermTypeFunc:
		if strings.HasPrefix(t.Func.Name, "$") || slices.Contains(own, t.Func.Name) {
			return
		}
		bare = guardCall(inner.Func)
	case gojq.TermTypeString:
		if t.Str.Queries == nil {
			return
		}
		bare = pipe(bare, charge(1))
	case gojq.TermTypeArray, gojq.TermTypeObject:
		bare = pipe(bare, charge(1))
	case gojq.TermTypeFormat:
		bare = pipe(charge(1), bare, charge(1))
	default:
		return
	}
	*t = *parenthesis(bare, t.SuffixList)
}

func guardCall(f *gojq.Func) *gojq.Query {
	bare := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: f}}
	if p, err := patternOf(f); err == nil && p != nil {
		check := call(guardMatch, variable(meterVariable), number(p.cost()))
		if p.loops {
			check = call(guardLoop, variable(meterVariable), number(p.groups+1))
		}
		if f.Name == "gsub" {
			f.Args[1] = pipe(f.Args[1], charge(512)) // the result grows by it at each match, and is copied each time
		}
		return pipe(check, charge(1), bare, charge(1))
	}
	switch {
	case strings.HasPrefix(f.Name, "str") && strings.HasSuffix(f.Name, "time") && len(f.Args) == 1:
		f.Args[0] = pipe(f.Args[0], charge(64)) // each letter of a format may be a name of 20
		return pipe(bare, charge(1))
	case f.Name == "fromjson":
		return pipe(charge(1), call(guardFromJSON), charge(1))
	case f.Name == "tonumber":
		return pipe(call(guardNumber), bare)
	case slices.Contains(quadratic, f.Name) && len(f.Args) == 1:
		argument, factor := &gojq.Query{Term: variable("$__argument")}, 1
		if f.Name == "join" {
			factor = 2 * valueCost // each byte of the separator is copied, and the result once more
		}
		compared := pipe(charge(max(1, heavy[f.Name])), call(guardProduct, variable(meterVariable), argument.Term, number(factor)),
			&gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: f.Name, Args: []*gojq.Query{argument}}}}, charge(1))
		return &gojq.Query{Left: f.Args[0], Op: gojq.OpPipe, Patterns: []*gojq.Pattern{{Name: "$__argument"}}, Right: compared}
	}
	return pipe(charge(max(1, heavy[f.Name])), bare, charge(1))
}

// pipe joins queries by |, each as one term.
func pipe(queries ...*gojq.Query) *gojq.Query {
	joined := queries[0]
	for _, next := range queries[1:] {
		joined = &gojq.Query{Left: joined, Op: gojq.OpPipe, Right: next}
	}
	return &gojq.Query{Term: parenthesis(joined, nil)}
}

func copyOf(q *gojq.Query) *gojq.Query {
	copied := *q
	return &copied
}

func parenthesis(q *gojq.Query, suffixes []*gojq.Suffix) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeQuery, Query: q, SuffixList: suffixes}
}

func charge(factor int) *gojq.Query {
	return call(guardCharge, variable(meterVariable), number(factor))
}

func call(name string, args ...*gojq.Term) *gojq.Query {
	f := &gojq.Func{Name: name}
	for _, arg := range args {
		f.Args = append(f.Args, &gojq.Query{Term: arg})
	}
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: f}}
}

func variable(name string) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name}}
}

func number(n int) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeNumber, Number: strconv.Itoa(n)}
}
