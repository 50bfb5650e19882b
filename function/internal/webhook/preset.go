package webhook

import (
	_ "embed"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnknownPreset is returned for a name that PresetNames lacks.
var ErrUnknownPreset = errors.New("webhook: unknown preset")

//go:embed presets.json
var presetsJSON []byte

// presets returns the text of each preset. Preset decodes the few that are used.
var presets = sync.OnceValue(func() map[string]jsontext.Value {
	var texts map[string]jsontext.Value
	if err := json.Unmarshal(presetsJSON, &texts); err != nil {
		panic(err)
	}
	return texts
})

// Preset returns the scheme of that name.
func Preset(name string) (Scheme, bool) {
	text, ok := presets()[name]
	if !ok {
		return Scheme{}, false
	}
	type members Scheme // has no UnmarshalJSON
	var preset members
	if err := json.Unmarshal(text, &preset, json.RejectUnknownMembers(true)); err != nil {
		panic(err)
	}
	return Scheme(preset), true
}

// PresetNames returns the names of all presets in alphabetical order.
func PresetNames() []string { return slices.Sorted(maps.Keys(presets())) }
