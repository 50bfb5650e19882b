package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/source"
)

const anyCall = `"call_id": "Y1221052110000402027", "agent_user": "1028"`

// refOf gives what an expression yields on a payload, which also names a call.
func refOf(t *testing.T, expression, members string) (string, error) {
	t.Helper()
	items, err := crm(t, map[string]any{"ref": expression}).Select(t.Context(), []byte("{"+anyCall+", "+members+"}"), "")
	if err != nil || len(items) != 1 {
		t.Fatalf("got %v, %v", items, err)
	}
	return items[0].Ref, items[0].Err
}

var allowedExpressions = map[string]struct{ expression, members, want string }{
	"a path":                         {`.a.b`, `"a": {"b": "x"}`, "x"},
	"a quoted path":                  {`."a b"["c"]`, `"a b": {"c": "x"}`, "x"},
	"an index":                       {`.a[0]`, `"a": ["x", "y"]`, "x"},
	"an index from the end":          {`.a[-1]`, `"a": ["x", "y"]`, "y"},
	"a path through nothing":         {`.a.b.c`, `"d": 1`, ""},
	"an optional path":               {`.a.b?`, `"a": "text"`, ""},
	"a literal text":                 {`"T-1"`, `"d": 1`, "T-1"},
	"a literal number":               {`-12`, `"d": 1`, "-12"},
	"a table":                        {`{"won": "SALE", lost: "NI", n: 3}[.a] // "OTHER"`, `"a": "lost"`, "NI"},
	"a table that has a number":      {`{"won": "SALE", n: 3}[.a]`, `"a": "n"`, "3"},
	"a table without the key":        {`{"won": "SALE"}[.a] // "OTHER"`, `"a": "open"`, "OTHER"},
	"a table looked up by nothing":   {`{"won": "SALE"}[.a] // "OTHER"`, `"d": 1`, "OTHER"},
	"the alternative":                {`.a // .b // "x"`, `"a": null, "b": "y"`, "y"},
	"comparison":                     {`if .n >= 3 and .n < 4 and .n != 5 then "in" else "out" end`, `"n": 3`, "in"},
	"or, not":                        {`if (.a or .b) | not then "neither" elif .a then "a" else "b" end`, `"a": false, "b": true`, "b"},
	"a text among big numbers":       {`if .n == 20251234567890123456 then "same" else "other" end`, `"n": 20251234567890123456`, "same"},
	"map and join":                   {`.a | map(.id) | join("-")`, `"a": [{"id": 1}, {"id": "b"}]`, "1-b"},
	"select and first(g)":            {`first(.a[] | select(.k == "ref") | .v)`, `"a": [{"k": "x", "v": 1}, {"k": "ref", "v": 2}, {"k": "ref", "v": 3}]`, "2"},
	"first of nothing":               {`first(.a[] | select(.k == "ref"))`, `"a": []`, ""},
	"first":                          {`.a | first`, `"a": ["x"]`, "x"},
	"any and all":                    {`if any(.a[]; . == 1) and (.a | any(. == 2)) and (.b | any) and all(.a[]; . > 0) and (.a | all(. < 3)) and (.b | all | not) then "y" else "n" end`, `"a": [1, 2], "b": [true, false]`, "y"},
	"test":                           {`if .a | test("^[0-9]{3}$") then "three" else "other" end`, `"a": "123"`, "three"},
	"capture":                        {`.a | capture("#(?<id>[0-9]+)").id`, `"a": "ticket #77 and #78"`, "77"},
	"capture of what does not match": {`.a | capture("#(?<id>[0-9]+)").id`, `"a": "none"`, ""},
	"sub replaces once":              {`.a | sub("[0-9]"; "x")`, `"a": "a1b2"`, "axb2"},
	"split":                          {`.a | split("/") | .[1]`, `"a": "SIP/1028"`, "1028"},
	"trims":                          {`.a | trim | ltrimstr("(") | rtrimstr(")") | ltrim | rtrim | trimstr("'")`, `"a": " ( 'x' ) "`, "x"},
	"case":                           {`.a | ascii_upcase | ascii_downcase`, `"a": "aBc"`, "abc"},
	"tostring and tonumber":          {`.a | tonumber | tostring`, `"a": "0012"`, "12"},
	"fromjson":                       {`.a | fromjson | .id`, `"a": "{\"id\": 12345678901234567890}"`, "12345678901234567890"},
	"startswith and endswith":        {`if (.a | startswith("T-")) and (.a | endswith("9")) then .a else "" end`, `"a": "T-9"`, "T-9"},
	"length":                         {`.a | length`, `"a": "äöü"`, "3"},
	"a comment":                      {"# the ticket\n.a", `"a": "x"`, "x"},
}

func TestAllowedExpressions(t *testing.T) {
	t.Parallel()
	for name, c := range allowedExpressions {
		t.Run(name+" is read as jq reads it", func(t *testing.T) {
			t.Parallel()
			if got, err := refOf(t, c.expression, c.members); err != nil || got != c.want {
				t.Errorf("%s: got %q, %v, want %q", c.expression, got, err, c.want)
			}
		})
	}
}

// refusedExpressions are held against the start of the fault.
var refusedExpressions = map[string]string{
	`..`:                             "jq `..` is not allowed",
	`def f: .; f`:                    "jq `def` is not allowed",
	`test(def f: .; "a")`:            "jq `def` is not allowed",
	`.[def f: .; 0]`:                 "jq `def` is not allowed",
	`.a as $x | $x`:                  "jq `as` is not allowed",
	`reduce .[] as $x (0; .)`:        "jq `reduce` is not allowed",
	`foreach .[] as $x (0; .)`:       "jq `foreach` is not allowed",
	`label $out | .`:                 "jq `label` is not allowed",
	`try .a`:                         "jq `try` is not allowed",
	`try .a catch .b`:                "jq `try` is not allowed",
	`.a, .b`:                         "jq operator `,` is not allowed",
	`.a + .b`:                        "jq operator `+` is not allowed",
	`.a - 1`:                         "jq operator `-` is not allowed",
	`.a * 1000000`:                   "jq operator `*` is not allowed",
	`.a / .b`:                        "jq operator `/` is not allowed",
	`.a % 2`:                         "jq operator `%` is not allowed",
	`.a = 1`:                         "jq operator `=` is not allowed",
	`.a |= 1`:                        "jq operator `|=` is not allowed",
	`.a += 1`:                        "jq operator `+=` is not allowed",
	`.a //= 1`:                       "jq operator `//=` is not allowed",
	`[.a]`:                           "jq array construction `[…]` is not allowed",
	`[]`:                             "jq array construction `[…]` is not allowed",
	`{a: .b}`:                        "jq object construction `{…}` other than a table {…}[…] is not allowed",
	`{}`:                             "jq object construction",
	`{a: 1}.a`:                       "jq object construction",
	`{a: 1}[]`:                       "jq object construction",
	`{a: 1}[0:1]`:                    "jq object construction",
	`{a: .b}[.c]`:                    "`.b` must be a literal",
	`{a}[.c]`:                        "a table's members must be literals",
	`{$x}[.c]`:                       "a table's members must be literals",
	`{(.a): 1}[.c]`:                  "a table's members must be literals",
	`{"\(.a)": 1}[.c]`:               "jq string interpolation",
	`{a: "\(.a)"}[.c]`:               "jq string interpolation",
	`{a: 1, a: 2}[.c]`:               `a table holds "a" twice`,
	`{a: 1}[.c[]]`:                   "`.c[]` may yield several values where one is needed",
	`"\(.a)"`:                        "jq string interpolation \"\\(…)\" is not allowed",
	`."\(.a)"`:                       "jq string interpolation",
	`@base64`:                        "jq a `@` format is not allowed",
	`@base64 "\(.a)"`:                "jq a `@` format is not allowed",
	`.a[.b]`:                         "`.b` must be a literal",
	`.a["x" | .]`:                    "`\"x\" | .` must be a literal",
	`.[1:3]`:                         "jq slice `[a:b]` is not allowed",
	`.a[:3]`:                         "jq slice `[a:b]` is not allowed",
	`-(.a)`:                          "`-(.a)` must be a literal",
	`+1`:                             "`+1` must be a literal",
	`$ENV.HOME`:                      "jq variable `$ENV` is not allowed",
	`$__loc__`:                       "jq variable `$__loc__` is not allowed",
	`import "m" as m; .`:             "jq `import` is not allowed",
	`module {}; .`:                   "jq `module` is not allowed",
	`m::f`:                           `jq function "m::f/0" is not allowed`,
	`_short`:                         `jq function "_short/0" is not allowed`,
	`_fromjson`:                      `jq function "_fromjson/0" is not allowed`,
	`_lookup(.; .)`:                  `jq function "_lookup/2" is not allowed`,
	`_match("a"; null; true)`:        `jq function "_match/3" is not allowed`,
	`test("a"; "g")`:                 `jq function "test/2" is not allowed`,
	`capture("a"; "g")`:              `jq function "capture/2" is not allowed`,
	`sub("a"; "b"; "g")`:             `jq function "sub/3" is not allowed`,
	`split("a"; null)`:               `jq function "split/2" is not allowed`,
	`test(.re)`:                      "jq function \"test\": `.re` must be a text literal",
	`capture(["a", "g"])`:            "jq function \"capture\": `[\"a\", \"g\"]` must be a text literal",
	`sub("a"; .b)`:                   "jq function \"sub\": `.b` must be a text literal",
	`sub("a"; "\(.b)")`:              "jq function \"sub\": `\"\\(.b)\"` must be a text literal",
	`join(.sep)`:                     "jq function \"join\": `.sep` must be a text literal",
	`split(.sep)`:                    "jq function \"split\": `.sep` must be a text literal",
	`startswith(.p)`:                 "jq function \"startswith\": `.p` must be a text literal",
	`test("(")`:                      "jq function \"test\": no regular expression: missing closing ): \"(\"",
	`test("a{1000}")`:                "jq function \"test\": the regular expression compiles to 1002 instructions, more than 200",
	`sub("(a{20}){20}"; "")`:         "jq function \"sub\": the regular expression compiles to ",
	`test("(?=a)")`:                  "jq function \"test\": no regular expression: invalid or unsupported Perl syntax",
	`.a[] == .b`:                     "`.a[]` may yield several values where one is needed",
	`.a == .b[]`:                     "`.b[]` may yield several values where one is needed",
	`.a[] and true`:                  "`.a[]` may yield several values where one is needed",
	`if .a[] then 1 else 2 end`:      "`.a[]` may yield several values where one is needed",
	`map(select(.a[]))`:              "`.a[]` may yield several values where one is needed",
	`any(.a[]; .b[])`:                "`.b[]` may yield several values where one is needed",
	`all(.b[])`:                      "`.b[]` may yield several values where one is needed",
	`if .a then .b[] else .c end`:    "may yield several values: take one with first(…)",
	`(.a // .b[]) | .c`:              "may yield several values: take one with first(…)",
	strings.Repeat(".a|", 400) + ".": "is longer than 1024 bytes",
}

func TestRefusedExpressions(t *testing.T) {
	t.Parallel()
	for expression, want := range refusedExpressions {
		t.Run(fmt.Sprintf("%.40s is refused", expression), func(t *testing.T) {
			t.Parallel()
			_, err := source.Parse(with(map[string]any{"ref": expression}))
			if !errors.Is(err, source.ErrInvalidFile) || !strings.Contains(err.Error(), "sources.json: crm: ref: "+want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// functionsOfJQ are those that jq 1.7 and gojq have beside the allowed ones.
var functionsOfJQ = strings.Fields(`
	abs acos acosh add add(.) arrays asin asinh atan atan2(1;1) atanh booleans bsearch(1) builtins cbrt ceil combinations
	combinations(2) contains(1) copysign(1;1) cos cosh debug debug(1) del(.) delpaths(.) drem(1;1) empty env erf erfc error
	error(1) exp exp10 exp2 explode expm1 fabs fdim(1;1) finites flatten flatten(1) floor fma(1;1;1) fmax(1;1) fmin(1;1)
	fmod(1;1) format(1) frexp from_entries fromdate fromdateiso8601 fromstream(.) gamma getpath(.) gmtime group_by(.)
	gsub("a";"b") gsub("a";"b";"g") halt halt_error halt_error(1) has("a") hypot(1;1) IN(.) IN(.;.) implode in(.) index("a")
	INDEX(.) INDEX(.;.) indices("a") infinite input inputs inside(.) isempty(.) isfinite isinfinite isnan isnormal iterables
	j0 j1 jn(1;1) JOIN(.;.) keys last last(.) ldexp(1;1) lgamma limit(1;.) localtime log log10 log1p log2 logb ltrimstr
	map_values(.) match("a") match("a";"g") max max_by(.) min min_by(.) mktime modf modulemeta nan nearbyint nextafter(1;1)
	nexttoward(1;1) normals now nth(1) nth(1;.) nulls numbers objects path(.) paths paths(.) pick(.) pow(1;1) range(1)
	range(1;2) range(1;2;3) recurse recurse(.) recurse(.;.) remainder(1;1) repeat(.) reverse rindex("a") rint round
	scalars scalb(1;1) scalbln(1;1) scan("a") scan("a";"g") select setpath(.;.) significand sin sinh skip(1;.) sort sort_by(.)
	splits("a") splits("a";"g") sqrt strflocaltime("a") strftime("a") strings strptime("a") tan tanh tgamma to_entries
	toboolean toarray tojson tostream todate todateiso8601 transpose trunc truncate_stream(.) type unique unique_by(.) until(.;.)
	utf8bytelength values walk(.) while(.;.) with_entries(.) y0 y1 yn(1;1) getpath input_filename ascii splits ltrimstr(.;.)`)

func TestFunctionsOutsideTheSubset(t *testing.T) {
	t.Parallel()
	for _, call := range functionsOfJQ {
		name, args, _ := strings.Cut(call, "(")
		arity := 0
		if args != "" {
			arity = strings.Count(args, ";") + 1
		}
		_, err := source.Parse(with(map[string]any{"ref": call}))
		want := fmt.Sprintf("sources.json: crm: ref: jq function %q is not allowed; allowed are all/0 ", fmt.Sprintf("%s/%d", name, arity))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s…", err, want)
		}
	}
}

// hostileExpressions hold every function of the subset against a member x of the payload, alone and on each element.
var hostileExpressions = []string{
	`.x`, `.x == .y`, `.x < .y`, `{"a": 1}[.x]`, `.x // .y`, `.x[0].a`, `.x[-1]`, `.x and .y`,
	`.x | map(.)`, `.x | map(.[]?)`, `.x | map(map(.)?)`, `first(.x[] | select(. == "none"))`, `.x | first`, `.x | length`, `.x | not`,
	`.x | any`, `.x | any(. == "none")`, `any(.x[]; . == "none")`, `.x | all`, `.x | all(. != "none")`, `all(.x[]; . != "none")`,
	`.x | test("(a*)*(a|b|ab)*c")`, `.x | test("(?:a?){20}a{20}b")`, `.x | map(test("(a*)*(a|b|ab)*c"))`,
	`.x | capture("(?<n>(a*)(a*)(a*)(a*)c)").n`, `.x | map(capture("(?<n>.*)c"))`,
	`.x | sub("(a*)*(a|b|ab)*c"; "x")`, `.x | map(sub("^"; "x"))`, `.x | map(tostring | sub("$"; "x")) | join("")`,
	`.x | split("")`, `.x | split("a")`, `.x | map(split("")?)`, `.x | join(",")`, `.x | map(tostring) | join(", ")`,
	`.x | startswith("a")`, `.x | endswith("a")`, `.x | ltrimstr("a")`, `.x | rtrimstr("a")`, `.x | trimstr("a")`,
	`.x | ltrim`, `.x | rtrim`, `.x | trim`, `.x | ascii_downcase`, `.x | ascii_upcase`,
	`.x | tostring`, `.x | map(tostring) | tostring`, `.x | tonumber`, `.x | tonumber | tostring`, `.x | map(tonumber?)`,
	`.x | fromjson`, `.x | fromjson | tostring`, `.x | map(fromjson?)`,
}

// hostileValues are values of x: texts of so many bytes, and lists and objects of so many elements.
func hostileValues(size, elements int) map[string]string {
	long := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	list := func(unit string, n int) string { return "[" + strings.Repeat(unit+",", n-1) + unit + "]" }
	members := make([]string, elements)
	for i := range members {
		members[i] = fmt.Sprintf(`"member-%08d":0`, i)
	}
	return map[string]string{
		"a text of one letter":       quoted(long("a")),
		"a text of 4 KiB":            quoted(strings.Repeat("a", 4<<10)),
		"a text of blanks":           quoted(long(" ") + "x"),
		"a text of quotes":           quoted(strings.Repeat(`"`, size/2)),
		"a text of digits":           quoted(long("9")),
		"a text of 4 KiB of digits":  quoted(strings.Repeat("9", 4<<10)),
		"a text of brackets":         quoted(long("[")),
		"a text of many lists":       quoted(list("[]", size/3)),
		"a text of some lists":       quoted(list("[]", elements)),
		"a text of a large exponent": quoted("1e999999999"),
		"a large exponent":           "1e999999999",
		"texts":                      list(`"aaaaaaaaaaaaaaaaaaaaaa"`, elements),
		"texts of 4 KiB":             list(quoted(strings.Repeat("a", 4<<10)), size>>12),
		"lists of a list":            list("[[]]", elements/2),
		"99 deep lists":              strings.Repeat("[", 99) + strings.Repeat("]", 99),
		"members":                    "{" + strings.Join(members, ",") + "}",
	}
}

// steps counts how often gojq looks at its context, which it does once for each step.
type steps struct {
	context.Context
	taken int
}

func (s *steps) Done() <-chan struct{} {
	s.taken++
	return s.Context.Done()
}

// TestHostilePayloads bounds the work, not the time: steps and bytes allocated grow with the payload and no faster.
// What one step can cost is bounded by the limits on texts, numbers and regular expressions.
func TestHostilePayloads(t *testing.T) {
	const (
		size      = 32 << 10
		elements  = 990
		mostSteps = 600 * elements
		mostBytes = 24 << 20 // over the whole run, and not at a time
	)
	values := hostileValues(size, elements)
	for _, expression := range hostileExpressions {
		s := crm(t, map[string]any{"ref": expression})
		for name, value := range values {
			body := []byte(`{` + anyCall + `, "y": 0, "x": ` + value + `}`)
			counted := &steps{Context: t.Context()}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			items, err := s.Select(counted, body, "")
			runtime.ReadMemStats(&after)
			if err != nil || len(items) != 1 {
				t.Fatalf("%s on %s: got %v, %v", expression, name, items, err)
			}
			if item := items[0]; len(item.Ref) > 200 || item.Err != nil && !errors.Is(item.Err, source.ErrInvalid) {
				t.Errorf("%s on %s: got %d bytes, %v", expression, name, len(item.Ref), item.Err)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; counted.taken > mostSteps || allocated > mostBytes {
				t.Errorf("%s on %s: %d steps, %d MiB", expression, name, counted.taken, allocated>>20)
			}
		}
	}
}

func TestEveryAllowedFunctionMeetsHostilePayloads(t *testing.T) {
	t.Parallel()
	_, err := source.Parse(with(map[string]any{"ref": "now"}))
	_, list, found := strings.Cut(fmt.Sprint(err), "allowed are ")
	allowed := strings.Fields(list)
	if !found || len(allowed) == 0 {
		t.Fatalf("got %v", err)
	}
	tried := strings.Join(hostileExpressions, "\n")
	for _, function := range allowed {
		name, _, _ := strings.Cut(function, "/")
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(tried) {
			t.Errorf("no hostile payload meets %s", function)
		}
		if !slices.ContainsFunc(hostileExpressions, func(e string) bool { return strings.Contains(e, name) }) {
			t.Errorf("%s is not tried", name)
		}
	}
}

func TestLimitsInsideExpressions(t *testing.T) {
	t.Parallel()
	long := `"a": "` + strings.Repeat("7", 4097) + `"`
	for name, c := range map[string]struct{ expression, members, want string }{
		"a long text for test":                  {`if .a | test("7") then 1 else 2 end`, long, "ref: a text of more than 4096 bytes is too long"},
		"a long text for capture":               {`.a | capture("(?<n>7)").n`, long, "ref: a text of more than 4096 bytes is too long"},
		"a long text for sub":                   {`.a | sub("7"; "")`, long, "ref: a text of more than 4096 bytes is too long"},
		"a long text for split":                 {`.a | split("7") | first`, long, "ref: a text of more than 4096 bytes is too long"},
		"a long text for tonumber":              {`.a | tonumber`, long, "ref: a text of more than 4096 bytes is too long"},
		"fromjson of what has a member twice":   {`.a | fromjson | .id`, `"a": "{\"id\": 1, \"id\": 2}"`, `ref: fromjson: the text member "id" appears twice`},
		"fromjson of what has trailing data":    {`.a | fromjson | .id`, `"a": "{\"id\": 1} 2"`, "ref: fromjson: the text is not one JSON value"},
		"fromjson of a number":                  {`.a | fromjson`, `"a": 1`, "ref: the expression can't be applied to this payload"},
		"fromjson of deep lists":                {`.a | fromjson`, `"a": "` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `"`, "ref: fromjson: the text is nested more than 100 deep"},
		"a path into a text, which is not told": {`.a.b`, `"a": "s3cret"`, "ref: the expression can't be applied to this payload"},
		"a table looked up by a number":         {`{"1": "x"}[.a]`, `"a": 1`, "ref: the expression can't be applied to this payload"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			got, err := refOf(t, c.expression, c.members)
			if !errors.Is(err, source.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want) || got != "" {
				t.Errorf("got %q, %v, want %s", got, err, c.want)
			}
		})
	}
}
