package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

// schemeFlags say how a source signs and where its key is.
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
	shape    payloadShape
	source   *source.Source // nil when sources.json is not at hand
}

// sender finds the source. A scheme given by flag needs no sources.json, but uses it for the payload where it is there.
func (f schemeFlags) sender(sh *shell) (sender, error) {
	s := sender{name: f.Source, shape: conventional}
	if err := s.lookUp(sh, f.Sources); err != nil && (f.Scheme == "" || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoSource)) {
		return sender{}, err
	}
	if f.Scheme != "" {
		scheme, err := parseScheme(f.Scheme)
		if err != nil {
			return sender{}, fmt.Errorf("--scheme: %w", err)
		}
		s.scheme, s.label = scheme, schemeLabel([]byte(f.Scheme))
	}
	var err error
	s.verifier, err = webhook.NewVerifier(s.scheme)
	if err != nil {
		return sender{}, fmt.Errorf("--scheme: %w", err)
	}
	return s, nil
}

var errNoSource = errors.New("no such source")

// lookUp reads the source's entry, as the function does, and where it looks for each value.
func (s *sender) lookUp(sh *shell, path string) error {
	text, err := sh.read("--sources", path, maxSources)
	if err != nil {
		return err
	}
	sources, err := source.Parse(text)
	if err != nil {
		return fmt.Errorf("--sources: %s: %w", path, err)
	}
	found, ok := sources.Lookup(s.name)
	if !ok {
		return fmt.Errorf("--source: %w: %q; %s has %s", errNoSource, s.name, path, strings.Join(sources.Names(), ", "))
	}
	entries := map[string]struct {
		Scheme json.RawMessage `json:"scheme"`
	}{}
	shapes := map[string]payloadShape{}
	if err := errors.Join(json.Unmarshal(text, &entries), json.Unmarshal(text, &shapes)); err != nil {
		return fmt.Errorf("--sources: %s: %w", path, err)
	}
	s.scheme, s.label = found.Scheme, schemeLabel(entries[s.name].Scheme)
	s.shape, s.source = shapes[s.name].withDefaults(), found
	return nil
}

// parseScheme takes a preset's name or an object.
func parseScheme(text string) (webhook.Scheme, error) {
	var scheme webhook.Scheme
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		name, err := json.Marshal(text)
		if err != nil {
			return scheme, err
		}
		text = string(name)
	}
	return scheme, json.Unmarshal([]byte(text), &scheme)
}

// schemeLabel is the preset's name, as JSON or bare.
func schemeLabel(text []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return "custom scheme"
	}
	return strings.Trim(string(text), `"`)
}

// key reads the key, which is no flag's value: those can be read by every user of the machine.
func (f schemeFlags) key(sh *shell, scheme webhook.Scheme) (webhook.Key, error) {
	text, from, err := f.keyText(sh)
	if err != nil {
		return webhook.Key{}, err
	}
	key, err := scheme.ParseKey(text)
	if err != nil {
		return webhook.Key{}, fmt.Errorf("%s: %w", from, err)
	}
	return key, nil
}

// keyText gives the key as written and the flag or variable that it came from.
func (f schemeFlags) keyText(sh *shell) (text, from string, err error) {
	if f.KeyFile != "" {
		content, err := sh.read("--key-file", f.KeyFile, maxKey)
		return string(content), "--key-file", err
	}
	if text = sh.env("VICIHOOK_KEY"); text == "" {
		return "", "", errors.New("--key-file: give the file that holds the key, or the key itself in VICIHOOK_KEY")
	}
	return text, "VICIHOOK_KEY", nil
}
