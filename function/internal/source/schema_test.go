package source_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

// A schema has the keywords of JSON schema that the tests read.
type schema struct {
	Description          string
	Type                 string
	Ref                  string `json:"$ref"`
	OneOf                []struct{ Const string }
	Default              any
	Pattern              string
	Required             []string
	Properties           map[string]schema
	PatternProperties    map[string]schema
	AdditionalProperties any
	DependentRequired    map[string][]string
	Defs                 map[string]schema `json:"$defs"`
}

func readSchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile("../../sources.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// knownMembers returns the members that the package lists in the fault of an unknown one.
func knownMembers(t *testing.T) []string {
	t.Helper()
	_, err := source.Parse([]byte(`{"crm": {"scheme": "github", "unknown": 1}}`))
	_, list, found := strings.Cut(fmt.Sprint(err), "there are ")
	if !found {
		t.Fatalf("got %v", err)
	}
	return slices.Sorted(slices.Values(strings.Split(list, ", ")))
}

func TestSchemaMembers(t *testing.T) {
	t.Parallel()
	defs := readSchema(t).Defs
	if got, want := slices.Sorted(maps.Keys(defs["source"].Properties)), knownMembers(t); !slices.Equal(got, want) {
		t.Errorf("members of a source: the schema has %v, the package %v", got, want)
	}
	var members []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[webhook.Scheme]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		members = append(members, name)
	}
	slices.Sort(members)
	if got := slices.Sorted(maps.Keys(defs["scheme"].Properties)); !slices.Equal(got, members) {
		t.Errorf("members of a scheme: the schema has %v, the package %v", got, members)
	}
	var presets []string
	for _, entry := range defs["preset"].OneOf {
		presets = append(presets, entry.Const)
	}
	if got, want := slices.Sorted(slices.Values(presets)), webhook.PresetNames(); !slices.Equal(got, want) {
		t.Errorf("presets: the schema has %v, the package %v", got, want)
	}
	for _, def := range []string{"source", "scheme"} {
		if defs[def].AdditionalProperties != false {
			t.Errorf("%s lets unknown members pass", def)
		}
		for name, property := range defs[def].Properties {
			if property.Description == "" {
				t.Errorf("%s: %s has no description", def, name)
			}
		}
	}
}

func TestSchemaRequired(t *testing.T) {
	t.Parallel()
	defs := readSchema(t).Defs
	if got := defs["source"].Required; !slices.Equal(got, []string{"scheme"}) {
		t.Errorf("got %v", got)
	}
	if got := defs["source"].DependentRequired["dispositions"]; !slices.Equal(got, []string{"disposition"}) {
		t.Errorf("got %v", got)
	}
}

func TestSchemaDefaults(t *testing.T) {
	t.Parallel()
	body := []byte(`{` + anyCall + `}`)
	want, err := crm(t, nil).Select(t.Context(), body)
	if err != nil || len(want) != 1 || want[0].Err != nil {
		t.Fatalf("got %+v, %v", want, err)
	}
	given := 0
	for name, property := range readSchema(t).Defs["source"].Properties {
		if property.Default == nil {
			continue
		}
		given++
		got, err := crm(t, map[string]any{name: property.Default}).Select(t.Context(), body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if given == 0 {
		t.Error("the schema names no default")
	}
}

func TestSchemaAllowsShippedFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(shippedFile)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil || len(file) == 0 {
		t.Fatalf("got %d sources, %v", len(file), err)
	}
	defs := readSchema(t).Defs
	for name, members := range file {
		if _, ok := members["scheme"]; !ok {
			t.Errorf("%s has no scheme", name)
		}
		for member := range members {
			if _, ok := defs["source"].Properties[member]; !ok {
				t.Errorf("%s: the schema has no %s", name, member)
			}
		}
	}
}
