// Package keyring changes the webhook secret: {"crm": "whsec_…", "zendesk": ["new", "old"], "desk": "off"}.
//
// A change touches one source and leaves the others as they stand. It is held against sources.json by the function's own
// parser before it can be written, so that no change leaves a source worse than it says. No error shows a key.
package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

// What a change is refused for; each names its mend.
var (
	ErrUnknownSource = errors.New("no such source")
	ErrPaused        = errors.New("the source is paused")
	ErrNotPaused     = errors.New("the source is not paused")
	ErrTooManyKeys   = fmt.Errorf("a source has at most %d keys: give --replace", webhook.MaxKeys)
	ErrNoKeyBefore   = errors.New("the secret's version before has no key for it: give the key with --stdin")
	ErrUnusable      = errors.New("a key that the source has would disable it: give --replace")
)

const off = "off"

// A Secret is the webhook secret beside the sources that it has keys for.
type Secret struct {
	sources *source.Sources
	members map[string]json.RawMessage
}

// Parse reads a secret. Its error is that of [source.Sources.ParseKeys].
func Parse(text []byte, sources *source.Sources) (*Secret, error) {
	if _, err := sources.ParseKeys(text); err != nil {
		return nil, err
	}
	s := &Secret{sources: sources}
	return s, json.Unmarshal(text, &s.members)
}

// Add puts a key before those of a source, or in their place, and tells whether that changed anything.
// It returns [ErrUnknownSource], [ErrPaused], [ErrTooManyKeys], [ErrUnusable] or the scheme's error for the key.
func (s *Secret) Add(name, key string, replace bool) (changed bool, err error) {
	src, err := s.lookup(name)
	if err != nil {
		return false, err
	}
	key = strings.TrimRight(key, "\r\n")
	if err := check(src, key); err != nil {
		return false, err
	}
	keys, paused := s.texts(name)
	switch {
	case paused && !replace:
		return false, fmt.Errorf("%w: resume it with --stdin, or give --replace", ErrPaused)
	case paused || replace:
		keys = nil
	}
	if slices.ContainsFunc(keys, func(held string) bool { return same(src, held, key) }) {
		return false, nil
	}
	if len(keys) == webhook.MaxKeys {
		return false, ErrTooManyKeys
	}
	return true, s.set(name, append([]string{key}, keys...))
}

// Pause puts "off" in place of a source's keys.
func (s *Secret) Pause(name string) error {
	if _, err := s.lookup(name); err != nil {
		return err
	}
	if _, paused := s.texts(name); paused {
		return ErrPaused
	}
	s.members[name] = json.RawMessage(`"` + off + `"`)
	return nil
}

// Resume gives a paused source the keys that it has in an older secret. It returns [ErrUnknownSource], [ErrNotPaused],
// [ErrNoKeyBefore] or [ErrUnusable].
func (s *Secret) Resume(name string, before *Secret) error {
	if err := s.mustBePaused(name); err != nil {
		return err
	}
	keys, paused := before.texts(name)
	if paused || len(keys) == 0 {
		return ErrNoKeyBefore
	}
	return s.set(name, keys)
}

// ResumeWith gives a paused source this key.
func (s *Secret) ResumeWith(name, key string) error {
	if err := s.mustBePaused(name); err != nil {
		return err
	}
	_, err := s.Add(name, key, true)
	return err
}

// Remove takes a name out, be it a source's or not.
func (s *Secret) Remove(name string) error {
	if _, there := s.members[name]; !there {
		return fmt.Errorf("%w in the secret: %q", ErrUnknownSource, name)
	}
	delete(s.members, name)
	return nil
}

// Text is the secret as it is to be stored.
func (s *Secret) Text() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(s.members)
	return bytes.TrimSpace(text.Bytes()), err
}

// Others lists the sources that the secret has keys for beside one, sorted, and counts the names that are no sources: such
// a name could be a key in the wrong place.
func (s *Secret) Others(but string) (names []string, strangers int) {
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		_, known := s.sources.Lookup(name)
		switch {
		case name == but:
		case known:
			names = append(names, name)
		default:
			strangers++
		}
	}
	return names, strangers
}

// Describe says what a name has, and never a key.
func (s *Secret) Describe(name string) string {
	if _, there := s.members[name]; !there {
		return "no key"
	}
	keys, paused := s.texts(name)
	switch {
	case paused:
		return "paused"
	case len(keys) == 1:
		return "1 key"
	}
	return fmt.Sprintf("%d keys", len(keys))
}

func (s *Secret) lookup(name string) (*source.Source, error) {
	src, known := s.sources.Lookup(name)
	if !known {
		return nil, fmt.Errorf("%w: %q; sources.json has %s", ErrUnknownSource, name, strings.Join(s.sources.Names(), ", "))
	}
	return src, nil
}

func (s *Secret) mustBePaused(name string) error {
	if _, err := s.lookup(name); err != nil {
		return err
	}
	if _, paused := s.texts(name); !paused {
		return ErrNotPaused
	}
	return nil
}

// texts gives a member's keys: a string, a list, or none.
func (s *Secret) texts(name string) (keys []string, paused bool) {
	var one string
	switch {
	case json.Unmarshal(s.members[name], &one) == nil && one == off:
		return nil, true
	case one != "":
		return []string{one}, false
	}
	_ = json.Unmarshal(s.members[name], &keys) // what is no list of strings holds no key
	return keys, false
}

// set stores keys, if they make the source ready.
func (s *Secret) set(name string, keys []string) (err error) {
	var value any = keys
	if len(keys) == 1 {
		value = keys[0]
	}
	changed := &Secret{sources: s.sources, members: maps.Clone(s.members)}
	if changed.members == nil {
		changed.members = map[string]json.RawMessage{}
	}
	if changed.members[name], err = json.Marshal(value); err != nil {
		return err
	}
	text, err := changed.Text()
	if err != nil {
		return err
	}
	ring, err := s.sources.ParseKeys(text)
	if err != nil {
		return err
	}
	if why := ring[name].Refused; why != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, why)
	}
	s.members = changed.members
	return nil
}

func check(src *source.Source, text string) error {
	key, err := src.Scheme.ParseKey(text)
	if err != nil {
		return err
	}
	return key.CheckStrength()
}

func same(src *source.Source, a, b string) bool {
	one, err := src.Scheme.ParseKey(a)
	other, otherErr := src.Scheme.ParseKey(b)
	return err == nil && otherErr == nil && one.Equal(other)
}
