package source

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vicihook/function/internal/source/jq"
	"vicihook/function/internal/webhook"
)

const (
	shortestBudget = time.Second
	longestBudget  = 25 * time.Second // API Gateway waits 29 s or 30 s
	slackBudget    = 2500 * time.Millisecond
	longestName    = 31
	longestStatus  = 6
	apiSourceLimit = 20      // characters, VICIdial's own
	callLetters    = "VYJMC" // what VICIdial's call ids begin with
)

var (
	sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`) // a part of a URL and, without hyphens, a source in VICIdial's API log
	statusName = regexp.MustCompile(`^[-_0-9A-Za-z]+$`)
)

var byteOrderMark = []byte("\ufeff")

// A definition is one source as it is written in sources.json.
type definition struct {
	Scheme         jsontext.Value            `json:"scheme"`
	AcceptUnsigned bool                      `json:"accept_unsigned"`
	Each           *string                   `json:"each"`
	When           *string                   `json:"when"`
	CallID         *string                   `json:"call_id"`
	AgentUser      *string                   `json:"agent_user"`
	LeadID         *string                   `json:"lead_id"`
	Phone          *string                   `json:"phone"`
	VendorLeadCode *string                   `json:"vendor_lead_code"`
	Disposition    *string                   `json:"disposition"`
	Ref            *string                   `json:"ref"`
	Actor          *string                   `json:"actor"`
	Agents         *string                   `json:"agents"`
	Dispositions   *[]string                 `json:"dispositions"`
	Calls          *string                   `json:"calls"`
	Confirm        bool                      `json:"confirm"`
	DryRun         bool                      `json:"dry_run"`
	Budget         *string                   `json:"budget"`
	Answer         *string                   `json:"answer"`
	Others         map[string]jsontext.Value `json:",embed"`
}

// members are the names that a definition may have.
const members = "scheme, accept_unsigned, each, when, call_id, agent_user, lead_id, phone, vendor_lead_code, disposition, ref, actor, " +
	"agents, dispositions, calls, confirm, dry_run, budget, answer"

// A reader reads one file and collects its faults.
type reader struct {
	file   string
	source string // being read; empty for the whole file
	faults []*Fault
}

func (r *reader) fault(field, format string, args ...any) {
	r.faults = append(r.faults, &Fault{r.file, r.source, field, fmt.Sprintf(format, args...)})
}

func parse(file string, text []byte) (*Sources, error) {
	r := reader{file: file}
	sources := &Sources{byName: map[string]*Source{}}
	definitions := r.members(text)
	sources.names = slices.Sorted(maps.Keys(definitions))
	for _, name := range sources.names {
		r.source = name
		sources.byName[name] = r.read(definitions[name])
	}
	r.checkNames(sources.names)
	slices.SortStableFunc(r.faults, func(a, b *Fault) int { return strings.Compare(a.Error(), b.Error()) })
	bySource, all := map[string][]error{}, []error{}
	for _, fault := range r.faults {
		bySource[fault.Source] = append(bySource[fault.Source], fault)
		all = append(all, fault)
	}
	for name, faults := range bySource {
		source, found := sources.byName[name]
		if !found {
			return nil, errors.Join(all...)
		}
		source.Fault = errors.Join(faults...)
	}
	return sources, errors.Join(all...)
}

// members returns the text of each source in a file.
func (r *reader) members(text []byte) map[string]jsontext.Value {
	text = bytes.TrimPrefix(text, byteOrderMark)
	if len(text) > maxFile {
		r.fault("", "is larger than %d bytes", maxFile)
		return nil
	}
	if len(bytes.TrimSpace(text)) == 0 {
		r.fault("", "is empty")
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		r.unreadable(text, err)
		return nil
	}
	delete(members, "$schema") // which editors read
	if len(members) == 0 {
		r.fault("", "names no source")
	}
	return members
}

func (r *reader) unreadable(text []byte, err error) {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !ok:
		r.fault("", "must be an object of sources, not %s", kindOf(text))
	case errors.Is(err, jsontext.ErrDuplicateName):
		path := append(slices.Collect(syntax.JSONPointer.Tokens()), "", "")
		r.source = path[0]
		r.fault(strings.TrimRight(strings.Join(path[1:], "."), "."), "is given twice")
	default:
		r.fault("", "is not one JSON value: fault at byte %d: %v", syntax.ByteOffset, syntax.Err)
	}
}

// kindOf names the type of a JSON value with its article.
func kindOf(text jsontext.Value) string {
	return map[jsontext.Kind]string{
		'{': "an object", '[': "an array", '"': "a string", '0': "a number", 't': "a boolean", 'f': "a boolean", 'n': "null",
	}[text.Kind()]
}

func (r *reader) checkNames(names []string) {
	taken := map[string]string{}
	for _, name := range names {
		r.source = name
		if len(name) > longestName || !sourceName.MatchString(name) {
			r.fault("", "a source's name is 1 to 31 of a-z, 0-9 and -, and starts with no -")
			continue
		}
		apiSource := apiSourceOf(name)
		if other, twice := taken[apiSource]; twice {
			r.fault("", "VICIdial's API log could not distinguish it from %s: both would be %s there", other, apiSource)
		}
		taken[apiSource] = name
	}
}

func apiSourceOf(name string) string {
	text := "vh" + strings.ReplaceAll(name, "-", "")
	return text[:min(len(text), apiSourceLimit)]
}

// read reads one source, which is incomplete if it has a fault.
func (r *reader) read(text jsontext.Value) *Source {
	s := &Source{Name: r.source, apiSource: apiSourceOf(r.source)}
	if text.Kind() != '{' {
		r.fault("", "must be an object, not %s", kindOf(text))
		return s
	}
	d := r.definition(text)
	s.DryRun, s.Confirm = d.DryRun, d.Confirm
	s.selector = r.selector(d)
	if each := s.selector[fieldEach]; each != nil {
		s.Batch = each.Several
	}
	r.scheme(s, d)
	r.scope(s, d)
	r.times(s, d)
	return s
}

// definition decodes a source. It goes on after a member of the wrong type, to find every fault.
func (r *reader) definition(text jsontext.Value) (d definition) {
	wrongType := json.UnmarshalFromFunc(func(dec *jsontext.Decoder, target any) error {
		switch target.(type) {
		case *string, *bool, *[]string:
		default:
			return errors.ErrUnsupported
		}
		value, err := dec.ReadValue()
		if err == nil && (json.Unmarshal(value, target) != nil || value.Kind() == 'n') {
			r.fault(dec.StackPointer().LastToken(), "must be %s, not %s", expected(target), kindOf(value))
		}
		return err
	})
	if err := json.Unmarshal(text, &d, json.WithUnmarshalers(wrongType)); err != nil {
		r.fault("", "%v", err)
	}
	for _, member := range slices.Sorted(maps.Keys(d.Others)) {
		r.fault(fmt.Sprintf("%.40q", member), "no such member; there are %s", members)
	}
	return d
}

func expected(target any) string {
	switch target.(type) {
	case *bool:
		return "true or false"
	case *[]string:
		return "a list of texts"
	default:
		return "a text"
	}
}

// isFaulty reports whether a member has a fault already: it is of the wrong type.
func (r *reader) isFaulty(field string) bool {
	return slices.ContainsFunc(r.faults, func(f *Fault) bool { return f.Source == r.source && f.Field == field })
}

// text returns a member that must not be empty.
func (r *reader) text(field string, value *string) (text string, given bool) {
	if value == nil || r.isFaulty(field) {
		return "", false
	}
	if *value == "" {
		r.fault(field, "is empty; leave it out instead")
	}
	return *value, *value != ""
}

// expression compiles a member that is jq, or its default.
func (r *reader) expression(field string, value *string, standard string) *jq.Expression {
	text, given := r.text(field, value)
	if !given {
		text = standard
	}
	if text == "" {
		return nil
	}
	e, faults := jq.Compile(text)
	for _, why := range faults {
		r.fault(field, "%s", why)
	}
	if e != nil && e.Several && field != fieldEach {
		r.fault(field, "may yield several values: take one with first(…), or list the items with each")
	}
	return e
}

func (r *reader) scheme(s *Source, d definition) {
	if d.Scheme == nil {
		r.fault("scheme", "is missing: a preset's name or an object")
		return
	}
	_ = json.Unmarshal(d.Scheme, &s.Preset) // stays empty for an object
	err := s.Scheme.UnmarshalJSON(d.Scheme)
	if err == nil {
		s.Verifier, err = webhook.NewVerifier(s.Scheme)
	}
	if err == nil && s.Preset == "" {
		err = s.Scheme.CheckReadings()
	}
	for _, fault := range each(err) {
		if wrong, ok := errors.AsType[*webhook.FieldError](fault); ok {
			r.fault("scheme."+wrong.Field, "%s", wrong.Why)
			continue
		}
		r.fault("scheme", "%s", strings.TrimPrefix(fault.Error(), "webhook: "))
	}
	switch {
	case err != nil:
	case !d.AcceptUnsigned && !s.Verifier.Signed():
		r.fault("accept_unsigned", "must be true with a scheme of kind %s, which does not sign the body", s.Scheme.Kind)
	case d.AcceptUnsigned && s.Verifier.Signed():
		r.fault("accept_unsigned", "has no meaning with a scheme that signs")
	}
}

// each returns the errors that are joined in one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// scope reads what the source may end.
func (r *reader) scope(s *Source, d definition) {
	if pattern, given := r.text("agents", d.Agents); given {
		var err error
		if s.agents, err = wholeMatch(pattern); err != nil {
			r.fault("agents", "%s", err)
		}
	}
	if d.Dispositions != nil && !r.isFaulty("dispositions") {
		r.dispositions(*d.Dispositions)
		s.dispositions = *d.Dispositions
		if len(s.dispositions) > 0 && d.Disposition == nil {
			r.fault("dispositions", "needs disposition: without one VICIdial books RAXFER")
		}
	}
	s.calls, _ = r.text("calls", d.Calls)
	for i, letter := range s.calls {
		if !strings.ContainsRune(callLetters, letter) || strings.ContainsRune(s.calls[:i], letter) {
			r.fault("calls", "must be different letters out of %s, not %q", callLetters, s.calls)
			break
		}
	}
}

func (r *reader) dispositions(list []string) {
	if len(list) == 0 {
		r.fault("dispositions", "must be a list of statuses that is not empty")
	}
	for i, status := range list {
		switch {
		case len(status) > longestStatus || !statusName.MatchString(status):
			r.fault("dispositions", "has an entry that is no status of VICIdial: 1 to 6 letters, digits, - and _")
		case slices.Contains(list[:i], status):
			r.fault("dispositions", "holds %s twice", status)
		}
	}
}

// wholeMatch compiles a pattern that must match a whole value, with or without ^ and $. A forgotten anchor then allows
// less than was meant, never more.
func wholeMatch(pattern string) (*regexp.Regexp, error) {
	if err := jq.CheckPattern(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// times reads the budget and the form of the answer.
func (r *reader) times(s *Source, d definition) {
	switch s.Preset {
	case "slack":
		s.Budget = slackBudget // Slack waits 3 s
	case "vapi":
		s.Answer = AnswerVapiTool
	}
	if answer, given := r.text("answer", d.Answer); given {
		if s.Answer = answer; answer != AnswerVapiTool {
			r.fault("answer", "must be %s, or be left out", AnswerVapiTool)
		}
	}
	text, given := r.text("budget", d.Budget)
	if !given {
		return
	}
	budget, err := time.ParseDuration(text)
	if err != nil || budget < shortestBudget || budget > longestBudget {
		r.fault("budget", "must be a duration from %s to %s such as 2.5s, not %.40q", shortestBudget, longestBudget, text)
	}
	s.Budget = budget
}
