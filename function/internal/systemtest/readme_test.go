//go:build unix

package systemtest_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/config"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheREADMENamesEverySetting(t *testing.T) {
	var asked []string
	_, _ = config.Load(func(name string) string { asked = append(asked, name); return "" }, ".")
	_, section, _ := strings.Cut(readme(t), "### Environment")
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		named = append(named, row[1])
	}
	slices.Sort(asked)
	slices.Sort(named)
	if !slices.Equal(asked, named) {
		t.Errorf("the README names %v, the function reads %v", named, asked)
	}
}

func TestTheREADMENamesEveryPreset(t *testing.T) {
	_, list, _ := strings.Cut(readme(t), "Presets: ")
	list, _, _ = strings.Cut(list, "\n\n")
	var named []string
	for _, name := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(list, -1) {
		named = append(named, name[1])
	}
	presets := webhook.PresetNames()
	slices.Sort(named)
	slices.Sort(presets)
	if !slices.Equal(named, presets) {
		t.Errorf("the README names %v, the code has %v", named, presets)
	}
}

func TestTheREADMEsSourcesAreGood(t *testing.T) {
	_, block, found := strings.Cut(readme(t), "### Sources")
	_, block, _ = strings.Cut(block, "```json\n")
	block, _, _ = strings.Cut(block, "```")
	sources, err := source.Parse([]byte(block))
	if !found || err != nil {
		t.Fatal(err)
	}
	if want := []string{"crm", "zendesk"}; !reflect.DeepEqual(sources.Names(), want) {
		t.Errorf("got %v, want %v", sources.Names(), want)
	}
}
