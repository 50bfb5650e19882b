package infra_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A pattern is a metric filter of CloudWatch Logs: comparisons of a JSON line's members, joined by && and ||.
// AWS does not document `!=` on an absent member; the filters must work whether it matches or not.
type pattern struct {
	tokens       []string
	line         object
	absentDiffer bool
}

var lexeme = regexp.MustCompile(`"[^"]*"|&&|\|\||!=|=|[()]|NOT EXISTS|[^\s()=!&|"]+`)

func hits(t *testing.T, filter string, line object, absentDiffer bool) bool {
	t.Helper()
	body, opened := strings.CutPrefix(strings.TrimSpace(filter), "{")
	body, closed := strings.CutSuffix(body, "}")
	if !opened || !closed {
		t.Fatalf("%s is not a JSON filter", filter)
	}
	if wild := strings.Count(body, "[*]"); wild > 3 {
		t.Fatalf("%s has %d wildcards; CloudWatch takes 3", filter, wild)
	}
	p := &pattern{tokens: lexeme.FindAllString(body, -1), line: line, absentDiffer: absentDiffer}
	result := p.either()
	if len(p.tokens) > 0 {
		t.Fatalf("%s is not understood from %v on", filter, p.tokens)
	}
	return result
}

func (p *pattern) take() string {
	if len(p.tokens) == 0 {
		return ""
	}
	first := p.tokens[0]
	p.tokens = p.tokens[1:]
	return first
}

func (p *pattern) next(want string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == want {
		p.take()
		return true
	}
	return false
}

func (p *pattern) either() bool {
	result := p.all()
	for p.next("||") {
		right := p.all()
		result = result || right
	}
	return result
}

func (p *pattern) all() bool {
	result := p.one()
	for p.next("&&") {
		right := p.one()
		result = result && right
	}
	return result
}

func (p *pattern) one() bool {
	if p.next("(") {
		result := p.either()
		p.next(")")
		return result
	}
	found := members(p.line, strings.Split(strings.TrimPrefix(p.take(), "$."), "."))
	if p.next("NOT EXISTS") {
		return len(found) == 0
	}
	operator, wanted := p.take(), strings.Trim(p.take(), `"`)
	if len(found) == 0 {
		return operator == "!=" && p.absentDiffer
	}
	return slices.ContainsFunc(found, func(v string) bool {
		start, wild := strings.CutSuffix(wanted, "*")
		return (v == wanted || wild && strings.HasPrefix(v, start)) == (operator == "=")
	})
}

// members returns the values at a selector; [*] selects every member of a list.
func members(from any, path []string) []string {
	if len(path) == 0 {
		switch from.(type) {
		case nil, object, []any:
			return nil
		}
		return []string{fmt.Sprint(from)}
	}
	name, wild := strings.CutSuffix(path[0], "[*]")
	inner := asObject(from)[name]
	if !wild {
		return members(inner, path[1:])
	}
	var all []string
	for _, member := range list(inner) {
		all = append(all, members(member, path[1:])...)
	}
	return all
}

// counts returns the metrics that a log line increments while version 7 is the newest.
func counts(t *testing.T, line object) []string {
	t.Helper()
	return countsIn(t, "FunctionLogGroup", line)
}

func countsIn(t *testing.T, group string, line object) []string {
	t.Helper()
	c := readTemplate(t, "../template.yaml")
	version := strings.NewReplacer("${VicihookFunction.Version.Version}", "7")
	var names []string
	for _, resource := range c.ofType(t, "AWS::Logs::MetricFilter") {
		filter := c.properties(resource)
		if at(filter["LogGroupName"])["Ref"] != group {
			continue
		}
		pattern := version.Replace(text(filter["FilterPattern"]))
		hit := hits(t, pattern, line, false)
		if other := hits(t, pattern, line, true); other != hit {
			t.Errorf("for %v it is undefined whether %s counts", line, resource)
		}
		if hit {
			names = append(names, version.Replace(text(at(list(filter["MetricTransformations"])[0])["MetricName"])))
		}
	}
	slices.Sort(names)
	return names
}

const (
	failure    = "Failures"
	newVersion = "FailuresOfVersion7"
)

// countedAs lists the metrics that each outcome increments beside Deliveries. All but the first group requested a hang-up.
var countedAs = map[string][]string{
	"ignored": nil, "would_hang_up": nil, "paused": nil,

	"hungup": {"Asked", "HungUp"}, "accepted": {"Asked"}, "no_longer_listed": {"Asked"}, "no_active_call": {"Asked"},
	"agent_not_logged_in": {"Asked"}, "other_call": {"Asked"},

	"still_listed": {"Asked", failure, newVersion, "NotEnded"}, "unknown": {"Asked", failure, newVersion, "NotEnded"},
	"unavailable": {"Asked", failure, newVersion, "Unavailable"},

	"credentials_rejected": {"AccountRefused", "Asked", failure, newVersion}, "locked_out": {"AccountRefused", "Asked", failure, newVersion},
	"misconfigured": {"Asked", failure, newVersion, "Misconfigured"},

	"api_access_denied": {"Asked", failure, newVersion, "Refused"}, "ip_blocked": {"Asked", failure, newVersion, "Refused"},
	"permission_denied": {"Asked", failure, newVersion, "Refused"}, "api_disabled": {"Asked", failure, newVersion, "Refused"},
	"no_active_server": {"Asked", failure, newVersion, "Refused"}, "tls_untrusted": {"Asked", failure, newVersion, "Refused"},
	"request_rejected": {"Asked", failure, newVersion, "Refused"}, "unexpected_reply": {"Asked", failure, newVersion, "Refused"},

	"unauthorized": {"Asked", "RejectedSignatures"}, "not_allowed": {"Asked"}, "invalid_request": {"Asked"},
	"too_large": {"Asked"},
}

// outcome matches a row of the README's table: outcome, status, Retry-After, fault.
var outcome = regexp.MustCompile("(?m)^\\| ((?:`\\w+` ?)+)\\|.*\\| (\\d{3}) \\|[^|]*\\| ?(\\w*) ?\\|$")

func TestFiltersCountEachOutcome(t *testing.T) {
	seen := 0
	for _, row := range outcome.FindAllStringSubmatch(readme(t), -1) {
		name, status, fault := strings.Trim(row[1], "` "), row[2], row[3]
		number, _ := strconv.Atoi(status)
		line := object{"level": "INFO", "source": "crm", "outcome": name, "status": number, "function_version": "7"}
		if fault != "" {
			line["fault"] = fault
		}
		want, known := countedAs[name]
		if !known {
			t.Errorf("countedAs lacks %s", name)
			continue
		}
		seen++
		want = append([]string{"Deliveries"}, want...)
		slices.Sort(want)
		if got := counts(t, line); !slices.Equal(got, want) {
			t.Errorf("%s is counted as %v, not %v", name, got, want)
		}
	}
	if seen != len(countedAs) {
		t.Errorf("the README names %d outcomes, not %d", seen, len(countedAs))
	}
}

func TestFiltersCountOtherLines(t *testing.T) {
	for name, test := range map[string]struct {
		line object
		want []string
	}{
		"a stranger's source": {
			object{"source": "-", "outcome": "unauthorized", "status": 401, "duration_ms": 0},
			[]string{"Deliveries", "Duration", "RejectedSignatures"}},
		"the pipeline's probe": {
			object{"source": "probe", "outcome": "no_active_call", "status": 200, "vicidial_ms": 3},
			[]string{"Deliveries", "VICIdialDuration"}},
		"a fault of the version before": {
			object{"source": "crm", "outcome": "unavailable", "status": 503, "fault": "vicidial", "function_version": "6"},
			[]string{"Asked", "Deliveries", failure, "Unavailable"}},
		"a refused account inside a batch": {
			object{"source": "crm", "outcome": "unavailable", "status": 503,
				"calls": []any{object{"outcome": "hungup"}, object{"outcome": "credentials_rejected", "fault": "operator"}}},
			[]string{"AccountRefused", "Asked", "Deliveries", "Unavailable"}},
		"a call of a batch that stays": {
			object{"source": "crm", "outcome": "unavailable", "status": 503, "calls": []any{object{"outcome": "still_listed"}}},
			[]string{"Asked", "Deliveries", "NotEnded", "Unavailable"}},
		"a configuration that is wrong": {object{"level": "ERROR", "cause": "x"}, []string{"Misconfigured"}},
		"a line of something else":      {object{"level": "INFO", "message": "x"}, nil},
		"a line of Lambda's own":        {object{"type": "platform.report", "record": object{"status": "error"}}, nil},
	} {
		if got := counts(t, test.line); !slices.Equal(got, test.want) {
			t.Errorf("%s is counted as %v, not %v", name, got, test.want)
		}
	}
}

func TestFiltersCountTheAPIsOwnFailures(t *testing.T) {
	for name, test := range map[string]struct {
		status, integrationError string
		want                     []string
	}{
		"a hang-up":                         {"200", "-", nil},
		"a 503 that the function answered":  {"503", "-", nil},
		"a function that can't be invoked":  {"500", "The IAM role configured on the integration doesn't have permissions", []string{"NotReached"}},
		"a function with no instance free":  {"503", "Rate Exceeded.", []string{"NotReached"}},
		"a webhook that the API turns away": {"429", "-", []string{"ThrottledByApi"}},
		"a path that the API does not have": {"404", "-", nil},
	} {
		line := object{"requestId": "x", "status": test.status, "integrationError": test.integrationError}
		if got := countsIn(t, "AccessLogGroup", line); !slices.Equal(got, test.want) {
			t.Errorf("%s is counted as %v, not %v", name, got, test.want)
		}
	}
}
