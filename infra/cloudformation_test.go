package infra_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// object is a YAML mapping. A short intrinsic such as !Ref x reads as its long form, {"Ref": "x"}.
type object = map[string]any

// A cloudFormation is a template with the parts that the tests read.
type cloudFormation struct {
	Metadata, Parameters, Rules, Conditions, Resources, Outputs object
}

// read returns one YAML document. Numbers and booleans stay strings.
func read(t *testing.T, path string) object {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Docs) != 1 {
		t.Fatalf("%s has %d documents", path, len(file.Docs))
	}
	document, ok := value(t, file.Docs[0].Body).(object)
	if !ok || len(document) == 0 {
		t.Fatalf("%s is not a mapping", path)
	}
	return document
}

func readTemplate(t *testing.T, path string) cloudFormation {
	t.Helper()
	document := read(t, path)
	return cloudFormation{
		Metadata: at(document, "Metadata"), Parameters: at(document, "Parameters"),
		Rules: at(document, "Rules"), Conditions: at(document, "Conditions"), Resources: at(document, "Resources"), Outputs: at(document, "Outputs"),
	}
}

func value(t *testing.T, node ast.Node) any {
	t.Helper()
	switch n := node.(type) {
	case *ast.MappingNode:
		all := object{}
		for _, member := range n.Values {
			all[member.Key.GetToken().Value] = value(t, member.Value)
		}
		return all
	case *ast.MappingValueNode:
		return object{n.Key.GetToken().Value: value(t, n.Value)}
	case *ast.SequenceNode:
		all := make([]any, len(n.Values))
		for i, member := range n.Values {
			all[i] = value(t, member)
		}
		return all
	case *ast.TagNode:
		return intrinsic(n.Start.Value, value(t, n.Value))
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		return nil
	default:
		return n.GetToken().Value
	}
}

// intrinsic is the long form of a function that is written as a tag.
func intrinsic(tag string, argument any) object {
	name := strings.TrimPrefix(tag, "!")
	switch name {
	case "Ref", "Condition":
		return object{name: argument}
	case "GetAtt":
		if text, ok := argument.(string); ok {
			resource, attribute, _ := strings.Cut(text, ".")
			argument = []any{resource, attribute}
		}
	}
	return object{"Fn::" + name: argument}
}

// at follows a path of members and returns an empty object if one is absent.
func at(from any, path ...string) object {
	for _, name := range path {
		from = asObject(from)[name]
	}
	return asObject(from)
}

func asObject(v any) object {
	o, _ := v.(object)
	if o == nil {
		return object{}
	}
	return o
}

// list returns a list as it is and any other value as a list of one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// texts returns the strings of a list.
func texts(v any) (all []string) {
	for _, member := range list(v) {
		if text, ok := member.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

func number(t *testing.T, v any) float64 {
	t.Helper()
	text, _ := v.(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%v is not a number", v)
	}
	return n
}

// visit calls f with every object below v, v included.
func visit(v any, f func(object)) {
	switch v := v.(type) {
	case object:
		f(v)
		for _, member := range v {
			visit(member, f)
		}
	case []any:
		for _, member := range v {
			visit(member, f)
		}
	}
}

// ofType returns the sorted names of the resources of a type.
func (c cloudFormation) ofType(t *testing.T, kind string) []string {
	t.Helper()
	var names []string
	for name, resource := range c.Resources {
		if at(resource)["Type"] == kind {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatalf("the template has no %s", kind)
	}
	slices.Sort(names)
	return names
}

func (c cloudFormation) properties(name string) object { return at(c.Resources, name, "Properties") }

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
