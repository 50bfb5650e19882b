package source

import (
	"fmt"

	"github.com/itchyny/gojq"
)

// The subset of jq that sources.json may use. It is chosen so that no payload can make an expression run long or
// grow large, since gojq can't be interrupted inside a function: there is no variable, no definition, no loop, no
// construction and no arithmetic, so that every step works on a part of what the step before it had.
//
//	.  .name  ."name"  .["name"]  .[0]  .[-1]  .[]  .name?   paths; an index is a literal
//	"text"  12  -1  true  false  null                        literals
//	{"closed": "SALE", "lost": "NI"}[.stage]                 a table of literals, looked up by an expression
//	a | b   a // b   == != < <= > >=   and   or   (a)
//	if a then b elif c then d else e end
//	map(f)  select(f)  first  first(g)  any  any(f)  any(g; f)  all  all(f)  all(g; f)  not  length
//	test("re")  capture("re")  sub("re"; "text")  split("text")  join("text")  startswith("text")  endswith("text")
//	ltrimstr("text")  rtrimstr("text")  trimstr("text")  ltrim  rtrim  trim  ascii_downcase  ascii_upcase
//	tostring  tonumber  fromjson
//
// Regular expressions are RE2 literals; sub replaces the first match; test, capture, sub, split and tonumber take
// strings of at most 4 KiB; fromjson is as strict as the reading of the payload. Only pipes, //, map, first, any,
// all and the branches of an if may meet several values (.[]); everything else takes exactly one.

// An argument is what a function of the subset takes in one place.
type argument int

const (
	oneValue      argument = iota // an expression that yields at most one value
	manyValues                    // any expression
	textLiteral                   // "text"
	regexpLiteral                 // "text" that is a regular expression
)

// A signature is how one function may be called, and what of ours guards it.
type signature struct {
	name  string // with the number of its arguments
	args  []argument
	guard string
}

// The guards are functions of ours that no text can name.
const (
	shortOnly = "_short"    // passes its input on unless that is a long string
	fromJSON  = "_fromjson" // stands in for jq's own
	lookup    = "_lookup"   // stands in for a table's index
)

// (A list, since a map would be built at every start.)
var functions = []signature{
	{name: "map/1", args: []argument{manyValues}},
	{name: "select/1", args: []argument{oneValue}},
	{name: "first/0"},
	{name: "first/1", args: []argument{manyValues}},
	{name: "any/0"},
	{name: "any/1", args: []argument{oneValue}},
	{name: "any/2", args: []argument{manyValues, oneValue}},
	{name: "all/0"},
	{name: "all/1", args: []argument{oneValue}},
	{name: "all/2", args: []argument{manyValues, oneValue}},
	{name: "not/0"},
	{name: "length/0"},
	{name: "test/1", args: []argument{regexpLiteral}, guard: shortOnly},
	{name: "capture/1", args: []argument{regexpLiteral}, guard: shortOnly},
	{name: "sub/2", args: []argument{regexpLiteral, textLiteral}, guard: shortOnly},
	{name: "split/1", args: []argument{textLiteral}, guard: shortOnly},
	{name: "join/1", args: []argument{textLiteral}},
	{name: "startswith/1", args: []argument{textLiteral}},
	{name: "endswith/1", args: []argument{textLiteral}},
	{name: "ltrimstr/1", args: []argument{textLiteral}},
	{name: "rtrimstr/1", args: []argument{textLiteral}},
	{name: "trimstr/1", args: []argument{textLiteral}},
	{name: "ltrim/0"},
	{name: "rtrim/0"},
	{name: "trim/0"},
	{name: "ascii_downcase/0"},
	{name: "ascii_upcase/0"},
	{name: "tostring/0"},
	{name: "tonumber/0", guard: shortOnly},
	{name: "fromjson/0", guard: fromJSON},
}

var operators = []gojq.Operator{
	gojq.OpPipe, gojq.OpAlt, gojq.OpAnd, gojq.OpOr,
	gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe,
}

// refusedTerms names the forms of jq that stay outside.
var refusedTerms = map[gojq.TermType]string{
	gojq.TermTypeRecurse: "`..`",
	gojq.TermTypeArray:   "array construction `[…]`",
	gojq.TermTypeFormat:  "a `@` format",
	gojq.TermTypeTry:     "`try`",
	gojq.TermTypeReduce:  "`reduce`",
	gojq.TermTypeForeach: "`foreach`",
	gojq.TermTypeLabel:   "`label`",
	gojq.TermTypeBreak:   "`break`",
}

var guards = []gojq.CompilerOption{
	gojq.WithFunction(shortOnly, 0, 0, passShort),
	gojq.WithFunction(fromJSON, 0, 0, strictFromJSON),
	gojq.WithFunction(lookup, 2, 2, lookUp),
}

func passShort(input any, _ []any) any {
	if text, ok := input.(string); ok && len(text) > maxString {
		return limitError(fmt.Sprintf("a text of more than %d bytes is too long for test, capture, sub, split and tonumber", maxString))
	}
	return input
}

func strictFromJSON(input any, _ []any) any {
	text, ok := input.(string)
	if !ok {
		return errUnfit
	}
	v, err := decodeJSON([]byte(text))
	if err != nil {
		return limitError("fromjson: the text " + err.Error())
	}
	return v
}

// lookUp gives null for null, as a path does, so that {…}[.absent] // "default" holds.
func lookUp(_ any, args []any) any {
	table, _ := args[0].(map[string]any)
	switch key := args[1].(type) {
	case nil:
		return nil
	case string:
		return table[key]
	default:
		return errUnfit
	}
}
