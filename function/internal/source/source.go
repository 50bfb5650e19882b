// Package source reads sources.json: who may send webhooks, how they sign, where their payload names the call, and what
// they may end.
//
//	sources, err := source.Load("sources.json")
//	src, known := sources.Lookup("crm")
//	key, err := src.Verifier.Verify(request, keys, now)
//	items, err := src.Select(ctx, request.Body)
//
// A payload is untrusted even when its signature is right. It is decoded strictly, read by jq within limits (package
// jq), and compared with the source's scope. A field that decides whether a call ends is rejected by its name when it is
// wrong; a field that is only shown never stops a call.
//
// function/sources.schema.json describes the file.
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

// MaxItems is the most calls that one delivery may name.
const MaxItems = 100

const maxFile = 1 << 20 // bytes

// ErrInvalidFile is wrapped by every fault of a sources.json.
var ErrInvalidFile = errors.New("source: invalid sources.json")

// A Fault is one fault of a sources.json.
type Fault struct {
	File   string
	Source string // empty for a fault of the whole file
	Field  string // empty for a fault of the whole source
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
	Fault    error  // of its definition, joined *Faults; then only Name may be used
	Preset   string // the scheme's name; empty for a scheme of the source's own
	Scheme   webhook.Scheme
	Verifier *webhook.Verifier
	Budget   time.Duration // for one delivery, 1 s to 25 s; 0 = the function's own
	DryRun   bool          // CHECK in place of HANGUP
	Confirm  bool          // end a named call only if VICIdial shows its agent in it
	Batch    bool          // one delivery may name several calls: `each` may yield more than one item
	Answer   string        // the form of the answer: "" for an outcome's JSON, or AnswerVapiTool

	apiSource    string
	selector     selector
	agents       *regexp.Regexp // nil = any
	dispositions []string       // nil = any
	calls        string         // first letters of call ids; empty = any
}

// AnswerVapiTool answers Vapi's tool calls: {"results": [{"toolCallId": …, "result": …}]}.
const AnswerVapiTool = "vapi-tool"

// APISource returns the source's name in VICIdial's API log: "vh" and the letters and digits of its name, at most 20
// characters. It is unique in a file.
func (s *Source) APISource() string { return s.apiSource }

// Finds reports whether calls of this source may have to be looked up in VICIdial: it names them by a lead, a phone or
// a code, or confirms them.
func (s *Source) Finds() bool {
	return s.Confirm || s.selector.describes()
}

// Sources are the senders of one file. They are safe for concurrent use.
type Sources struct {
	byName map[string]*Source
	names  []string
}

// Load reads a sources.json. It returns the error of reading it, or all its faults joined, each a *Fault that errors.Is
// ErrInvalidFile. If every fault is of one source, Load returns the sources too. Those with a fault have Source.Fault
// set; the others can serve.
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

// Lookup returns the source of that name.
func (s *Sources) Lookup(name string) (*Source, bool) {
	source, ok := s.byName[name]
	return source, ok
}

// Names returns the names of the sources in alphabetical order.
func (s *Sources) Names() []string { return slices.Clone(s.names) }
