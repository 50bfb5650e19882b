package jq

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/itchyny/gojq"
)

// refused are the parts of jq that can run long or grow large on a payload, or read more than it, with a substitute.
var refused = map[string]string{
	"..":              "name the path, such as .a[].b",
	"recurse":         "name the path, such as .a[].b",
	"walk":            "name the path, or map over a list",
	"paths":           "use to_entries, or keys",
	"tostream":        "use to_entries",
	"fromstream":      "use from_entries",
	"truncate_stream": "use a slice, such as .[1:]",
	"range":           "map over a list of the payload",
	"limit":           "take a slice of a list, such as [f][0:3], or first(f)",
	"repeat":          "use map or reduce over a list of the payload",
	"while":           "use map or reduce over a list of the payload",
	"until":           "use map or reduce over a list of the payload",
	"combinations":    "write the two loops: .a[] as $x | .b[] as $y",
	"transpose":       "map over the list, such as map(.[0])",
	"setpath":         `build an object, such as . + {"name": .value}`,
	"pick":            "build an object, such as {name: .name}",
	"jn":              "no substitute is known",
	"yn":              "no substitute is known",
	"input":           "the payload is the input: .",
	"inputs":          "the payload is the input: .",
	"env":             "write the value as a literal",
	"$ENV":            "write the value as a literal",
	"debug":           "try the expression with jq on a payload",
	"builtins":        "see the manual of jq",
	"modulemeta":      "modules are not read",
	"import":          "write its definitions here",
	"module":          "leave it out",
	"halt":            "use empty",
	"halt_error":      "use error",
}

// refuse returns a fault for each thing in a query that is not allowed.
func refuse(nodes []any) []string {
	var faults []string
	fault := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(faults, text) {
			faults = append(faults, text)
		}
	}
	name := func(name string) {
		if instead, found := refused[name]; found {
			fault("jq `%s` is not allowed, since it can run long or reaches out of the payload: %s", name, instead)
		}
	}
	own := func(name string) {
		if strings.HasPrefix(strings.TrimLeft(name, "$"), "_") && name != "$__loc__" {
			fault("jq name %q is not allowed: names that start with _ are jq's own", name)
		}
	}
	defined := func(name string) {
		own(name)
		if slices.Contains(builtins(), any(strings.TrimPrefix(name, "$"))) {
			fault("jq function %q is jq's own: choose another name", name)
		}
	}
	for _, node := range nodes {
		switch node := node.(type) {
		case *gojq.Query:
			if node.Meta != nil {
				name("module")
			}
			if len(node.Imports) > 0 {
				name("import")
			}
			if node.Op >= gojq.OpAssign {
				fault("jq `%s` is not allowed, since an assignment can make a list of any length: build an object, such as . + {\"name\": .value}", node.Op)
			}
		case *gojq.Term:
			if node.Type == gojq.TermTypeRecurse {
				name("..")
			}
		case *gojq.Func:
			name(node.Name)
			own(node.Name)
		case *gojq.Pattern:
			own(node.Name)
		case *gojq.PatternObject:
			own(node.Key)
		case *gojq.FuncDef:
			defined(node.Name)
			for _, arg := range node.Args {
				defined(arg)
			}
			if calls(node.Body, node.Name, len(node.Args)) {
				fault("jq function %q calls itself, which can run long: map over a list of the payload", node.Name)
			}
		}
	}
	return faults
}

// builtins returns the names of jq's own functions.
var builtins = sync.OnceValue(func() []any {
	query, err := gojq.Parse(`builtins | map(split("/")[0])`)
	if err != nil {
		panic(err)
	}
	names, _ := query.Run(nil).Next()
	return names.([]any)
})

// nodesOf returns every node of a query, inner ones first.
func nodesOf(query *gojq.Query) (nodes []any) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				visit(v.Elem())
				nodes = append(nodes, v.Interface())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		}
	}
	visit(reflect.ValueOf(query))
	return nodes
}

func calls(query *gojq.Query, name string, args int) bool {
	return slices.ContainsFunc(nodesOf(query), func(node any) bool {
		f, ok := node.(*gojq.Func)
		return ok && f.Name == name && len(f.Args) == args
	})
}

// names returns every member that the nodes name, each once.
func names(nodes []any) []string {
	var found []string
	for _, node := range nodes {
		switch node := node.(type) {
		case *gojq.Index:
			found = append(found, node.Name)
		case *gojq.String:
			found = append(found, node.Str)
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(name string) bool { return name == "" })
}
