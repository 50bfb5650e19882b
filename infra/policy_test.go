package infra_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A call is a request to IAM: an action on a resource, with the condition keys.
type call struct {
	action, resource string
	keys             map[string][]string
}

// A policy holds the evaluated statements of a role or a boundary.
type policy []object

// policyOf returns all statements of the named resources of a deployment, without their trust policies.
func (d deployment) policyOf(names ...string) (all policy) {
	for _, name := range names {
		properties := d.properties(name)
		delete(properties, "AssumeRolePolicyDocument")
		all = append(all, statements(at(d.resolve(properties)))...)
	}
	return all
}

// allows decides as IAM does: an explicit deny wins, and nothing is allowed by default.
func (p policy) allows(t *testing.T, c call) bool {
	t.Helper()
	allowed := false
	for _, statement := range p {
		if !matchesAny(texts(statement["Action"]), c.action) || !matchesAny(texts(statement["Resource"]), c.resource) {
			continue
		}
		if !conditionsHold(t, at(statement["Condition"]), c.keys) {
			continue
		}
		if statement["Effect"] == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func matchesAny(patterns []string, value string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return like(pattern, value) })
}

// compiled caches the patterns.
var compiled = map[string]*regexp.Regexp{}

// like matches as IAM does: * is any number of characters, ? is one.
func like(pattern, value string) bool {
	if compiled[pattern] == nil {
		quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		compiled[pattern] = regexp.MustCompile("(?is)^" + quoted + "$")
	}
	return compiled[pattern].MatchString(value)
}

func conditionsHold(t *testing.T, conditions object, keys map[string][]string) bool {
	t.Helper()
	for operator, compared := range conditions {
		for key, wanted := range at(compared) {
			if !conditionHolds(t, operator, texts(wanted), keys[key]) {
				return false
			}
		}
	}
	return true
}

func conditionHolds(t *testing.T, operator string, wanted, values []string) bool {
	t.Helper()
	compare := func(value string) bool { return slices.Contains(wanted, value) }
	switch operator {
	case "Null":
		return (len(values) == 0) == (wanted[0] == "true")
	case "StringEquals", "StringEqualsIfExists", "ForAllValues:StringEquals":
	case "StringLike", "StringLikeIfExists", "ArnLike":
		compare = func(value string) bool { return matchesAny(wanted, value) }
	default:
		t.Fatalf("nothing here evaluates the condition %s", operator)
	}
	if strings.HasPrefix(operator, "ForAllValues:") {
		return !slices.ContainsFunc(values, func(value string) bool { return !compare(value) })
	}
	if len(values) == 0 {
		return strings.HasSuffix(operator, "IfExists")
	}
	return compare(values[0])
}

// IAM does not count white space. One limit is for all inline policies of a role together, one for each managed policy.
func TestPoliciesFitIAMsSizeLimits(t *testing.T) {
	const inline, managed = 10240, 6144
	d := fullBootstrap(t, "prod", "vicihook-bootstrap-prod")
	for name, resource := range d.Resources {
		limit := map[any]int{"AWS::IAM::Role": inline, "AWS::IAM::ManagedPolicy": managed}[at(resource)["Type"]]
		if limit == 0 {
			continue
		}
		length := 0
		visit(d.resolve(d.properties(name)), func(o object) {
			if document := o["PolicyDocument"]; document != nil {
				text, _ := json.Marshal(document)
				length += len(text)
			}
		})
		if length == 0 || length > limit {
			t.Errorf("%s has %d characters, and may have %d", name, length, limit)
		}
	}
}
