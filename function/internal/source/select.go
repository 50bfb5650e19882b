package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/itchyny/gojq"
)

// The members of a source that hold jq.
const (
	fieldEach        = "each"
	fieldWhen        = "when"
	fieldCallID      = "call_id"
	fieldAgentUser   = "agent_user"
	fieldDisposition = "disposition"
	fieldRef         = "ref"
	fieldActor       = "actor"
	fieldPayload     = "payload" // the body as a whole, in messages
)

// maxValue bounds a value, of which ref and actor end up in the answer and in the log.
const maxValue = 200 // bytes

// What is wrong with a payload whose signature held.
var (
	ErrInvalid    = errors.New("source: payload names no usable call")
	ErrNotAllowed = errors.New("source: outside what the source may end")
)

// A FieldError is one field of a payload that can't be used. It errors.Is ErrInvalid or ErrNotAllowed, and never
// quotes the payload.
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

// An Order names one call to end.
type Order struct {
	CallID      string
	AgentUser   string
	Disposition string // empty when the source has no disposition: VICIdial books its default, RAXFER
	Ref         string // the sender's ticket
	Actor       string // who asked
}

// An Item is what one item of a delivery came to. Whether the call id, agent and disposition have VICIdial's form
// is for the caller to check, as is that two items of a batch may name the same call.
type Item struct {
	Order         // what could be read, also with Err
	Ignored bool  // `when` is false
	Err     error // a *FieldError
}

// A selector is where the call stands in a source's payload. Only disposition, ref and actor may be nil.
type selector struct {
	each, when, callID, agentUser, disposition, ref, actor *expression
}

func (d *definition) selector() selector {
	return selector{
		each:        d.expression(fieldEach, "."),
		when:        d.expression(fieldWhen, "true"),
		callID:      d.expression(fieldCallID, ".call_id"),
		agentUser:   d.expression(fieldAgentUser, ".agent_user"),
		disposition: d.expression(fieldDisposition, ""),
		ref:         d.expression(fieldRef, ""),
		actor:       d.expression(fieldActor, ""),
	}
}

// expression checks a member, or its default. With a fault it stands for nothing but is not nil.
func (d *definition) expression(field, standard string) *expression {
	text, given := d.text(field)
	if !given {
		text = standard
	}
	if text == "" {
		return nil
	}
	e, faults := d.checkOnce(text)
	if e.many && field != fieldEach {
		d.fault(field, "may yield several values: take one with first(…), or give the items with each")
	}
	for _, why := range faults {
		d.fault(field, "%s", why)
	}
	return e
}

// Select finds the calls that a delivery asks to end. No items mean that it asks for none: a ping, a challenge or
// an empty batch. The error is a *FieldError that errors.Is ErrInvalid for a payload that can't be read, or the
// context's own. The signature must have been verified before.
func (s *Source) Select(ctx context.Context, body []byte, contentType string) ([]Item, error) {
	payload, err := decodePayload(body, contentType)
	if err != nil {
		return nil, err
	}
	if s.isSetUp(payload) {
		return nil, nil
	}
	inputs, err := s.selector.each.take(ctx, payload, MaxItems+1)
	if err != nil {
		return nil, fieldFailure(fieldEach, err)
	}
	if len(inputs) > MaxItems {
		return nil, invalid(fieldEach, "more than %d items", MaxItems)
	}
	items := make([]Item, len(inputs))
	for i, input := range inputs {
		items[i] = s.item(ctx, input)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return items, nil
}

func (s *Source) item(ctx context.Context, input any) Item {
	asked, err := s.selector.asks(ctx, input)
	if err != nil || !asked {
		return Item{Ignored: err == nil, Err: err}
	}
	order, err := s.selector.order(ctx, input)
	if err == nil {
		err = s.Allows(order)
	}
	return Item{Order: order, Err: err}
}

// asks tells what `when` says. Nothing but true asks for a hang-up: the "false" of a form would pass for true in jq.
func (s *selector) asks(ctx context.Context, input any) (bool, error) {
	value, err := s.when.one(ctx, input)
	if err != nil {
		return false, fieldFailure(fieldWhen, err)
	}
	asked, ok := value.(bool)
	if !ok && value != nil {
		return false, invalid(fieldWhen, "must be true or false, not %s", kind(value))
	}
	return asked, nil
}

// order reads every field, so that a refusal can be told with the sender's ref, and gives the first fault.
func (s *selector) order(ctx context.Context, input any) (o Order, fault error) {
	for _, field := range []struct {
		name     string
		value    *string
		from     *expression
		required bool
	}{
		{fieldCallID, &o.CallID, s.callID, true},
		{fieldAgentUser, &o.AgentUser, s.agentUser, true},
		{fieldDisposition, &o.Disposition, s.disposition, s.disposition != nil},
		{fieldRef, &o.Ref, s.ref, false},
		{fieldActor, &o.Actor, s.actor, false},
	} {
		text, err := field.from.text(ctx, input)
		if err == nil && text == "" && field.required {
			err = errors.New("missing")
		}
		if err != nil && fault == nil {
			fault = fieldFailure(field.name, err)
		}
		*field.value = text
	}
	return o, fault
}

func fieldFailure(field string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return invalid(field, "%s", err)
}

// text gives an expression's value: a string or a whole number, and "" for none.
func (e *expression) text(ctx context.Context, input any) (string, error) {
	if e == nil {
		return "", nil
	}
	value, err := e.one(ctx, input)
	if err != nil {
		return "", err
	}
	var text string
	switch value := value.(type) {
	case nil:
	case string:
		text = value
	case int:
		text = strconv.Itoa(value)
	case *big.Int:
		text = value.String()
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return "", errors.New("must be a whole number")
		}
		text = value.String()
	case float64:
		return "", errors.New("must be a whole number")
	default:
		return "", fmt.Errorf("must be a text or a whole number, not %s", kind(value))
	}
	switch {
	case len(text) > maxValue:
		return "", fmt.Errorf("longer than %d bytes", maxValue)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errors.New("holds a control character")
	}
	return text, nil
}

// kind names a JSON value's type with its article.
func kind(value any) string {
	switch name := gojq.TypeOf(value); name {
	case "null":
		return name
	case "array", "object":
		return "an " + name
	default:
		return "a " + name
	}
}
