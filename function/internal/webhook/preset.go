package webhook

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownPreset is returned for a scheme's name that is none of PresetNames.
var ErrUnknownPreset = errors.New("webhook: unknown preset")

// presetLines is a JSON object with one preset a line, so that a start pays for the presets it uses and no other.
//
//go:embed presets.json
var presetLines string

// Preset returns the scheme of that name.
func Preset(name string) (scheme Scheme, ok bool) {
	for line := range strings.Lines(presetLines) {
		if found, object, ok := cutPreset(line); ok && found == name {
			dec := json.NewDecoder(strings.NewReader(object))
			dec.UseNumber()
			var value any // encoding/json takes half as long for it, the first time, as for a map
			err := dec.Decode(&value)
			if err == nil {
				scheme, err = SchemeOf(value)
			}
			return scheme, err == nil
		}
	}
	return Scheme{}, false
}

// PresetNames returns the names of all presets, in the order of the documentation.
func PresetNames() []string {
	var names []string
	for line := range strings.Lines(presetLines) {
		if name, _, ok := cutPreset(line); ok {
			names = append(names, name)
		}
	}
	return names
}

func cutPreset(line string) (name, object string, ok bool) {
	name, object, ok = strings.Cut(strings.TrimPrefix(line, `"`), `": `)
	return name, strings.TrimRight(object, ",\n"), ok
}

func unknownPreset(name string) error {
	var near []string
	for _, preset := range PresetNames() {
		if isNear(strings.ToLower(name), preset) {
			near = append(near, preset)
		}
	}
	if near == nil {
		return fmt.Errorf("%w %.40q; there are %s", ErrUnknownPreset, name, strings.Join(PresetNames(), ", "))
	}
	return fmt.Errorf("%w %.40q; did you mean %s?", ErrUnknownPreset, name, strings.Join(near, " or "))
}

func isNear(name, preset string) bool {
	nameFamily, _, _ := strings.Cut(name, "-")
	presetFamily, _, _ := strings.Cut(preset, "-")
	return nameFamily == presetFamily || strings.HasPrefix(preset, name) || distance(name, preset) <= 2
}

// distance is the number of letters to insert, delete or replace that makes b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
