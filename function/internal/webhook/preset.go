package webhook

import (
	"bytes"
	_ "embed"
	"errors"
	"iter"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnknownPreset is returned for a name that PresetNames lacks.
var ErrUnknownPreset = errors.New("webhook: unknown preset")

//go:embed presets.json
var presetsJSON []byte

// Preset returns the scheme of that name.
func Preset(name string) (Scheme, bool) {
	for preset, text := range presets() {
		if preset == name {
			var o object
			if err := json.Unmarshal(text, &o); err != nil {
				panic(err)
			}
			return Scheme(o.Members), true
		}
	}
	return Scheme{}, false
}

// PresetNames returns the names of all presets in alphabetical order.
func PresetNames() (names []string) {
	for name := range presets() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// presets yields the name and the text of each preset. Only those that are used are decoded.
func presets() iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(presetsJSON))
		_, err := dec.ReadToken()
		for err == nil && dec.PeekKind() == '"' {
			token, _ := dec.ReadToken()
			name := token.String()
			var text jsontext.Value
			if text, err = dec.ReadValue(); err == nil && !yield(name, text) {
				return
			}
		}
		if err != nil {
			panic(err)
		}
	}
}
