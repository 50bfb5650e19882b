package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

// schemeFlags are a source's scheme and key.
type schemeFlags struct {
	Source  string `from:"VICIHOOK_SOURCE" placeholder:"NAME" help:"Source in sources.json, the last part of the webhook's path ($$VICIHOOK_SOURCE, else crm)."`
	Sources string `from:"SOURCES_FILE" default:"function/sources.json" placeholder:"FILE" help:"Where sources.json is ($$SOURCES_FILE, else function/sources.json)."`
	Scheme  string `placeholder:"NAME|JSON" help:"Signature scheme, a preset's name or an object as in sources.json (default: the source's own)."`
	KeyFile string `placeholder:"FILE|-" help:"File that holds the key, - for standard input (default: the key itself in $$VICIHOOK_KEY)."`
}

// A sender is one source as the command needs it.
type sender struct {
	name     string // of the source
	label    string // of its scheme
	scheme   webhook.Scheme
	verifier *webhook.Verifier
	source   *source.Source // nil when sources.json is not at hand
	entry    map[string]any // the same as sources.json has it
}

// sender finds the source. A scheme given by flag needs no sources.json, but uses it for the payload where it is there.
func (f schemeFlags) sender(env *environment) (sender, error) {
	s := sender{name: f.Source}
	if err := s.lookUp(env, f.Sources); err != nil && (f.Scheme == "" || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoSource)) {
		return sender{}, err
	}
	if f.Scheme != "" {
		var err error
		if s.scheme, s.label, err = parseScheme(f.Scheme); err != nil {
			return sender{}, fmt.Errorf("--scheme: %w", err)
		}
	}
	var err error
	s.verifier, err = webhook.NewVerifier(s.scheme)
	if err != nil {
		return sender{}, fmt.Errorf("--scheme: %w", err)
	}
	return s, nil
}

var errNoSource = errors.New("no such source")

// lookUp reads the source's entry, as the function does.
func (s *sender) lookUp(env *environment, path string) error {
	sources, text, err := env.sources(path)
	if err != nil {
		return err
	}
	found, ok := sources.Lookup(s.name)
	if !ok {
		return fmt.Errorf("--source: %w: %q; %s has %s", errNoSource, s.name, path, strings.Join(sources.Names(), ", "))
	}
	entries := map[string]map[string]any{}
	if err := json.Unmarshal(text, &entries); err != nil {
		return fmt.Errorf("--sources: %s: %w", path, err)
	}
	s.source, s.scheme, s.label, s.entry = found, found.Scheme, ownScheme, entries[s.name]
	if preset, ok := s.entry["scheme"].(string); ok {
		s.label = preset
	}
	return nil
}

const ownScheme = "custom scheme"

// parseScheme takes a preset's name or an object as in sources.json.
func parseScheme(text string) (scheme webhook.Scheme, label string, err error) {
	label = ownScheme
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		label = text
		text = strconv.Quote(text)
	}
	return scheme, label, json.Unmarshal([]byte(text), &scheme)
}

// key reads the key. It is never the value of a flag: every user of the machine can read those.
func (f schemeFlags) key(env *environment, scheme webhook.Scheme) (webhook.Key, error) {
	text, from, err := f.keyText(env)
	if err != nil {
		return webhook.Key{}, err
	}
	key, err := scheme.ParseKey(text)
	if err != nil {
		return webhook.Key{}, fmt.Errorf("%s: %w", from, err)
	}
	return key, nil
}

// keyText returns the key as written and the flag or variable that it came from.
func (f schemeFlags) keyText(env *environment) (text, from string, err error) {
	if f.KeyFile != "" {
		content, err := env.read("--key-file", f.KeyFile, maxKey)
		return string(content), "--key-file", err
	}
	if text = env.getenv("VICIHOOK_KEY"); text == "" {
		return "", "", errors.New("--key-file: give the file that holds the key, or the key itself in VICIHOOK_KEY")
	}
	return text, "VICIHOOK_KEY", nil
}
