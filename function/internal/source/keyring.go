package source

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"vicihook/function/internal/source/jq"
	"vicihook/function/internal/webhook"
)

// off in place of a key pauses a source.
const off = "off"

// Errors of the secret of the webhook keys.
var (
	ErrInvalidSecret = errors.New("source: the webhook secret must be a JSON object of source names and keys")
	ErrNoKey         = errors.New("source: the webhook secret has no key for it")
	ErrNoSource      = errors.New("source: sources.json has no such source")
	ErrInvalidKeys   = fmt.Errorf(`source: keys must be a text, a list of 1 to %d texts, or "off"`, webhook.MaxKeys)
)

// Keys are the keys of one source. Exactly one of the three is set, but a paused source may have its previous keys.
type Keys struct {
	Keys    []webhook.Key // any of them may sign
	Paused  bool          // senders are asked to send again later
	Refused error         // why the source is disabled; it never quotes a key
}

// A Keyring has the keys of each source by its name, and an entry for each other name in the secret.
type Keyring map[string]Keys

// ParseKeys reads the webhook secret: {"crm": "whsec_…", "zendesk": ["…", "…"], "desk": "off"}.
//
// A key that is missing, empty, not in its scheme's form, short, a placeholder or published as an example disables its
// own source only. The error errors.Is ErrInvalidSecret. No error quotes the secret.
func (s *Sources) ParseKeys(secret []byte) (Keyring, error) {
	value, err := jq.Decode(secret)
	if wrong, ok := errors.AsType[*jq.SyntaxError](err); ok {
		return nil, fmt.Errorf("%w: %s%s", ErrInvalidSecret, s.known(wrong.Path), wrong.Why)
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w, not %s", ErrInvalidSecret, jq.Kind(value))
	}
	ring := Keyring{}
	for name := range members {
		ring[name] = Keys{Refused: ErrNoSource}
	}
	for name, source := range s.byName {
		ring[name] = source.parseKeys(members[name])
	}
	return ring, nil
}

// known returns the source that a fault is in. Any other name in the secret could be a key in the wrong place.
func (s *Sources) known(path []string) string {
	if len(path) > 0 && s.byName[path[0]] != nil {
		return path[0] + ": "
	}
	return ""
}

func (s *Source) parseKeys(value any) Keys {
	if s.Fault != nil {
		return s.refused(s.Fault)
	}
	var texts []any
	switch value := value.(type) {
	case nil:
		return s.refused(ErrNoKey)
	case string:
		if value == off {
			return Keys{Paused: true}
		}
		texts = []any{value}
	case []any:
		texts = value
	}
	if len(texts) < 1 || len(texts) > webhook.MaxKeys {
		return s.refused(ErrInvalidKeys)
	}
	keys := make([]webhook.Key, len(texts))
	for i, text := range texts {
		var err error
		if keys[i], err = s.parseKey(text); err != nil {
			return s.refused(fmt.Errorf("key %d of %d: %w", i+1, len(texts), err))
		}
	}
	return Keys{Keys: keys}
}

func (s *Source) parseKey(value any) (webhook.Key, error) {
	text, ok := value.(string)
	if !ok || text == off {
		return webhook.Key{}, ErrInvalidKeys
	}
	return s.Scheme.CheckKey(text)
}

func (s *Source) refused(why error) Keys {
	return Keys{Refused: fmt.Errorf("source %s is disabled: %w", s.Name, why)}
}

// WithPrevious adds the keys of the secret's previous version after the current ones, up to 4 in all. A source that is
// refused or no longer in the secret gets none. A paused source stays paused; its keys still authenticate its sender.
func (k Keyring) WithPrevious(previous Keyring) Keyring {
	ring := maps.Clone(k)
	for name, now := range k {
		if now.Refused != nil {
			continue
		}
		keys := slices.Clone(now.Keys)
		for _, key := range previous[name].Keys {
			if len(keys) < webhook.MaxKeys && !slices.ContainsFunc(keys, key.Equal) {
				keys = append(keys, key)
			}
		}
		ring[name] = Keys{Keys: keys, Paused: now.Paused}
	}
	return ring
}

// Unknown returns how many names in the secret are no sources. It returns no names: one may be a key in the wrong place.
func (k Keyring) Unknown() (count int) {
	for _, keys := range k {
		if keys.Refused == ErrNoSource {
			count++
		}
	}
	return count
}

// Shared returns the pairs of sources that have a key in common, in alphabetical order. A sender can send to the other
// source what the first rejects, so the wider scope applies to both.
func (k Keyring) Shared() (pairs [][2]string) {
	names := slices.Sorted(maps.Keys(k))
	for i, one := range names {
		for _, other := range names[i+1:] {
			common := func(key webhook.Key) bool { return slices.ContainsFunc(k[other].Keys, key.Equal) }
			if slices.ContainsFunc(k[one].Keys, common) {
				pairs = append(pairs, [2]string{one, other})
			}
		}
	}
	return pairs
}
