package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"vicihook/function/internal/source/jq"
)

// The members of a source that the messages about a payload name.
const (
	fieldEach        = "each"
	fieldWhen        = "when"
	fieldCallID      = "call_id"
	fieldAgentUser   = "agent_user"
	fieldDisposition = "disposition"
	fieldPayload     = "payload" // the body as a whole
)

// maxValue bounds a value, of which ref and actor end up in the answer and in the log.
const maxValue = 200 // bytes

// What is wrong with a payload that was signed.
var (
	ErrInvalid    = errors.New("source: payload names no usable call")
	ErrNotAllowed = errors.New("source: outside what the source may end")
)

// A FieldError is one field of a payload that can't be used. It errors.Is ErrInvalid or ErrNotAllowed, and quotes
// nothing of the payload but names that are in sources.json.
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

// An Order names one call to end: by its id and agent, or by what VICIdial can find it by.
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

// Described reports whether the order says which call is meant by more than an agent.
func (o Order) Described() bool { return o.LeadID != "" || o.Phone != "" || o.VendorLeadCode != "" }

// An Item is what one item of a delivery came to. Whether the values have VICIdial's form is for the caller to check,
// as is that two items of a batch may name the same call.
type Item struct {
	Order             // what could be read, also with Err
	ToolCall string   // id of the tool call that the item is, where the source answers tool calls
	Ignored  bool     // `when` is false
	Err      error    // a *FieldError
	Notes    []string // for the log: what was left out, and why an item may be ignored by mistake
}

// A selector says where in a source's payload the call stands. All but callID and agentUser may be nil.
type selector struct {
	each, when, callID, agentUser, leadID, phone, vendorLeadCode, disposition, ref, actor *jq.Expression
}

func (r sourceReader) selector(d definition) selector {
	return selector{
		each:           r.expression(fieldEach, d.Each, ""),
		when:           r.expression(fieldWhen, d.When, ""),
		callID:         r.expression(fieldCallID, d.CallID, ".call_id"),
		agentUser:      r.expression(fieldAgentUser, d.AgentUser, ".agent_user"),
		leadID:         r.expression("lead_id", d.LeadID, ""),
		phone:          r.expression("phone", d.Phone, ""),
		vendorLeadCode: r.expression("vendor_lead_code", d.VendorLeadCode, ""),
		disposition:    r.expression(fieldDisposition, d.Disposition, ""),
		ref:            r.expression("ref", d.Ref, ""),
		actor:          r.expression("actor", d.Actor, ""),
	}
}

// fields returns the expression of each field; nil for one that the source does not read.
func (s *selector) fields() map[string]*jq.Expression {
	return map[string]*jq.Expression{
		fieldEach: s.each, fieldWhen: s.when, fieldCallID: s.callID, fieldAgentUser: s.agentUser, "lead_id": s.leadID, "phone": s.phone,
		"vendor_lead_code": s.vendorLeadCode, fieldDisposition: s.disposition, "ref": s.ref, "actor": s.actor,
	}
}

// names reports whether an expression of the source names a member.
func (s *selector) names(name string) bool {
	for _, e := range s.fields() {
		if e != nil && slices.Contains(e.Names, name) {
			return true
		}
	}
	return false
}

// Expression returns the jq text by which the source reads a field such as agent_user, or "" if it does not read it.
func (s *Source) Expression(field string) string {
	if e := s.selector.fields()[field]; e != nil {
		return e.Text
	}
	return ""
}

// Select finds the calls that a delivery asks to end. No items mean that it asks for none: a ping, a challenge or
// an empty batch. The error is a *FieldError that errors.Is ErrInvalid for a payload that can't be read, or the
// context's own. The signature must have been verified before.
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
	if each := s.selector.each; each != nil {
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
	item.Ref = item.show(meter, "ref", s.selector.ref, input)
	item.Actor = item.show(meter, "actor", s.selector.actor, input)
	item.Err = err
	return item
}

// toolCall returns the id that Vapi wants to see again in the answer to a tool call.
func (s *Source) toolCall(input any) string {
	members, _ := input.(map[string]any)
	id, _ := members["id"].(string)
	if s.Answer != AnswerVapiTool || len(id) > maxValue || strings.ContainsFunc(id, unicode.IsControl) {
		return ""
	}
	return id
}

// asks evaluates `when`. Nothing but true asks for a hang-up: the "false" of a form would pass for true in jq.
func (s *selector) asks(meter *jq.Meter, input any) (bool, error) {
	if s.when == nil {
		return true, nil
	}
	value, err := one(meter, s.when, input)
	if err != nil {
		return false, fieldFailure(fieldWhen, err)
	}
	asked, ok := value.(bool)
	if !ok && value != nil {
		return false, invalid(fieldWhen, "must be true or false, not %s", jq.Kind(value))
	}
	return asked, nil
}

// absent notes that `when` read nothing of an item, which may be of another shape than sources.json says.
func (s *selector) absent(input any) []string {
	for _, path := range s.when.Paths {
		value := input
		for i, name := range path {
			members, _ := value.(map[string]any)
			inner, found := members[name]
			if value = inner; !found {
				break
			}
			if i == len(path)-1 {
				return nil
			}
		}
	}
	if len(s.when.Paths) == 0 {
		return nil
	}
	names := make([]string, len(s.when.Paths))
	for i, path := range s.when.Paths {
		names[i] = "." + strings.Join(path, ".")
	}
	slices.Sort(names)
	return []string{"the payload has nothing of what `when` reads: " + strings.Join(slices.Compact(names), ", ")}
}

// order reads every value that decides, so that a refusal can name the call, and returns the first fault.
func (s *selector) order(meter *jq.Meter, input any) (o Order, fault error) {
	for _, field := range []struct {
		name  string
		value *string
		from  *jq.Expression
	}{
		{fieldCallID, &o.CallID, s.callID},
		{fieldAgentUser, &o.AgentUser, s.agentUser},
		{"lead_id", &o.LeadID, s.leadID},
		{"phone", &o.Phone, s.phone},
		{"vendor_lead_code", &o.VendorLeadCode, s.vendorLeadCode},
		{fieldDisposition, &o.Disposition, s.disposition},
	} {
		if field.from == nil {
			continue
		}
		value, err := one(meter, field.from, input)
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

// missing returns what an order lacks to name one call.
func (s *selector) missing(o Order) error {
	switch {
	case o.CallID == "" && o.Described():
	case o.CallID == "" && o.AgentUser != "" && (s.leadID != nil || s.phone != nil || s.vendorLeadCode != nil):
		return invalid(fieldCallID, "missing, and an agent alone names no call, since a repeated webhook would end the next one: send lead_id, phone or vendor_lead_code too")
	case o.CallID == "":
		return invalid(fieldCallID, "missing")
	case o.AgentUser == "":
		return invalid(fieldAgentUser, "missing")
	}
	if s.disposition != nil && o.Disposition == "" {
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

var errSeveral = errors.New("yields several values for this payload: take one with first(…)")

// one returns the value that an expression yields, nil when it yields none.
func one(meter *jq.Meter, e *jq.Expression, input any) (any, error) {
	values, err := e.Take(meter, input, 2)
	switch {
	case err != nil || len(values) == 0:
		return nil, err
	case len(values) > 1:
		return nil, errSeveral
	}
	return values[0], nil
}

// text returns a value that decides: a string or a whole number, without white space around it, and "" for none.
func text(value any) (string, error) {
	text := ""
	switch value := value.(type) {
	case nil:
	case string:
		text = strings.TrimFunc(value, unicode.IsSpace)
	case int, float64, json.Number, *big.Int:
		var whole bool
		if text, whole = wholeNumber(value); !whole {
			return "", errors.New("must be a whole number")
		}
	default:
		return "", fmt.Errorf("must be a text or a whole number, not %s", jq.Kind(value))
	}
	switch {
	case len(text) > maxValue:
		return "", fmt.Errorf("longer than %d bytes", maxValue)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errors.New("holds a control character")
	}
	return text, nil
}

// wholeNumber writes a number of jq's without a fraction: 1028.0 and 1.028e3 are 1028.
func wholeNumber(value any) (text string, whole bool) {
	switch value := value.(type) {
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), value == math.Trunc(value) && math.Abs(value) < 1<<53
	case json.Number:
		digits, exponent, _ := strings.Cut(strings.ToLower(value.String()), "e")
		if exponent == "" && !strings.Contains(digits, ".") {
			return value.String(), true
		}
		if shift, err := strconv.Atoi(exponent); exponent != "" && (err != nil || shift < -maxValue || shift > maxValue) {
			return value.String(), false
		}
		number, ok := new(big.Rat).SetString(value.String())
		if !ok || !number.IsInt() {
			return value.String(), false
		}
		return number.Num().String(), true
	default:
		return fmt.Sprint(value), true // int, *big.Int
	}
}

// show returns a value that decides nothing, as far as it can be shown, and notes what was left out.
func (i *Item) show(meter *jq.Meter, field string, e *jq.Expression, input any) string {
	if e == nil {
		return ""
	}
	value, err := one(meter, e, input)
	if err != nil {
		i.Notes = append(i.Notes, field+": left out: "+err.Error())
		return ""
	}
	shown := ""
	switch value := value.(type) {
	case nil:
	case string:
		shown = strings.Join(strings.FieldsFunc(value, unicode.IsControl), " ")
	case bool:
		shown = strconv.FormatBool(value)
	case []any, map[string]any:
		i.Notes = append(i.Notes, field+": left out: is "+jq.Kind(value))
	default:
		shown, _ = wholeNumber(value)
	}
	shown = strings.TrimFunc(shown, unicode.IsSpace)
	if len(shown) > maxValue {
		i.Notes = append(i.Notes, fmt.Sprintf("%s: cut after %d bytes", field, maxValue))
		for shown = shown[:maxValue]; !utf8.ValidString(shown); {
			shown = shown[:len(shown)-1]
		}
	}
	return shown
}
