package jq_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vicihook/function/internal/source/jq"
)

// hostileExpressions apply every function and operator to a member x of the payload, alone and on each element.
var hostileExpressions = []string{
	`.x == .y`, `.x == .x`, `.x < .x`, `{"a": 1}[.x]?`, `.x // .y`, `.x + .x`, `.x - .x`, `.x * .x`, `.x / .x`, `.x % 7`, `-(.x)`, `.x[1:]`, `.x[.x]?`,
	`"\(.x)-\(.x)"`, `[.x, .x] | tojson`, `{a: .x} | tojson`, `[.x[] | [., .]]`, `[.x[] as $a | .x[] as $b | [$a, $b]]`, `.x[] as $a | .x == $a`,
	`[.x[] as $a | $a == .x]`, `[.x[] as $a | .x | length]`, `[.x[] as $a | .x | tojson]`, `[.x[] as $a | .x | sort]`, `reduce .x[] as $a (""; . + ($a | tostring))`,
	`reduce .x[] as $a ([]; . + [$a])`, `reduce .x[] as $a ({}; . + {($a | tostring): 1})`, `reduce .x[] as $a (.x; [., .])`, `reduce .x[] as $a (.x; . + .)`,
	`reduce .x[] as $a (3; . * .)`, `[foreach .x[] as $a (""; . + "aaaaaaaaaaaaaaaa")]`, `[.x[] as $a | .x[0:100]]`, `[.x[]? | explode]`,
	`.x | map(.)`, `.x | map(map(.)?)`, `[.x[] | select(. == "none")]`, `.x | map_values(.)`, `.x | first`, `last(.x[])`, `nth(5; .x[])`, `isempty(.x[])`,
	`[skip(2; .x[])]`, `.x | any(. == "none")`, `all(.x[]; . != "none")`, `.x | IN(.x[]; .x[])`, `IN(.x[]; .x[])`, `.x | contains(.x)`, `.x | inside(.x)`,
	`.x | index(.x)`, `.x | rindex("a")`, `.x | indices("a")`, `.x | indices(.x[0:2])`, `.x | has(0)`, `.x | map(in({}))`, `.x | sort_by(.)`, `.x | sort`,
	`.x | group_by(.)`, `.x | unique`, `.x | unique_by(.)`, `.x | max_by(.)`, `.x | min`, `.x | reverse`, `.x | flatten`, `.x | add`, `add(.x[])`, `.x | keys`,
	`.x | to_entries`, `.x | to_entries | from_entries`, `.x | with_entries(.)`, `.x | INDEX(.)`, `.x | JOIN({}; tostring)`, `.x | getpath([0])`, `[path(.x[])]`,
	`del(.x[])`, `.x | delpaths([[0]])`, `.x | bsearch(1)`, `.x | length`, `.x | type`, `.x | not`,
	`.x | test("(a*)*(a|b|ab)*c")`, `.x | test("(?:a?){20}a{20}b")`, `.x | map(test("(a*)*(a|b|ab)*c"))`, `.x | test("[VYJM][0-9]{19}")`, `[.x[] | test("(?:a?){50}a{50}b")]`,
	`.x | capture("(?<n>(a*)(a*)(a*)(a*)c)").n`, `.x | map(capture("(?<n>.*)c"))`, `.x | match("a*b").string`, `.x | sub("(a*)*c"; "x")`, `.x | map(sub("^"; "x"))`,
	`[.x | match(""; "g")]`, `[.x[]? | match("()()()()()a"; "g")]`, `[.x | scan("a")]`, `[.x[]? | scan(".")]`, `.x | gsub("a"; "")`, `.x | gsub(""; "bbbbbbbb")`,
	`.x as $x | "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" | gsub("a"; $x | tostring)`, `[.x | splits("")]`, `.x | split("a"; null)`,
	`.x | split("")`, `.x | split("a")`, `.x | map(split("")?)`, `.x | join(",")`, `.x | join("` + strings.Repeat("z", 900) + `")`, `.x as $x | ["a", "b"] | join($x | tostring)`,
	`.x | startswith("a")`, `.x | ltrimstr("a")`, `.x | rtrimstr("a")`, `.x | trimstr("a")`, `.x | ltrim`, `.x | rtrim`, `.x | trim`, `.x | ascii_upcase`,
	`.x | explode`, `.x | explode | implode`, `.x | utf8bytelength`, `.x | tostring`, `.x | tojson | tojson | tojson | tojson | tojson | tojson`,
	`.x | map(tostring) | tostring`, `.x | tonumber`, `.x | map(tonumber?)`, `.x | toboolean`, `.x | fromjson`, `.x | map(fromjson?)`,
	`.x | @html | @html | @html`, `.x | @uri | @uri`, `.x | @base64 | @base64`, `.x | @base64d`, `.x | @sh`, `.x | @csv`, `.x | @tsv`, `.x | @json "\(.)"`, `.x | format("html")`,
	`.x | strptime("%Y")`, `.x | map(strftime("%Y-%m-%dT%H:%M:%S")?)`, `.x as $x | 0 | strftime($x | tostring)`, `.x | map(todate?)`, `.x | map(mktime?)`, `.x | gmtime`,
	`.x | map(pow(.; 1000)?)`, `.x | map(exp10?)`, `.x | map(gamma?)`, `.x | map(ldexp(.; 100000)?)`, `.x | map(numbers)`, `try error(.x) catch length`,
	`.x` + strings.Repeat(` | map(tostring) | tostring | [.]`, 12), `.x | ` + strings.Repeat(`map(`, 11) + `tostring` + strings.Repeat(`) | tostring`, 11) + `?`,
	`.x | split("a") | map(split("") | join("a")) | join("a")`, `.x as $x | [1, 2, 3, 4, 5, 6, 7, 8] | map($x / "a")`,
	`.x as $x | "` + strings.Repeat("a", 200) + `" | split("") | map($x[0:1])`, `[.x[] as $a | .x[-1][0:100]?]`, `[.x[] as $a | "\(.x)"]`, `[.x[] as $a | .x | to_entries]`,
	`.x` + strings.Repeat(` | @html`, 60), `.x` + strings.Repeat(` | @uri`, 60), `.x as $x | [1, 2, 3, 4, 5, 6, 7, 8] | map($x | @json)`,
}

// hostileValues returns values of x: texts of size bytes, and lists and objects of that many elements.
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
		"a text of one letter": quoted(long("a")),
		"a text of 4 KiB":      quoted(strings.Repeat("a", 4<<10)),
		"a text of call ids":   quoted(long("V123456789012345678 ")),
		"a text of blanks":     quoted(long(" ") + "x"),
		"a text of quotes":     quoted(strings.Repeat(`"`, size/2)),
		"a text of digits":     quoted(long("9")),
		"a text of formats":    quoted(long("%c")),
		"a text of many lists": quoted(list("[]", size/3)),
		"a text of some lists": quoted(list("[]", elements)),
		"a large exponent":     "1e999999999",
		"a long number":        strings.Repeat("9", 100),
		"numbers":              list("1e300", elements),
		"texts":                list(`"aaaaaaaaaaaaaaaaaaaaaa"`, elements),
		"texts, one large":     "[" + strings.Repeat(`"a",`, elements/2) + quoted(long("a")) + "]",
		"texts of 4 KiB":       list(quoted(strings.Repeat("a", 4<<10)), size>>12),
		"lists of a list":      list("[[]]", elements/2),
		"99 deep lists":        strings.Repeat("[", 97) + strings.Repeat("]", 97),
		"members":              "{" + strings.Join(members, ",") + "}",
		"entries":              list(`{"name":"a","value":1}`, elements/4),
	}
}

const mostBytes = 16 << 20 // over a whole run, and not at a time

// run evaluates an expression and returns the CPU time and the bytes allocated.
func run(t testing.TB, e *jq.Expression, input any) (time.Duration, uint64) {
	before := allocated()
	start := processorTime()
	if _, err := e.Take(jq.NewMeter(t.Context()), input, 2); err != nil && strings.Contains(err.Error(), "aaaa") {
		t.Errorf("%v quotes the payload", err)
	}
	spent := processorTime() - start
	return spent, allocated() - before
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestHostileMemory(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates too")
	}
	inputs := map[string]any{}
	for name, value := range hostileValues(250<<10, 4_900) {
		inputs[name] = decode(t, `{"y": 0, "x": `+value+`}`)
	}
	for _, text := range hostileExpressions {
		e := compile(t, text)
		for name, input := range inputs {
			if _, allocated := run(t, e, input); allocated > mostBytes {
				t.Errorf("%.80s on %s: %d MiB", text, name, allocated>>20)
			}
		}
	}
}

func TestHostileCoversFunctions(t *testing.T) {
	t.Parallel()
	words := regexp.MustCompile(`[a-zA-Z_]\w*`)
	tried := words.FindAllString(strings.Join(hostileExpressions, "\n"), -1)
	for _, row := range rows(t) {
		for _, function := range words.FindAllString(row.expression, -1) {
			if _, faults := jq.Compile(function); len(faults) == 0 && !slices.Contains(tried, function) && !slices.Contains(constantTime, function) {
				t.Errorf("no hostile expression uses %s", function)
			}
		}
	}
}

// constantTime are the functions that read one number or a type.
var constantTime = strings.Fields(`abs acos acosh arrays asin asinh atan atanh booleans cbrt ceil cos cosh empty erf erfc error
	exp exp2 expm1 fabs finites floor frexp infinite isfinite isinfinite isnan isnormal iterables j0 j1 lgamma localtime log log10
	log1p log2 logb modf nan nearbyint normals not now null nulls objects rint round scalars significand sin sinh sqrt strings tan
	tanh tgamma true trunc false values y0 y1 add ascii_downcase fromdate fromdateiso8601 todateiso8601 max`)

// BenchmarkHostile reports the slowest payload of 256 KiB for each expression, and fails above 50 ms of CPU time.
func BenchmarkHostile(b *testing.B) {
	values := hostileValues(250<<10, 9_900)
	for _, text := range hostileExpressions {
		b.Run(text, func(b *testing.B) {
			var slowest time.Duration
			for name, value := range values {
				e, input, best := compile(b, text), decode(b, `{"y": 0, "x": `+value+`}`), time.Hour
				for range 5 {
					spent, _ := run(b, e, input)
					best = min(best, spent)
				}
				if best > 50*time.Millisecond {
					b.Errorf("%s: %v", name, best)
				}
				slowest = max(slowest, best)
			}
			b.ReportMetric(float64(slowest.Microseconds())/1e3, "ms-slowest")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// FuzzComposedExpressions checks that hostile expressions that are piped into each other stay within the limits.
func FuzzComposedExpressions(f *testing.F) {
	for i := range len(hostileExpressions) {
		f.Add(byte(i), byte(i+1), byte(i+2), byte(i))
	}
	names, values := []string{}, hostileValues(250<<10, 4_900)
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, first, second, third, value byte) {
		part := func(i byte) string { return "(" + hostileExpressions[int(i)%len(hostileExpressions)] + ")" }
		text := part(first) + " | {x: ., y: 0} | " + part(second) + " | {x: ., y: 1} | " + part(third)
		e, faults := jq.Compile(text)
		if faults != nil {
			t.Skip(faults)
		}
		spent, allocated := run(t, e, decode(t, `{"y": 0, "x": `+values[names[int(value)%len(names)]]+`}`))
		if spent > time.Second || allocated > 3*mostBytes && !raced {
			t.Errorf("%s: %v, %d MiB", text, spent, allocated>>20)
		}
	})
}

// FuzzCompile checks that the evaluation of whatever is compiled ends within its limits.
func FuzzCompile(f *testing.F) {
	for _, row := range rows(f) {
		f.Add(row.expression, row.input)
	}
	for expression := range refusedExpressions {
		f.Add(expression, `{"a": ["b"]}`)
	}
	f.Fuzz(func(t *testing.T, expression, payload string) {
		e, faults := jq.Compile(expression)
		input, err := jq.Decode([]byte(payload))
		if faults != nil || err != nil {
			return
		}
		if spent, allocated := run(t, e, input); spent > time.Second || allocated > 3*mostBytes {
			t.Errorf("%s: %v, %d MiB", expression, spent, allocated>>20)
		}
	})
}
