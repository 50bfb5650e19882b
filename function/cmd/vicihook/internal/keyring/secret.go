// Package keyring changes the webhook secret: {"crm": "whsec_…", "zendesk": ["new", "old"], "desk": "off"}.
//
//	err := store.Update(ctx, func(current []byte) ([]byte, error) {
//		secret, err := keyring.Parse(current, sources)
//		…
//		return secret.Text()
//	})
//
// A change touches one source and leaves the others as they are. The function's own parser checks it before it is
// stored. Two people can change a secret at the same time: neither change is lost. No error shows a key.
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

// Why a change is refused, and how to go on. None of these costs a key that a sender made.
var (
	ErrUnknownSource = errors.New("no such source")
	ErrPaused        = errors.New("the source is paused")
	ErrNotPaused     = errors.New("the source is not paused")
	ErrTooManyKeys   = fmt.Errorf("a source has at most %d keys: with --replace the new one takes the place of all of them", webhook.MaxKeys)
	ErrNoKeyBefore   = errors.New("the secret's version before has no key for it: give the key with --stdin")
	ErrUnusable      = errors.New("a key that the source has is refused: copy that key from the sender again and store it by merge --replace first")
	ErrShared        = errors.New("another source has this key, and whoever has it may end what either of the two may: give --shared if that is meant")
)

const off = "off"

// A Secret is the webhook secret beside the sources that it has keys for.
type Secret struct {
	sources *source.Sources
	ring    source.Keyring // as it was read
	members map[string]json.RawMessage
}

// Parse reads a secret. Its error is that of [source.Sources.ParseKeys].
func Parse(text []byte, sources *source.Sources) (*Secret, error) {
	ring, err := sources.ParseKeys(text)
	if err != nil {
		return nil, err
	}
	s := &Secret{sources: sources, ring: ring}
	return s, json.Unmarshal(text, &s.members)
}

// Version parses another version of the same secret.
func (s *Secret) Version(text []byte) (*Secret, error) { return Parse(text, s.sources) }

// Options of [Secret.Add] and [Secret.Resume].
type Options struct {
	Replace bool // in place of the source's other keys, and of "off"
	Shared  bool // take a key that another source has too
}

// Add puts a key before those of a source and reports whether that changed anything. It returns [ErrUnknownSource],
// [ErrPaused], [ErrTooManyKeys], [ErrUnusable], [ErrShared] or the scheme's error for the key.
func (s *Secret) Add(name, text string, o Options) (changed bool, err error) {
	src, err := s.Source(name)
	if err != nil {
		return false, err
	}
	key, err := src.Scheme.CheckKey(text)
	if err != nil {
		return false, err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r") // of the file that held it
	keys, paused := s.texts(name)
	switch {
	case paused && !o.Replace:
		return false, fmt.Errorf("%w: resume it with --stdin, or give --replace", ErrPaused)
	case paused || o.Replace:
		keys = nil
	}
	if slices.ContainsFunc(keys, func(held string) bool { return same(src, held, text) }) {
		return false, nil
	}
	if err := s.checkShared(name, key, o); err != nil {
		return false, err
	}
	if len(keys) == webhook.MaxKeys {
		return false, ErrTooManyKeys
	}
	return true, s.set(name, append([]string{text}, keys...))
}

// Pause puts "off" in place of a source's keys.
func (s *Secret) Pause(name string) error {
	if _, err := s.Source(name); err != nil {
		return err
	}
	if _, paused := s.texts(name); paused {
		return ErrPaused
	}
	s.members[name] = json.RawMessage(`"` + off + `"`)
	return nil
}

// Resume restores the keys that a paused source has in an older secret. It returns [ErrUnknownSource], [ErrNotPaused],
// [ErrNoKeyBefore], [ErrUnusable] or [ErrShared].
func (s *Secret) Resume(name string, before *Secret, o Options) error {
	if err := s.mustBePaused(name); err != nil {
		return err
	}
	keys, paused := before.texts(name)
	if paused || len(keys) == 0 {
		return ErrNoKeyBefore
	}
	for _, key := range before.ring[name].Keys {
		if err := s.checkShared(name, key, o); err != nil {
			return err
		}
	}
	return s.set(name, keys)
}

// ResumeWith puts this key in place of "off".
func (s *Secret) ResumeWith(name, key string, o Options) error {
	if err := s.mustBePaused(name); err != nil {
		return err
	}
	_, err := s.Add(name, key, Options{Replace: true, Shared: o.Shared})
	return err
}

// Remove deletes a name, whether it is a source's or not.
func (s *Secret) Remove(name string) error {
	if _, there := s.members[name]; !there {
		return fmt.Errorf("%w in the secret: %q", ErrUnknownSource, name)
	}
	delete(s.members, name)
	return nil
}

// Text returns the secret as JSON.
func (s *Secret) Text() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(s.members)
	return bytes.TrimSpace(text.Bytes()), err
}

// Others returns the other sources that the secret has keys for, sorted, and the number of names that are no sources:
// such a name could be a key in the wrong place, so it is not shown.
func (s *Secret) Others(but string) (names []string, unknown int) {
	for _, name := range slices.Sorted(maps.Keys(s.members)) {
		_, known := s.sources.Lookup(name)
		switch {
		case name == but:
		case known:
			names = append(names, name)
		default:
			unknown++
		}
	}
	return names, unknown
}

// Describe returns what a name has, never a key.
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

// Source returns a source of sources.json, or [ErrUnknownSource].
func (s *Secret) Source(name string) (*source.Source, error) {
	src, known := s.sources.Lookup(name)
	if !known {
		return nil, fmt.Errorf("%w: %q; sources.json has %s", ErrUnknownSource, name, strings.Join(s.sources.Names(), ", "))
	}
	return src, nil
}

func (s *Secret) mustBePaused(name string) error {
	if _, err := s.Source(name); err != nil {
		return err
	}
	if _, paused := s.texts(name); !paused {
		return ErrNotPaused
	}
	return nil
}

// texts returns a member's keys: a string, a list, or none.
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

// checkShared refuses a key that another source has, unless that is meant.
func (s *Secret) checkShared(name string, key webhook.Key, o Options) error {
	for _, other := range slices.Sorted(maps.Keys(s.ring)) {
		if other != name && !o.Shared && slices.ContainsFunc(s.ring[other].Keys, key.Equal) {
			return fmt.Errorf("%s: %w", other, ErrShared)
		}
	}
	return nil
}

func same(src *source.Source, a, b string) bool {
	one, err := src.Scheme.ParseKey(a)
	other, otherErr := src.Scheme.ParseKey(b)
	return err == nil && otherErr == nil && one.Equal(other)
}
