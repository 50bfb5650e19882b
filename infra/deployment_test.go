package infra_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// A deployment is a template with values for its parameters. It evaluates intrinsic functions as CloudFormation does.
type deployment struct {
	cloudFormation
	t      *testing.T
	values map[string]string
}

const (
	account = "123456789012"
	region  = "eu-central-1"
)

// deployed returns the template with its default values, overridden by values.
func deployed(t *testing.T, path, stack string, values map[string]string) deployment {
	t.Helper()
	d := deployment{cloudFormation: readTemplate(t, path), t: t, values: map[string]string{
		"AWS::StackName": stack, "AWS::Region": region, "AWS::AccountId": account,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
	}}
	for name := range d.Parameters {
		if value, has := at(d.Parameters, name)["Default"].(string); has {
			d.values[name] = value
		}
	}
	for name := range values {
		if d.Parameters[name] == nil {
			t.Fatalf("%s has no parameter %s", path, name)
		}
	}
	maps.Copy(d.values, values)
	return d
}

var variable = regexp.MustCompile(`\$\{[A-Za-z.:]+\}`)

// noValue is AWS::NoValue, which removes the member.
type noValue struct{}

// resolve evaluates a value of the template. A resource's Ref or attribute, which only AWS knows, becomes its name in <>.
func (d deployment) resolve(v any) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || name == "Condition" && d.Conditions[text(argument)] != nil || strings.HasPrefix(name, "Fn::") {
					return d.call(name, argument)
				}
			}
		}
		all := object{}
		for name, member := range v {
			if resolved := d.resolve(member); resolved != (noValue{}) {
				all[name] = resolved
			}
		}
		return all
	case []any:
		all := []any{}
		for _, member := range v {
			if resolved := d.resolve(member); resolved != any(noValue{}) {
				all = append(all, resolved)
			}
		}
		return all
	default:
		return v
	}
}

func (d deployment) call(name string, argument any) any {
	switch name {
	case "Ref":
		return d.ref(text(argument))
	case "Condition":
		return d.resolve(d.Conditions[text(argument)])
	case "Fn::Sub":
		return d.sub(list(argument))
	case "Fn::GetAtt":
		return fmt.Sprintf("<%s>", strings.Join(texts(argument), "."))
	case "Fn::If":
		branches := list(argument)
		if d.resolve(d.Conditions[text(branches[0])]) == true {
			return d.resolve(branches[1])
		}
		return d.resolve(branches[2])
	}
	arguments := list(d.resolve(argument))
	switch name {
	case "Fn::Equals":
		return reflect.DeepEqual(arguments[0], arguments[1])
	case "Fn::Not":
		return arguments[0] != true
	case "Fn::And", "Fn::Or":
		for _, one := range arguments {
			if (one == true) == (name == "Fn::Or") {
				return name == "Fn::Or"
			}
		}
		return name == "Fn::And"
	case "Fn::Join":
		return strings.Join(texts(arguments[1]), text(arguments[0]))
	case "Fn::Split":
		parts := []any{}
		for part := range strings.SplitSeq(text(arguments[1]), text(arguments[0])) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::Select":
		return list(arguments[1])[int(number(d.t, arguments[0]))]
	}
	d.t.Fatalf("nothing here evaluates %s", name)
	return nil
}

func (d deployment) ref(name string) any {
	if name == "AWS::NoValue" {
		return noValue{}
	}
	if value, known := d.values[name]; known {
		return value
	}
	if resource, _, _ := strings.Cut(name, "."); d.Resources[resource] == nil { // SAM takes FUNCTION.Alias
		d.t.Fatalf("the template has neither parameter nor resource %s", name)
	}
	return "<" + name + ">"
}

func (d deployment) sub(arguments []any) any {
	own := object{}
	if len(arguments) == 2 {
		own = at(d.resolve(arguments[1]))
	}
	return variable.ReplaceAllStringFunc(text(arguments[0]), func(match string) string {
		name := match[2 : len(match)-1]
		if value, is := own[name]; is {
			return fmt.Sprint(value)
		}
		if resource, _, attribute := strings.Cut(name, "."); attribute && d.Resources[resource] != nil {
			return "<" + name + ">"
		}
		return fmt.Sprint(d.ref(name))
	})
}

// refusals returns the messages of the template's Rules that the values break.
func (d deployment) refusals() (sentences []string) {
	for name := range d.Rules {
		if condition := at(d.Rules, name)["RuleCondition"]; condition != nil && d.resolve(condition) != true {
			continue
		}
		for _, assertion := range list(at(d.Rules, name)["Assertions"]) {
			if d.resolve(at(assertion)["Assert"]) != true {
				sentences = append(sentences, text(at(assertion)["AssertDescription"]))
			}
		}
	}
	return sentences
}
