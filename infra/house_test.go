// Package infra_test holds the rules that no one package can keep: who may import whom, how long a function is.
package infra_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows are the project's packages that each may import, beside the standard library and go.mod's. "*" below a
// folder stands for all of it. Tests may reach further.
var arrows = map[string][]string{
	"function":                                 {"function/internal/*", "vicicall"},
	"function/event":                           {},
	"function/internal/config":                 {"function/internal/source", "function/internal/webhook", "vicicall"},
	"function/internal/doctor":                 {"function/internal/config", "function/internal/hangup", "function/internal/secret", "function/internal/source", "function/internal/webhook", "vicicall"},
	"function/internal/gateway":                {"function/internal/hangup", "function/internal/webhook"},
	"function/internal/hangup":                 {"function/internal/webhook", "function/internal/source", "vicicall"},
	"function/internal/webhook":                {},
	"function/internal/source":                 {"function/internal/source/jq", "function/internal/webhook"},
	"function/internal/source/jq":              {},
	"function/internal/secret":                 {},
	"function/cmd/vicihook":                    {"function/cmd/vicihook/internal/*", "function/internal/*", "vicicall", "function/event"},
	"function/cmd/vicihook/internal/audit":     {"vicicall"},
	"function/cmd/vicihook/internal/capture":   {"function/internal/*"},
	"function/cmd/vicihook/internal/diagnosis": {"function/internal/*"},
	"function/cmd/vicihook/internal/keyring":   {"function/internal/*"},
	"vicicall":                                 {},
	"vicicall/vicitest":                        {"vicicall"},
	"infra/bench/floor":                        {},
	"infra/local":                              {"function/event", "infra/local/*", "vicicall", "vicicall/vicitest"},
	"infra/local/apigw":                        {"function/event"},
	"infra/local/runtimeapi":                   {},
	"infra/local/secretsmanager":               {},
	"infra/local/workbench":                    {"infra/local/stack", "vicicall/vicitest"},
	"infra/local/stack":                        {"function/event", "infra/local/*", "vicicall", "vicicall/vicitest"},
}

// standardOnly are the packages that anybody may take without taking a dependency.
var standardOnly = []string{"vicicall"}

func TestPackagesImportOnlyWhatTheirPlaceAllows(t *testing.T) {
	seen := map[string]bool{}
	for _, pkg := range packages(t) {
		name := strings.TrimPrefix(pkg.ImportPath, "vicihook/")
		if len(pkg.GoFiles) == 0 {
			continue
		}
		allowed, known := arrows[name]
		if !known {
			t.Errorf("package %s has no place in the table of arrows", name)
		}
		seen[name] = true
		for _, path := range pkg.Imports {
			to, ours := strings.CutPrefix(path, "vicihook/")
			switch {
			case ours && !matches(allowed, to):
				t.Errorf("%s imports %s", name, to)
			case !ours && strings.Contains(path, ".") && slices.Contains(standardOnly, name):
				t.Errorf("%s imports %s, and may import only the standard library", name, path)
			}
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("the table of arrows names %s, which does not exist", name)
		}
	}
}

func matches(allowed []string, path string) bool {
	return slices.ContainsFunc(allowed, func(pattern string) bool {
		folder, all := strings.CutSuffix(pattern, "*")
		return pattern == path || all && strings.HasPrefix(path, folder)
	})
}

type goPackage struct {
	ImportPath, Dir      string
	GoFiles, TestGoFiles []string
	XTestGoFiles         []string
	Imports              []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json", "vicihook/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg goPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
}

// longestFunction is what a page can be read in, from the func keyword to the closing brace, tests included.
const longestFunction = 60

func TestFunctionsStayShort(t *testing.T) {
	functions, files := 0, token.NewFileSet()
	walk := func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != "..":
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				functions++
				first, last := files.Position(function.Pos()), files.Position(function.End())
				if length := last.Line - first.Line + 1; length > longestFunction {
					t.Errorf("%s: %s has %d lines; %d is the most", first, function.Name, length, longestFunction)
				}
			}
		}
		return nil
	}
	if err := filepath.WalkDir("..", walk); err != nil {
		t.Fatal(err)
	}
	if functions < 100 {
		t.Fatalf("only %d functions found", functions)
	}
}
