//go:build unix

package systemtest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
)

// jqPayload has a call id in every form that the expressions below look for.
func jqPayload(call string) string {
	return fmt.Sprintf(`{"agent_user":"1028","event":"Ticket.Closed","prefix":%q,"rest":%q,"date":%q,
		"call_id":"","long":%q,"text":"Line %s, please","lower":%q,"b64":%q,"tags":["phone","call-%s"],
		"ids":["x",%q],"fields":[{"id":7,"value":"no"},{"id":8,"value":%q}],
		"pairs":[{"name":"call","value":%q},{"name":"other","value":"x"}],"named":{"a":"x","call":%q},
		"comments":[{"at":2,"body":"old"},{"at":9,"body":%q},{"at":5,"body":"older"}]}`,
		call[:1], call[1:], call[1:10], call+"-0001", call, strings.ToLower(call), base64.StdEncoding.EncodeToString([]byte(call)), call,
		call, call, call, call, call)
}

// Expressions that people wrote, from public reports. Each must yield the call id.
var jqOfPeople = map[string]string{
	"a pipe into an index":   `[.ids[] | select(startswith("Y"))][0]`,
	"scan":                   `[.text | scan("Y[0-9]{19}")][0]`,
	"match":                  `.text | match("Y[0-9]{19}").string`,
	"capture with a flag":    `.text | capture("(?<id>y[0-9]{19})"; "i").id`,
	"last":                   `.ids | last`,
	"last of a stream":       `last(.ids[])`,
	"IN":                     `if .event | IN("Ticket.Closed", "Ticket.Solved") then .ids[1] else empty end`,
	"contains":               `first(.tags[] | select(contains("call-"))) | ltrimstr("call-")`,
	"index":                  `.tags[1] as $t | $t[($t | index("-")) + 1:]`,
	"has":                    `if .named | has("call") then .named.call else empty end`,
	"alternative empty":      `.named.call // empty`,
	"as":                     `.named as $n | $n.call`,
	"try":                    `(try error("x") catch "") + .named.call`,
	"a question mark":        `first(.missing[]?, .named.call)`,
	"a slice":                `.long[0:20]`,
	"addition":               `.prefix + .rest`,
	"interpolation":          `"\(.prefix)\(.rest)"`,
	"gsub":                   `.text | gsub("[^Y0-9]"; "")`,
	"sub":                    `.text | sub("^Line "; "") | sub(", .*$"; "")`,
	"@base64d":               `.b64 | @base64d`,
	"sort_by":                `.comments | sort_by(.at) | last.body`,
	"max_by":                 `.comments | max_by(.at).body`,
	"from_entries":           `.pairs | from_entries | .call`,
	"to_entries":             `.named | first(to_entries[] | select(.key == "call")).value`,
	"with_entries":           `.named | with_entries(select(.key == "call")) | .call`,
	"INDEX":                  `INDEX(.fields[]; .id)["8"].value`,
	"map and select":         `.fields | map(select(.id == 8)) | .[0].value`,
	"first and select":       `first(.fields[] | select(.id == 8)).value`,
	"add":                    `[.prefix, .rest] | add`,
	"join":                   `[.prefix, .rest] | join("")`,
	"split":                  `.tags[1] | split("-") | .[1]`,
	"split by an expression": `[.tags[1] | splits("-+")][1]`,
	"ascii_upcase":           `.lower | ascii_upcase`,
	"ltrimstr and rtrimstr":  `.long | rtrimstr("-0001")`,
	"test":                   `first(.ids[] | select(test("^Y[0-9]{19}$")))`,
	"tostring and tonumber":  `(.fields[1].id | tostring | tonumber) as $id | first(.fields[] | select(.id == $id)).value`,
	"if, elif, else":         `if .event == "x" then empty elif .prefix == "Y" then .named.call else empty end`,
	"a table":                `{"Ticket.Closed": .named.call}[.event]`,
	"a table with a default": `{"Ticket.Solved": "x"}[.event] // .named.call`,
	"paths in quotes":        `.named."call"`,
	"length":                 `if (.ids | length) > 1 then .ids[-1] else empty end`,
	"any and all":            `if any(.ids[]; . == "x") and all(.ids[]; type == "string") then .named.call else empty end`,
	"group_by":               `.fields | group_by(.id) | .[1][0].value`,
	"unique_by":              `.fields | unique_by(.id) | .[1].value`,
	"keys":                   `.named | .[keys[1]]`,
	"getpath":                `getpath(["named", "call"])`,
	"trim":                   `"  \(.named.call) " | trim`,
	"reduce":                 `reduce .ids[] as $i (""; $i)`,
}

func TestReportsJqThatPeopleWrite(t *testing.T) {
	t.Parallel()
	sources, names := map[string]any{}, map[string]string{}
	for name, expression := range jqOfPeople {
		source := fmt.Sprintf("s%d", len(names))
		names[source] = name
		sources[source] = map[string]string{"scheme": "generic-sha256-base64", "call_id": expression}
	}
	b := newFixture(t, stack.Config{SourcesFile: sourcesFile(t, sources)})
	for source, name := range names {
		t.Run(name, func(t *testing.T) {
			call := b.addCallFor("")
			if got := b.send(t, b.delivery(t, source, jqPayload(call))); got.Outcome != "hungup" {
				t.Errorf("%s: got %s; the log:\n%s", jqOfPeople[name], got.body, b.lastLine())
			}
		})
	}
}

// Expressions that can run long on a payload are refused at load, and the message names a substitute.
var jqRefused = map[string]string{
	"..": `.. | strings`, "recurse": `recurse | strings`, "range": `[range(3)][0]`, "limit": `[limit(1; .a[])][0]`,
	"repeat": `first(repeat(.a))`, "while": `[while(. != null; .a)][0]`, "until": `until(type == "string"; .a)`,
	"input": `input`, "env": `env.HOME`, "def": `def f: f; f`,
}

func TestReportsOneWrongExpressionDisablesItsOwnSource(t *testing.T) {
	t.Parallel()
	good, bad, names := map[string]any{}, map[string]any{}, map[string]string{}
	for name, expression := range jqRefused {
		source := fmt.Sprintf("s%d", len(names))
		names[source] = name
		good[source] = map[string]string{"scheme": "generic-sha256-base64"}
		bad[source] = map[string]string{"scheme": "generic-sha256-base64", "call_id": expression}
	}
	good["fine"], bad["fine"] = good["s0"], good["s0"]
	b := newFixture(t, stack.Config{SourcesFile: sourcesFile(t, good), Env: map[string]string{"SOURCES_FILE": sourcesFile(t, bad)}})
	if got := b.send(t, b.delivery(t, "fine", payloadOf(b.call))); got.Outcome != "hungup" {
		t.Errorf("the good source got %s", got.body)
	}
	for source, name := range names {
		call := b.addCallFor("")
		if got := b.send(t, b.delivery(t, source, payloadOf(call))); got.Outcome != "misconfigured" {
			t.Errorf("%s: got %s", name, got.body)
		}
		b.checkCall(t, call, "misconfigured")
		named := regexp.MustCompile(`"level":"ERROR".*\b` + source + `\b.*call_id`)
		if !slices.ContainsFunc(b.Logs(), named.MatchString) {
			t.Errorf("%s: no ERROR line names the field and the source %s:\n%s", name, source, strings.Join(b.Logs(), "\n"))
		}
	}
}

func TestReportsLongTexts(t *testing.T) {
	t.Parallel()
	sources := map[string]any{}
	for name, expression := range map[string]string{
		"capture": `.body | capture("(?<id>Y[0-9]{19})").id`,
		"test":    `if .body | test("call") then .call else empty end`,
		"sub":     `.body | sub("(?s)^.*(?<id>Y[0-9]{19}).*$"; .id)`,
		"split":   `.body | split("#") | .[1]`,
		"slice":   `.body | .[index("Y"):] | .[:20]`,
	} {
		sources[name] = map[string]string{"scheme": "generic-sha256-base64", "call_id": expression}
	}
	b := newFixture(t, stack.Config{SourcesFile: sourcesFile(t, sources)})
	for what, size := range map[string]int{"an e-mail in HTML": 9 << 10, "a GitHub issue of the greatest length": 65536} {
		for name := range sources {
			t.Run(name+" in "+what, func(t *testing.T) {
				call := b.addCallFor("")
				half := strings.Repeat("<p>a call&nbsp;to end</p>\n", size/2/26)
				body, err := json.Marshal(map[string]string{"agent_user": "1028", "call": call, "body": half + "#" + call + "#" + half})
				if err != nil {
					t.Fatal(err)
				}
				if got := b.send(t, b.delivery(t, name, string(body))); got.Outcome != "hungup" {
					t.Errorf("got %s; the log:\n%s", got.body, b.lastLine())
				}
			})
		}
	}
}
