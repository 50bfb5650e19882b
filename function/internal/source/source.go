// Package source knows who may call: sources.json names each sender, how it signs, where in its payload the call
// is named and what it may end.
//
//	sources, err := source.Load("sources.json")
//	src, known := sources.Lookup("crm")
//	key, err := src.Verifier.Verify(request, keys, now)
//	items, err := src.Select(ctx, request.Body)
//
// A sender's payload is untrusted even when its signature is right. It is read strictly, searched by jq within limits
// (package jq), and compared with the source's scope. What decides whether a call ends is refused by the name of its
// field when it is wrong; what decides nothing stops nothing.
//
// The file's form is described by function/sources.schema.json.
package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"vicihook/function/internal/webhook"
)

// MaxItems is how many calls one delivery may name.
const MaxItems = 100

// maxFile bounds sources.json.
const maxFile = 1 << 20 // bytes

// ErrInvalidFile is what every fault of a sources.json wraps.
var ErrInvalidFile = errors.New("source: invalid sources.json")

// A Fault is one mistake in a sources.json.
type Fault struct {
	File   string
	Source string // empty when the fault is of no one source
	Field  string // empty when the fault is of the source as a whole
	Why    string
}

func (f *Fault) Error() string {
	text := f.File
	for _, part := range []string{f.Source, f.Field, f.Why} {
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// Unwrap returns ErrInvalidFile.
func (f *Fault) Unwrap() error { return ErrInvalidFile }

// A Source is one sender.
type Source struct {
	Name     string
	Fault    error  // what is wrong with its definition, each a *Fault; then nothing but Name is to be used
	Preset   string // the scheme's name; empty for a scheme of the source's own
	Scheme   webhook.Scheme
	Verifier *webhook.Verifier
	Budget   time.Duration // for one delivery, 1 s to 25 s; 0 = the function's own
	DryRun   bool          // look, but do not end the call
	Confirm  bool          // end a named call only if VICIdial shows its agent in it
	Batch    bool          // one delivery may name several calls: `each` may yield more than one item
	Answer   string        // what the sender reads in place of an outcome's JSON: "" or AnswerVapiTool

	apiSource    string
	selector     selector
	agents       *regexp.Regexp // nil = any
	dispositions []string       // nil = any
	calls        string         // first letters of call ids; empty = any
}

// AnswerVapiTool answers Vapi's tool calls: {"results": [{"toolCallId": …, "result": …}]}.
const AnswerVapiTool = "vapi-tool"

// APISource is what VICIdial's API log calls the source: "vh" and the letters and digits of its name, at most 20
// characters. No two sources of a file have the same.
func (s *Source) APISource() string { return s.apiSource }

// Finds reports whether deliveries of this source may have to be looked up in VICIdial: it names calls by a lead, a
// phone or a code, or confirms them.
func (s *Source) Finds() bool {
	return s.Confirm || s.selector.describes()
}

// Sources are all senders of one file. They are safe for concurrent use.
type Sources struct {
	byName map[string]*Source
	names  []string
}

// Load reads a sources.json. Its error is os.ReadFile's, or every fault of the file joined, each a *Fault that
// errors.Is ErrInvalidFile. If all faults are of single sources, Load returns the sources too: those with a fault have
// Source.Fault set, and the others can serve.
func Load(path string) (*Sources, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	return parse(filepath.Base(path), text)
}

// Parse reads the text of a sources.json, as Load does.
func Parse(text []byte) (*Sources, error) {
	return parse("sources.json", text)
}

// Lookup finds a source by its name.
func (s *Sources) Lookup(name string) (*Source, bool) {
	source, ok := s.byName[name]
	return source, ok
}

// Names lists the sources in alphabetical order.
func (s *Sources) Names() []string { return slices.Clone(s.names) }
