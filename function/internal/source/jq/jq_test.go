package jq_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"vicihook/function/internal/source/jq"
)

// A row is one line of testdata/expressions.tsv.
type row struct{ expression, input, want string }

func rows(t testing.TB) []row {
	t.Helper()
	file, err := os.Open("testdata/expressions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []row
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			t.Fatalf("%q: got %d fields, want 3", lines.Text(), len(fields))
		}
		all = append(all, row{fields[0], fields[1], fields[2]})
	}
	if len(all) < 100 {
		t.Fatalf("got %d rows", len(all))
	}
	return all
}

func compile(t testing.TB, text string) *jq.Expression {
	t.Helper()
	e, faults := jq.Compile(text)
	if faults != nil {
		t.Fatalf("%s: %v", text, faults)
	}
	return e
}

func decode(t testing.TB, text string) any {
	t.Helper()
	value, err := jq.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
	return value
}

func TestTake(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t) {
		t.Run(row.expression, func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, row.expression).Take(jq.NewMeter(t.Context()), decode(t, row.input), 10)
			want := decode(t, "["+row.want+"]")
			if got == nil {
				got = []any{}
			}
			if err != nil || gojq.Compare(got, want) != 0 {
				t.Errorf("on %s: got %v, %v, want %v", row.input, got, err, want)
			}
		})
	}
}

func TestPlainPathsYieldWhatJQYields(t *testing.T) {
	t.Parallel()
	for _, path := range []string{`.a`, `.a.b`, `.a.b.c`, `._1`, `.and.or`, `.__loc__`} {
		for _, input := range []string{`{"a": {"b": {"c": 7}}}`, `{"a": {"b": "x"}}`, `{"a": null}`, `null`, `[1]`, `"x"`, `7`, `{"_1": [1], "and": {"or": true}}`} {
			got, gotErr := compile(t, path).Take(jq.NewMeter(t.Context()), decode(t, input), 2)
			want, wantErr := compile(t, `(`+path+`)`).Take(jq.NewMeter(t.Context()), decode(t, input), 2)
			if !reflect.DeepEqual(got, want) || !errors.Is(gotErr, wantErr) {
				t.Errorf("%s on %s: got %v, %v, want %v, %v", path, input, got, gotErr, want, wantErr)
			}
		}
	}
}

func TestExpressionsCoverFunctions(t *testing.T) {
	t.Parallel()
	query, err := gojq.Parse("builtins[]")
	if err != nil {
		t.Fatal(err)
	}
	var tried strings.Builder
	for _, row := range rows(t) {
		fmt.Fprintln(&tried, row.expression)
	}
	results, count := query.Run(nil), 0
	for {
		signature, ok := results.Next()
		if !ok {
			break
		}
		count++
		name, arity, _ := strings.Cut(signature.(string), "/")
		call := name
		if arity != "0" {
			call += "(" + strings.TrimSuffix(strings.Repeat(".; ", int(arity[0]-'0')), "; ") + ")"
		}
		_, faults := jq.Compile(call)
		refused := len(faults) == 1 && strings.HasPrefix(faults[0], "jq `"+name+"` is not allowed") && strings.Contains(faults[0], ": ")
		if !refused && !regexp.MustCompile(`\b`+name+`\b`).MatchString(tried.String()) {
			t.Errorf("%s is allowed and no row tries it: %v", signature, faults)
		}
	}
	if count < 150 {
		t.Errorf("gojq has %d functions, want 150", count)
	}
}

var refusedExpressions = map[string]string{
	`..`:                            "jq `..` is not allowed, since it can run long or reaches out of the payload: name the path",
	`[..]`:                          "jq `..` is not allowed",
	`.a | recurse(.b)`:              "jq `recurse` is not allowed",
	`[range(1000000000)]`:           "jq `range` is not allowed",
	`[limit(3; .a[])]`:              "jq `limit` is not allowed, since it can run long or reaches out of the payload: take a slice",
	`repeat(.)`:                     "jq `repeat` is not allowed",
	`until(false; .)`:               "jq `until` is not allowed",
	`[while(true; .)]`:              "jq `while` is not allowed",
	`input`:                         "jq `input` is not allowed",
	`env.HOME`:                      "jq `env` is not allowed",
	`$ENV.HOME`:                     "jq `$ENV` is not allowed",
	`def f: f; f`:                   `jq function "f" calls itself`,
	`def f: .[] | f; f`:             `jq function "f" calls itself`,
	`def f: def g: f; g; f`:         `jq function "f" calls itself`,
	`def scan: .; scan("a")`:        `jq function "scan" is jq's own`,
	`def f(keys): .; [.[] | keys]`:  `jq function "keys" is jq's own`,
	`def f($sort): .; sort`:         `jq function "$sort" is jq's own`,
	`.a = 1`:                        "jq `=` is not allowed",
	`.a |= 1`:                       "jq `|=` is not allowed",
	`.a += 1`:                       "jq `+=` is not allowed",
	`.a //= 1`:                      "jq `//=` is not allowed",
	`setpath([1000000000]; 1)`:      "jq `setpath` is not allowed",
	`import "m" as m; .`:            "jq `import` is not allowed",
	`include "m"; .`:                "jq `import` is not allowed",
	`module {}; .`:                  "jq `module` is not allowed",
	`m::f`:                          "no jq: function not defined: m::f/0",
	`nonsense`:                      "no jq: function not defined: nonsense/0",
	`test("a"; "b"; "c")`:           "no jq: function not defined: test/3",
	`$x`:                            "no jq: variable not defined: $x",
	`_match("a"; null; true)`:       `jq name "_match" is not allowed`,
	`_charge(1; 2)`:                 `jq name "_charge" is not allowed`,
	`$__meter`:                      `jq name "$__meter" is not allowed`,
	`. as $__meter | .`:             `jq name "$__meter" is not allowed`,
	`def _charge(a; b): .; .`:       `jq name "_charge" is not allowed`,
	`def f($__meter): .; f(1)`:      `jq name "$__meter" is not allowed`,
	`. as {a: $_x} | .`:             `jq name "$_x" is not allowed`,
	`. as {$_x} | .`:                `jq name "$_x" is not allowed`,
	`reduce .[] as $__meter (0; .)`: `jq name "$__meter" is not allowed`,
	`test(.re)`:                     `jq function "test": the regular expression must be a text literal`,
	`capture(["a", "g"])`:           `jq function "capture": the regular expression must be a text literal`,
	`match("a"; .flags)`:            `jq function "match": the flags must be a text literal`,
	`test("(")`:                     `jq function "test": no regular expression: missing closing ): "("`,
	`test("a{1000}")`:               `jq function "test": the regular expression compiles to 1002 instructions, more than 500`,
	`test("(?=a)")`:                 `jq function "test": no regular expression: invalid or unsupported Perl syntax`,
	`.a =`:                          "no jq: fault at byte ",
	`# nothing`:                     "is empty",
	``:                              "is empty",
	"." + strings.Repeat("|.", 600): "is longer than 1024 bytes",
}

func TestCompileRefused(t *testing.T) {
	t.Parallel()
	for expression, want := range refusedExpressions {
		t.Run(fmt.Sprintf("%.40s is refused", expression), func(t *testing.T) {
			t.Parallel()
			if _, faults := jq.Compile(expression); len(faults) != 1 || !strings.HasPrefix(faults[0], want) {
				t.Errorf("got  %v\nwant %s", faults, want)
			}
		})
	}
}

func TestCompileReturnsEveryFault(t *testing.T) {
	t.Parallel()
	if _, faults := jq.Compile(`.. | test("(") | input`); len(faults) != 3 {
		t.Errorf("got %v", faults)
	}
}

func TestExpressionSeveral(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		`.a[]`: true, `.a[]?`: true, `.a[] | .b`: true, `.a // .b[]`: true, `(.a[])`: true, `.a, .b`: true, `scan("a")`: true,
		`if .a then .b[] else .c end`: true, `try .a[]`: true, `.a[] as $x | $x`: true, `foreach .[] as $x (0; .)`: true,
		`.a`: false, `[.a[]]`: false, `first(.a[])`: false, `any(.a[]; .b)`: false, `.a[0]`: false, `.a | map(.b)`: false,
		`reduce .[] as $x (0; .)`: false, `if .a[] then 1 else 2 end`: false, `.a == .b[]`: false, `{a: .b}`: false,
	} {
		if got := compile(t, expression).Several; got != want {
			t.Errorf("%s: got %v", expression, got)
		}
	}
}

func TestExpressionNamesAndPaths(t *testing.T) {
	t.Parallel()
	e := compile(t, `(.event.type == "end" and .live) or (.tags | any(. == "x"))`)
	if want := []string{"end", "event", "live", "tags", "type", "x"}; !slices.Equal(e.Names, want) {
		t.Errorf("got names %v", e.Names)
	}
	if got := fmt.Sprint(e.Paths); got != "[[event type] [live] [tags]]" {
		t.Errorf("got paths %s", got)
	}
}

var limitedExpressions = map[string]struct{ expression, input, want string }{
	"a long text for scan":                    {`[scan("7")]`, long('7', 4097), "a text of more than 4096 bytes is too long for scan, gsub, splits and match with g"},
	"a long text for gsub":                    {`gsub("7"; "")`, long('7', 4097), "a text of more than 4096 bytes"},
	"a long text for splits":                  {`[splits("7")]`, long('7', 4097), "a text of more than 4096 bytes"},
	"a long text for split by a pattern":      {`split("7"; null)`, long('7', 4097), "a text of more than 4096 bytes"},
	"a long text for match with g":            {`[match("7"; "g")]`, long('7', 4097), "a text of more than 4096 bytes"},
	"a long text for tonumber":                {`tonumber`, long('7', 200_000), "the expressions have too much to do on this payload"},
	"fromjson of what has a member twice":     {`fromjson | .id`, `"{\"id\": 1, \"id\": 2}"`, "fromjson: the text has a member twice, at byte 14"},
	"fromjson of what has trailing data":      {`fromjson | .id`, `"{\"id\": 1} 2"`, "fromjson: the text is not one JSON value"},
	"fromjson of a number":                    {`fromjson`, `1`, "the expression can't be applied to this payload"},
	"fromjson of deep lists":                  {`fromjson`, `"` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `"`, "fromjson: the text is nested more than 100 deep"},
	"a path into a text, which is not quoted": {`.a.b`, `{"a": "s3cret"}`, "the expression can't be applied to this payload"},
	"an error with the payload's text":        {`error(.a)`, `{"a": "s3cret"}`, "the expression can't be applied to this payload"},
	"a list as an index":                      {`.a[.b]`, `{"a": [1, 2], "b": [1]}`, "an index must be a text or a number"},
	"a text times a number":                   {`.a * 1000000000`, `{"a": "x"}`, "a text can't be multiplied"},
	"a number times a text":                   {`.n * .a`, `{"a": "x", "n": 1000000000}`, "a text can't be multiplied"},
	"what doubles, one value":                 {doubled(`[., .]`), `"x"`, "the expressions have too much to do on this payload"},
	"what doubles, one text":                  {doubled(`. + .`), `"x"`, "the expressions have too much to do on this payload"},
	"what doubles, caught":                    {`try (` + doubled(`. + .`) + `) catch "c"`, `"x"`, "the expressions have too much to do on this payload"},
	"a number that is squared":                {doubled(`. * .`), `12345678901234567890`, "the expressions have too much to do on this payload"},
}

func long(c byte, n int) string { return `"` + strings.Repeat(string(c), n) + `"` }

// doubled applies an expression sixty times.
func doubled(expression string) string {
	return expression + strings.Repeat("|"+expression, 59)
}

func TestTakeLimits(t *testing.T) {
	t.Parallel()
	for name, c := range limitedExpressions {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, c.expression).Take(jq.NewMeter(t.Context()), decode(t, c.input), 1)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || got != nil {
				t.Errorf("got %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestTakeSingleMatch(t *testing.T) {
	t.Parallel()
	input := decode(t, `"`+strings.Repeat("call V123 ", 20<<10)+`call Y1221052110000402027"`)
	for _, expression := range []string{
		`capture("(?<id>[VYJM][0-9]{19})").id`, `match("[VYJM][0-9]{19}").string`, `sub("^.* (?<id>[VYJM][0-9]{19})$"; "\(.id)")`,
	} {
		got, err := compile(t, expression).Take(jq.NewMeter(t.Context()), input, 1)
		if err != nil || len(got) != 1 || got[0] != "Y1221052110000402027" {
			t.Errorf("%s: got %.40v, %v", expression, got, err)
		}
	}
}

func TestMeterIsShared(t *testing.T) {
	t.Parallel()
	e, input, meter := compile(t, `map(tojson) | length`), decode(t, "["+strings.Repeat(`"aaaaaaaaaaaaaaaaaaaa",`, 9_000)+"1]"), jq.NewMeter(t.Context())
	for range 100 {
		if _, err := e.Take(meter, input, 1); errors.Is(err, jq.ErrTooMuch) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("no limit was reached")
}

func TestTakeCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compile(t, `.a`).Take(jq.NewMeter(ctx), decode(t, `{}`), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
