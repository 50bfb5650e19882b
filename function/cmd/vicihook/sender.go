package main

import (
	"cmp"
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
	Source string `from:"VICIHOOK_SOURCE" placeholder:"NAME" help:"Source in sources.json, the last part of the webhook's path ($$VICIHOOK_SOURCE, else crm)."`
	sourcesFlag
	Scheme  string `placeholder:"NAME|JSON" help:"Signature scheme, a preset's name or an object as in sources.json (default: the source's own)."`
	KeyFile string `placeholder:"FILE|-" help:"File that holds the key, - for standard input (default: the key itself in $$VICIHOOK_KEY)."`
}

// A sender signs as one source.
type sender struct {
	name     string // of the source
	label    string // of its scheme
	scheme   webhook.Scheme
	verifier *webhook.Verifier
	source   *source.Source // nil when sources.json does not have it
}

const ownScheme = "custom scheme"

var errNoSource = errors.New("no such source")

// isUnknown reports whether there is no sources.json, or no such source in it.
func isUnknown(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoSource) }

// sender finds the source. With --scheme the source need not be in sources.json; if it is, it says how a payload looks.
func (f schemeFlags) sender(env *environment) (sender, error) {
	s := sender{name: cmp.Or(f.Source, "crm")}
	sources, err := f.read(env)
	if err == nil {
		var ok bool
		if s.source, ok = sources.Lookup(s.name); ok {
			s.scheme, s.label = s.source.Scheme, cmp.Or(s.source.Preset, ownScheme)
		} else {
			err = fmt.Errorf("--source: %w: %q; %s has %s", errNoSource, s.name, f.Sources, strings.Join(sources.Names(), ", "))
		}
	}
	if err != nil && (f.Scheme == "" || !isUnknown(err)) {
		return sender{}, err
	}
	if f.Scheme != "" {
		s.label = ownScheme
		text := f.Scheme
		if !strings.HasPrefix(strings.TrimSpace(text), "{") {
			s.label, text = text, strconv.Quote(text)
		}
		s.scheme = webhook.Scheme{}
		if err := json.Unmarshal([]byte(text), &s.scheme); err != nil {
			return sender{}, fmt.Errorf("--scheme: %w", err)
		}
	}
	if s.verifier, err = webhook.NewVerifier(s.scheme); err != nil {
		return sender{}, fmt.Errorf("--scheme: %w", err)
	}
	return s, nil
}

// key reads the key as the scheme writes it. A weak key is accepted, one pasted with what is not part of it is not.
func (f schemeFlags) key(env *environment, scheme webhook.Scheme) (webhook.Key, error) {
	text, from, err := f.keyText(env)
	if err != nil {
		return webhook.Key{}, err
	}
	key, err := scheme.ParseKey(text)
	if _, fault := scheme.CheckKey(text); errors.Is(fault, webhook.ErrPastedKey) {
		err = fault
	}
	if err != nil {
		return webhook.Key{}, fmt.Errorf("%s: %w", from, err)
	}
	return key, nil
}

// keyText returns the key as written, and the flag or variable that it came from.
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
