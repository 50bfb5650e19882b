package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// A checker walks a query, puts the guards into it and collects what lies outside the subset.
type checker struct {
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	if fault := fmt.Sprintf(format, args...); !slices.Contains(c.faults, fault) {
		c.faults = append(c.faults, fault)
	}
}

func (c *checker) refuse(form string) {
	c.fault("jq %s is not allowed; allowed are paths, literals, tables, | // == != < <= > >= and or if, and calls of functions", form)
}

// query tells whether the query may yield more than one value.
func (c *checker) query(q *gojq.Query) (many bool) {
	c.module(q)
	switch {
	case q.Term != nil:
		return c.term(q.Term)
	case q.Left == nil:
		c.fault("is empty")
		return false
	case !slices.Contains(operators, q.Op):
		c.refuse("operator `" + q.Op.String() + "`")
		return false
	case q.Op == gojq.OpPipe, q.Op == gojq.OpAlt:
		left, right := c.query(q.Left), c.query(q.Right)
		return left || right
	default:
		c.single(q.Left)
		c.single(q.Right)
		return false
	}
}

func (c *checker) module(q *gojq.Query) {
	if q.Meta != nil {
		c.refuse("`module`")
	}
	if len(q.Imports) > 0 {
		c.refuse("`import`")
	}
	if len(q.FuncDefs) > 0 {
		c.refuse("`def`")
	}
	if len(q.Patterns) > 0 {
		c.refuse("`as`")
	}
}

// single checks a query whose place takes one value: several on both sides of a comparison would multiply.
func (c *checker) single(q *gojq.Query) {
	if text := q.String(); c.query(q) {
		c.fault("`%s` may yield several values where one is needed: use first, any or all", text)
	}
}

func (c *checker) term(t *gojq.Term) (many bool) {
	suffixes := t.SuffixList
	switch t.Type {
	case gojq.TermTypeIdentity, gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber:
	case gojq.TermTypeString:
		c.text(t.Str)
	case gojq.TermTypeIndex:
		c.index(t.Index)
	case gojq.TermTypeUnary:
		c.literal(&gojq.Query{Term: &gojq.Term{Type: t.Type, Unary: t.Unary}})
	case gojq.TermTypeIf:
		many = c.branches(t.If)
	case gojq.TermTypeQuery:
		many = c.query(t.Query)
	case gojq.TermTypeFunc:
		c.function(t)
	case gojq.TermTypeObject:
		suffixes = c.table(t)
	default:
		c.refuse(refusedTerms[t.Type])
	}
	return c.suffixes(suffixes) || many
}

func (c *checker) suffixes(list []*gojq.Suffix) (many bool) {
	for _, suffix := range list {
		if suffix.Index != nil {
			c.index(suffix.Index)
		}
		many = many || suffix.Iter
	}
	return many
}

// index takes literals only: jq's .a[.b] of two arrays searches one in the other, 31 s for 256 KiB.
func (c *checker) index(i *gojq.Index) {
	switch {
	case i.Str != nil:
		c.text(i.Str)
	case i.IsSlice:
		c.refuse("slice `[a:b]`")
	case i.Start != nil:
		c.literal(i.Start)
	}
}

// table checks {"key": literal, …}[expression], puts the look-up of ours in its place and gives the suffixes after it.
func (c *checker) table(t *gojq.Term) []*gojq.Suffix {
	if len(t.SuffixList) == 0 || t.SuffixList[0].Index == nil || t.SuffixList[0].Index.Start == nil || t.SuffixList[0].Index.IsSlice {
		c.refuse("object construction `{…}` other than a table {…}[…]")
		return nil
	}
	seen := map[string]bool{}
	for _, member := range t.Object.KeyVals {
		key := c.tableKey(member)
		if seen[key] {
			c.fault("a table holds %q twice", key)
		}
		seen[key] = true
	}
	key, table := t.SuffixList[0].Index.Start, &gojq.Query{Term: &gojq.Term{Type: t.Type, Object: t.Object}}
	c.single(key)
	*t = gojq.Term{
		Type:       gojq.TermTypeFunc,
		Func:       &gojq.Func{Name: lookup, Args: []*gojq.Query{table, key}},
		SuffixList: t.SuffixList[1:],
	}
	return t.SuffixList
}

func (c *checker) tableKey(member *gojq.ObjectKeyVal) string {
	key := member.Key
	if member.KeyString != nil {
		c.text(member.KeyString)
		key = member.KeyString.Str
	}
	if member.Val == nil || member.KeyQuery != nil || strings.HasPrefix(member.Key, "$") {
		c.fault("a table's members must be literals: {\"key\": \"value\"}")
		return key
	}
	c.literal(member.Val)
	return key
}

func (c *checker) branches(t *gojq.If) (many bool) {
	c.single(t.Cond)
	many = c.query(t.Then)
	for _, elif := range t.Elif {
		c.single(elif.Cond)
		many = c.query(elif.Then) || many
	}
	if t.Else != nil {
		many = c.query(t.Else) || many
	}
	return many
}

// literal checks that a query is "text", a number, true, false or null.
func (c *checker) literal(q *gojq.Query) {
	c.module(q)
	if t := q.Term; t != nil && len(t.SuffixList) == 0 {
		switch t.Type {
		case gojq.TermTypeString:
			c.text(t.Str)
			return
		case gojq.TermTypeNumber, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNull:
			return
		case gojq.TermTypeUnary:
			if t.Unary.Op == gojq.OpSub && t.Unary.Term.Type == gojq.TermTypeNumber && len(t.Unary.Term.SuffixList) == 0 {
				return
			}
		}
	}
	c.fault("`%s` must be a literal", q)
}

func (c *checker) text(s *gojq.String) {
	if s.Queries != nil {
		c.refuse(`string interpolation "\(…)"`)
	}
}

// function checks a call and sends its input through the guard.
func (c *checker) function(t *gojq.Term) {
	name := fmt.Sprintf("%s/%d", t.Func.Name, len(t.Func.Args))
	if strings.HasPrefix(name, "$") {
		c.refuse("variable `" + t.Func.Name + "`")
		return
	}
	found := slices.IndexFunc(functions, func(s signature) bool { return s.name == name })
	if found < 0 {
		c.fault("jq function %q is not allowed; allowed are %s", name, allowedFunctions())
		return
	}
	called := functions[found]
	for i, kind := range called.args {
		c.argument(t.Func.Name, kind, t.Func.Args[i])
	}
	switch called.guard {
	case fromJSON:
		t.Func.Name = fromJSON
	case shortOnly:
		guarded := &gojq.Query{Left: call(shortOnly), Op: gojq.OpPipe, Right: &gojq.Query{Term: &gojq.Term{Type: t.Type, Func: t.Func}}}
		*t = gojq.Term{Type: gojq.TermTypeQuery, Query: guarded, SuffixList: t.SuffixList}
	}
}

func allowedFunctions() string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.name
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func call(name string) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name}}}
}

func (c *checker) argument(function string, kind argument, q *gojq.Query) {
	switch kind {
	case manyValues:
		c.query(q)
		return
	case oneValue:
		c.single(q)
		return
	}
	if c.module(q); q.Term == nil || q.Term.Type != gojq.TermTypeString || q.Term.Str.Queries != nil || len(q.Term.SuffixList) > 0 {
		c.fault("jq function %q: `%s` must be a text literal", function, q)
		return
	}
	if kind == regexpLiteral {
		if err := checkPattern(q.Term.Str.Str); err != nil {
			c.fault("jq function %q: %s", function, err)
		}
	}
}
