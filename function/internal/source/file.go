package source

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// The members of a source. Those that hold jq are read by the selector.
const (
	fieldScheme         = "scheme"
	fieldAcceptUnsigned = "accept_unsigned"
	fieldAgents         = "agents"
	fieldDispositions   = "dispositions"
	fieldCalls          = "calls"
	fieldDryRun         = "dry_run"
	fieldBudget         = "budget"
)

var fields = []string{
	fieldScheme, fieldAcceptUnsigned,
	fieldEach, fieldWhen, fieldCallID, fieldAgentUser, fieldDisposition, fieldRef, fieldActor,
	fieldAgents, fieldDispositions, fieldCalls, fieldDryRun, fieldBudget,
}

const (
	shortestBudget = time.Second
	longestBudget  = 25 * time.Second // API Gateway waits 29 s or 30 s
	slackBudget    = 2500 * time.Millisecond
	apiSourceLimit = 20 // characters, VICIdial's own
)

// What names and VICIdial's statuses are made of, and what its call ids begin with.
// (Package-level regular expressions would cost every start a third of a millisecond.)
const (
	longestName   = 31
	nameLetters   = "abcdefghijklmnopqrstuvwxyz0123456789-"
	longestStatus = 6
	statusLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + nameLetters + "_"
	callLetters   = "VYJMC"
)

// isName tells whether a text can name a source: it stands in a URL and, without hyphens, in VICIdial's API log.
func isName(text string) bool {
	return madeOf(nameLetters, longestName, text) && text[0] != '-'
}

func isStatus(text string) bool { return madeOf(statusLetters, longestStatus, text) }

func madeOf(letters string, longest int, text string) bool {
	return text != "" && len(text) <= longest && strings.Trim(text, letters) == ""
}

// A reader collects the faults of one file.
type reader struct {
	file    string
	faults  []error
	checked map[string]checked // expressions by text: most sources share theirs
}

func (r *reader) fault(source, field, format string, args ...any) {
	r.faults = append(r.faults, &Fault{r.file, source, field, fmt.Sprintf(format, args...)})
}

func parse(file string, text []byte) (*Sources, error) {
	r := reader{file: file, checked: map[string]checked{}}
	sources := &Sources{byName: map[string]*Source{}}
	for name, value := range r.members(text) {
		sources.byName[name] = r.source(name, value)
	}
	sources.names = slices.Sorted(maps.Keys(sources.byName))
	r.checkNames(sources)
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(r.faults...)
	}
	return sources, nil
}

// members gives the sources of a file as they are written.
func (r *reader) members(text []byte) map[string]any {
	if len(text) > maxFile {
		r.fault("", "", "is larger than %d bytes", maxFile)
		return nil
	}
	value, err := decodeJSON(text)
	if err != nil {
		r.undecodable(err)
		return nil
	}
	members, ok := value.(map[string]any)
	if !ok {
		r.fault("", "", "must be an object of sources, not %s", kind(value))
		return nil
	}
	if _, given := members["$schema"].(string); given {
		delete(members, "$schema") // for editors
	}
	if len(members) == 0 {
		r.fault("", "", "names no source")
	}
	return members
}

func (r *reader) undecodable(err error) {
	var wrong *jsonError
	if !errors.As(err, &wrong) {
		wrong = &jsonError{why: err.Error()}
	}
	path := append(slices.Clone(wrong.path), "", "")
	r.fault(path[0], strings.TrimRight(strings.Join(path[1:], "."), "."), "%s", wrong.why)
}

func (r *reader) checkNames(sources *Sources) {
	taken := map[string]string{}
	for _, name := range sources.names {
		if !isName(name) {
			r.fault(fmt.Sprintf("%.40q", name), "", "a source's name is 1 to 31 of a-z, 0-9 and -, and starts with no -")
			continue
		}
		apiSource := apiSourceOf(name)
		if other, twice := taken[apiSource]; twice {
			r.fault(name, "", "VICIdial's API log could not tell it from %s: both would be %s there", other, apiSource)
		}
		taken[apiSource] = name
	}
}

func apiSourceOf(name string) string {
	text := "vh" + strings.ReplaceAll(name, "-", "")
	return text[:min(len(text), apiSourceLimit)]
}

// source reads one source. With faults in r it may be incomplete.
func (r *reader) source(name string, value any) *Source {
	members, ok := value.(map[string]any)
	if !ok {
		r.fault(name, "", "must be an object, not %s", kind(value))
		return nil
	}
	d := definition{reader: r, name: name, members: members}
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(fields, member) {
			d.fault(fmt.Sprintf("%.40q", member), "no such member; there are %s", strings.Join(fields, ", "))
		}
	}
	s := &Source{Name: name, apiSource: apiSourceOf(name), DryRun: d.flag(fieldDryRun)}
	d.scheme(s)
	s.selector = d.selector()
	s.Batch = s.selector.each.many
	d.scope(s)
	d.budget(s)
	return s
}

// A definition is one source as it is written.
type definition struct {
	*reader
	name    string
	members map[string]any
}

func (d *definition) fault(field, format string, args ...any) {
	d.reader.fault(d.name, field, format, args...)
}

// text gives a member that must be a text that is not empty.
func (d *definition) text(field string) (text string, given bool) {
	value, given := d.members[field]
	if !given {
		return "", false
	}
	text, ok := value.(string)
	switch {
	case !ok:
		d.fault(field, "must be a text, not %s", kind(value))
	case text == "":
		d.fault(field, "is empty; leave it out instead")
	}
	return text, text != ""
}

func (d *definition) flag(field string) bool {
	value, given := d.members[field]
	on, ok := value.(bool)
	if given && !ok {
		d.fault(field, "must be true or false, not %s", kind(value))
	}
	return on
}

func (d *definition) scheme(s *Source) {
	value, given := d.members[fieldScheme]
	if !given {
		d.fault(fieldScheme, "is missing: a preset's name or an object")
		return
	}
	var err error
	if s.Scheme, err = webhook.SchemeOf(value); err == nil {
		s.Verifier, err = webhook.NewVerifier(s.Scheme)
	}
	for _, fault := range unjoined(err) {
		d.schemeFault(fault)
	}
	accepted := d.flag(fieldAcceptUnsigned)
	switch {
	case err != nil:
	case !accepted && !s.Verifier.Signed():
		d.fault(fieldAcceptUnsigned, "must be true with a scheme of kind %s, whose requests prove nothing about their body", s.Scheme.Kind)
	case accepted && s.Verifier.Signed():
		d.fault(fieldAcceptUnsigned, "has no meaning with a scheme that signs")
	}
}

func (d *definition) schemeFault(err error) {
	var wrong *webhook.FieldError
	if errors.As(err, &wrong) {
		d.fault(fieldScheme+"."+wrong.Field, "%s", wrong.Why)
		return
	}
	d.fault(fieldScheme, "%s", strings.TrimPrefix(err.Error(), "webhook: "))
}

func unjoined(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// scope reads what the source may end.
func (d *definition) scope(s *Source) {
	if pattern, given := d.text(fieldAgents); given {
		var err error
		if s.agents, err = wholeMatch(pattern); err != nil {
			d.fault(fieldAgents, "%s", err)
		}
	}
	s.dispositions = d.dispositions()
	if len(s.dispositions) > 0 && s.selector.disposition == nil {
		d.fault(fieldDispositions, "needs %s: without one VICIdial books RAXFER", fieldDisposition)
	}
	s.calls, _ = d.text(fieldCalls)
	for i, letter := range s.calls {
		if !strings.ContainsRune(callLetters, letter) || strings.ContainsRune(s.calls[:i], letter) {
			d.fault(fieldCalls, "must be different letters out of %s, not %q", callLetters, s.calls)
			break
		}
	}
}

func (d *definition) dispositions() (list []string) {
	value, given := d.members[fieldDispositions]
	if !given {
		return nil
	}
	elements, ok := value.([]any)
	if !ok || len(elements) == 0 {
		d.fault(fieldDispositions, "must be a list of statuses that is not empty, not %s", kind(value))
	}
	for _, element := range elements {
		status, _ := element.(string)
		switch {
		case !isStatus(status):
			d.fault(fieldDispositions, "holds what is no status of VICIdial: 1 to 6 letters, digits, - and _")
		case slices.Contains(list, status):
			d.fault(fieldDispositions, "holds %s twice", status)
		}
		list = append(list, status)
	}
	return list
}

func (d *definition) budget(s *Source) {
	if d.members[fieldScheme] == "slack" {
		s.Budget = slackBudget // Slack waits 3 s
	}
	text, given := d.text(fieldBudget)
	if !given {
		return
	}
	budget, err := time.ParseDuration(text)
	if err != nil || budget < shortestBudget || budget > longestBudget {
		d.fault(fieldBudget, "must be a duration from %s to %s such as 2.5s, not %.40q", shortestBudget, longestBudget, text)
	}
	s.Budget = budget
}
