package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"vicihook/function/internal/source/jq"
)

// The members of a source that read the payload, and the field of messages about the payload itself.
const (
	fieldEach           = "each"
	fieldWhen           = "when"
	fieldCallID         = "call_id"
	fieldAgentUser      = "agent_user"
	fieldLeadID         = "lead_id"
	fieldPhone          = "phone"
	fieldVendorLeadCode = "vendor_lead_code"
	fieldDisposition    = "disposition"
	fieldRef            = "ref"
	fieldActor          = "actor"
	fieldPayload        = "payload" // the whole body
)

// Categories of a FieldError.
var (
	ErrInvalid    = errors.New("source: payload names no usable call")
	ErrNotAllowed = errors.New("source: outside what the source may end")
)

// A FieldError is a field of a payload that can't be used. It errors.Is ErrInvalid or ErrNotAllowed. It quotes nothing of
// the payload but names that are in sources.json.
type FieldError struct {
	Field string // a member of sources.json, or "payload"
	Why   string
	kind  error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Why }

// Unwrap returns ErrInvalid or ErrNotAllowed.
func (e *FieldError) Unwrap() error { return e.kind }

func invalid(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...), ErrInvalid}
}

// An Order is one call to end, named by its id and agent, or by what VICIdial can find it by.
type Order struct {
	CallID         string // empty: to be found by at least one of lead, phone and code
	AgentUser      string // empty only when the call is to be found
	LeadID         string
	Phone          string
	VendorLeadCode string
	Disposition    string // empty when the source has no disposition: VICIdial books its default, RAXFER
	Ref            string // the sender's ticket
	Actor          string // who asked
}

// Described reports whether the order names the call by a lead, a phone or a code.
func (o Order) Described() bool { return o.LeadID != "" || o.Phone != "" || o.VendorLeadCode != "" }

// An Item is what was read from one item of a delivery. The caller checks that the values have VICIdial's form, and
// whether two items of a batch name the same call.
type Item struct {
	Order             // as far as it could be read, also with Err
	ToolCall string   // id of the tool call, if the source answers tool calls
	Ignored  bool     // `when` is false
	Err      error    // a *FieldError
	Notes    []string // for the log: what was left out, and why an item may be ignored by mistake
}

// A selector has the jq of each member of a source that reads the payload. A source does not read a missing member.
type selector map[string]*jq.Expression

func (r *reader) selector(d definition) selector {
	s := selector{}
	for _, member := range []struct {
		name     string
		text     *string
		standard string
	}{
		{fieldEach, d.Each, ""},
		{fieldWhen, d.When, ""},
		{fieldCallID, d.CallID, ".call_id"},
		{fieldAgentUser, d.AgentUser, ".agent_user"},
		{fieldLeadID, d.LeadID, ""},
		{fieldPhone, d.Phone, ""},
		{fieldVendorLeadCode, d.VendorLeadCode, ""},
		{fieldDisposition, d.Disposition, ""},
		{fieldRef, d.Ref, ""},
		{fieldActor, d.Actor, ""},
	} {
		if e := r.expression(member.name, member.text, member.standard); e != nil {
			s[member.name] = e
		}
	}
	return s
}

// names reports whether an expression of the source names a member.
func (s selector) names(name string) bool {
	for _, e := range s {
		if slices.Contains(e.Names, name) {
			return true
		}
	}
	return false
}

// describes reports whether the source can name a call by more than its id.
func (s selector) describes() bool {
	return s[fieldLeadID] != nil || s[fieldPhone] != nil || s[fieldVendorLeadCode] != nil
}

// Expression returns the jq text by which the source reads a field such as agent_user, or "" if it does not read it.
func (s *Source) Expression(field string) string {
	if e := s.selector[field]; e != nil {
		return e.Text
	}
	return ""
}

// Select returns the calls that a delivery asks to end; none for a ping, a challenge or an empty batch. For a payload
// that can't be read it returns a *FieldError that errors.Is ErrInvalid; else the context's error. The signature must
// have been verified before.
func (s *Source) Select(ctx context.Context, body []byte) ([]Item, error) {
	payload, err := s.decodePayload(body)
	if err != nil {
		return nil, err
	}
	if s.isSetUp(payload) {
		return nil, nil
	}
	meter := jq.NewMeter(ctx)
	inputs := []any{payload}
	if each := s.selector[fieldEach]; each != nil {
		if inputs, err = each.Take(meter, payload, MaxItems+1); err != nil {
			return nil, fieldFailure(fieldEach, err)
		}
	}
	if len(inputs) > MaxItems {
		return nil, invalid(fieldEach, "more than %d items", MaxItems)
	}
	if len(inputs) > 1 && !s.Batch {
		return nil, invalid(fieldEach, "yields several items for this payload; sources.json must show it: end it with .[]")
	}
	items := make([]Item, len(inputs))
	for i, input := range inputs {
		items[i] = s.item(meter, input)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return items, nil
}

func (s *Source) item(meter *jq.Meter, input any) Item {
	item := Item{ToolCall: s.toolCall(input)}
	asked, err := s.selector.asks(meter, input)
	if err != nil || !asked {
		item.Ignored, item.Err = err == nil, err
		if item.Ignored {
			item.Notes = s.selector.absent(input)
		}
		return item
	}
	if item.Order, err = s.selector.order(meter, input); err == nil {
		err = s.Allows(item.Order)
	}
	item.Ref = item.show(meter, fieldRef, s.selector[fieldRef], input)
	item.Actor = item.show(meter, fieldActor, s.selector[fieldActor], input)
	item.Err = err
	return item
}

// toolCall returns the id of a tool call, which Vapi expects in the answer.
func (s *Source) toolCall(input any) string {
	members, _ := input.(map[string]any)
	id, _ := members["id"].(string)
	if s.Answer != AnswerVapiTool || len(id) > maxValue || strings.ContainsFunc(id, unicode.IsControl) {
		return ""
	}
	return id
}

// asks evaluates `when`. Only true asks for a hang-up, since jq counts the text "false" of a form as true.
func (s selector) asks(meter *jq.Meter, input any) (bool, error) {
	when := s[fieldWhen]
	if when == nil {
		return true, nil
	}
	value, err := one(meter, when, input)
	if err != nil {
		return false, fieldFailure(fieldWhen, err)
	}
	asked, ok := value.(bool)
	if !ok && value != nil {
		return false, invalid(fieldWhen, "must be true or false, not %s", jq.Kind(value))
	}
	return asked, nil
}

// absent returns a note if an item has none of the members that `when` reads: sources.json may describe another payload.
func (s selector) absent(input any) []string {
	var names []string
	for _, path := range s[fieldWhen].Paths {
		if reads(input, path) {
			return nil
		}
		names = append(names, "."+strings.Join(path, "."))
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	return []string{"the payload has nothing of what `when` reads: " + strings.Join(slices.Compact(names), ", ")}
}

// reads reports whether a value has all members of a path.
func reads(value any, path []string) bool {
	for _, name := range path {
		members, _ := value.(map[string]any)
		inner, found := members[name]
		if !found {
			return false
		}
		value = inner
	}
	return true
}

// order reads every field that decides, so that a rejection can name the call, and returns the first fault.
func (s selector) order(meter *jq.Meter, input any) (o Order, fault error) {
	for _, field := range []struct {
		name  string
		value *string
	}{
		{fieldCallID, &o.CallID},
		{fieldAgentUser, &o.AgentUser},
		{fieldLeadID, &o.LeadID},
		{fieldPhone, &o.Phone},
		{fieldVendorLeadCode, &o.VendorLeadCode},
		{fieldDisposition, &o.Disposition},
	} {
		value, err := one(meter, s[field.name], input)
		if err == nil {
			*field.value, err = text(value)
		}
		if err != nil && fault == nil {
			fault = fieldFailure(field.name, err)
		}
	}
	if fault == nil {
		fault = s.missing(o)
	}
	return o, fault
}

// missing returns an error for an order that does not name one call.
func (s selector) missing(o Order) error {
	switch {
	case o.CallID == "" && o.Described():
	case o.CallID == "" && o.AgentUser != "" && s.describes():
		return invalid(fieldCallID, "missing, and an agent alone names no call, since a repeated webhook would end the next one: send lead_id, phone or vendor_lead_code too")
	case o.CallID == "" && s.describes():
		return invalid(fieldCallID, "missing, and so are lead_id, phone and vendor_lead_code: send one of them")
	case o.CallID == "":
		return invalid(fieldCallID, "missing")
	case o.AgentUser == "":
		return invalid(fieldAgentUser, "missing")
	}
	if s[fieldDisposition] != nil && o.Disposition == "" {
		return invalid(fieldDisposition, "missing")
	}
	return nil
}

func fieldFailure(field string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return invalid(field, "%s", err)
}
