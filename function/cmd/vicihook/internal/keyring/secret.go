// Package keyring changes the webhook secret, {"crm": "whsec_…", "zendesk": ["new", "old"], "desk": "off"}, without losing
// a key: not one of another source, and not one that somebody else stores at the same time.
//
//	err := store.Update(ctx, func(current []byte) ([]byte, error) {
//		secret, err := keyring.Parse(current, sources)
//		…
//		return secret.Text()
//	})
//
// A [Secret] changes one source and leaves the others as they are. The function's own parser checks each change before it
// is stored, in a [File] or at AWS in [SecretsManager]. No error shows a key.
package keyring

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

// Why a change is refused, and how to go on. None of these costs a key that a sender made.
var (
	ErrUnknownSource = errors.New("no such source")
	ErrPaused        = errors.New("the source is paused")
	ErrNotPaused     = errors.New("the source is not paused")
	ErrTooManyKeys   = fmt.Errorf("a source has at most %d keys: with --replace the new one takes the place of all of them", webhook.MaxKeys)
	ErrNoKeyBefore   = errors.New("the secret's previous version has no key for it: give the key with --stdin")
	ErrUnusable      = errors.New("a key that the source has is refused: copy that key from the sender again and store it by merge --replace first")
	ErrShared        = errors.New("another source has this key, and whoever has it may end what either of the two may: give --shared if that is meant")
)

const off = "off"

// A Secret is the webhook secret of some sources. After an error of a change it must not be stored.
type Secret struct {
	sources *source.Sources
	ring    source.Keyring            // the keys as they were read
	members map[string]jsontext.Value // a string, a list of strings, or what nobody understands
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

// Options of [Secret.Add] and [Secret.Resume].
type Options struct {
	Replace bool // in place of the source's other keys, and of "off"
	Resume  bool // in place of "off", which must be there
	Shared  bool // take a key that another source has too
}

// Add puts a key before those of a source and reports whether that changed anything. It returns [ErrUnknownSource],
// [ErrPaused], [ErrNotPaused], [ErrTooManyKeys], [ErrUnusable], [ErrShared] or the scheme's error for the key.
func (s *Secret) Add(name, text string, o Options) (changed bool, err error) {
	src, err := s.Source(name)
	if err != nil {
		return false, err
	}
	key, err := src.Scheme.CheckKey(text)
	if err != nil {
		return false, err
	}
	keys, paused := s.keys(name)
	switch {
	case o.Resume && !paused:
		return false, ErrNotPaused
	case paused && !o.Resume && !o.Replace:
		return false, fmt.Errorf("%w: resume it with --stdin, or give --replace", ErrPaused)
	case o.Replace:
		keys = nil
	case slices.ContainsFunc(s.ring[name].Keys, key.Equal):
		return false, nil
	case len(keys) == webhook.MaxKeys:
		return false, ErrTooManyKeys
	}
	if err := s.checkShared(name, key, o); err != nil {
		return false, err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r") // of the file that had it
	return true, s.set(name, append([]string{text}, keys...))
}

// Pause puts "off" in place of a source's keys.
func (s *Secret) Pause(name string) error {
	if _, err := s.Source(name); err != nil {
		return err
	}
	if _, paused := s.keys(name); paused {
		return ErrPaused
	}
	s.members[name] = jsontext.Value(`"` + off + `"`)
	return nil
}

// Resume restores the keys that a paused source has in another version of the secret. It returns [ErrUnknownSource],
// [ErrNotPaused], [ErrNoKeyBefore], [ErrUnusable], [ErrShared], or the error of [Parse].
func (s *Secret) Resume(name string, version []byte, o Options) error {
	if _, err := s.Source(name); err != nil {
		return err
	}
	if _, paused := s.keys(name); !paused {
		return ErrNotPaused
	}
	before, err := Parse(version, s.sources)
	if err != nil {
		return err
	}
	keys, _ := before.keys(name)
	if len(keys) == 0 {
		return ErrNoKeyBefore
	}
	for _, key := range before.ring[name].Keys {
		if err := s.checkShared(name, key, o); err != nil {
			return err
		}
	}
	return s.set(name, keys)
}

// Remove deletes a name, whether it is a source's or not.
func (s *Secret) Remove(name string) error {
	if _, found := s.members[name]; !found {
		return fmt.Errorf("%w in the secret: %q", ErrUnknownSource, name)
	}
	delete(s.members, name)
	return nil
}

// Text returns the secret as JSON.
func (s *Secret) Text() ([]byte, error) { return json.Marshal(s.members, json.Deterministic(true)) }

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
	keys, paused := s.keys(name)
	switch {
	case paused:
		return "paused"
	case s.members[name] == nil:
		return "no key"
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

// keys returns a source's keys as they are written; none when its member is no string and no list of strings.
func (s *Secret) keys(name string) (keys []string, paused bool) {
	var key string
	switch {
	case json.Unmarshal(s.members[name], &keys) == nil:
		return keys, false
	case json.Unmarshal(s.members[name], &key) != nil:
		return nil, false
	case key == off:
		return nil, true
	}
	return []string{key}, false
}

// set changes a source's keys, if the function will take them.
func (s *Secret) set(name string, keys []string) (err error) {
	var value any = keys
	if len(keys) == 1 {
		value = keys[0]
	}
	if s.members[name], err = json.Marshal(value); err != nil {
		return err
	}
	text, err := s.Text()
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
