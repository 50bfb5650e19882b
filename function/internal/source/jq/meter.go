package jq

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/itchyny/gojq"
)

// The costs of jq's work. A unit is about a nanosecond of time or a byte of memory.
const (
	budget    = 8 << 20 // of one delivery
	stepCost  = 12      // one step of jq's machine
	valueCost = 16
	textCost  = 1   // one byte
	matchCost = 480 // one byte of a text in which a regular expression is matched again and again
)

// ErrTooMuch is returned for a payload on which the expressions of its source work or produce too much.
var ErrTooMuch = errors.New("the expressions have too much to do on this payload")

// A Meter limits the work of all expressions of one delivery. It is the context that they run in: gojq calls Done
// before each step.
type Meter struct {
	context.Context
	left int
}

// NewMeter returns a full meter. It is not safe for concurrent use.
func NewMeter(ctx context.Context) *Meter { return &Meter{ctx, budget} }

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done counts one step. It returns a closed channel when the budget is used up.
func (m *Meter) Done() <-chan struct{} {
	if m.left -= stepCost; m.left < 0 {
		return closed
	}
	return m.Context.Done()
}

// Err returns ErrTooMuch or the context's own error.
func (m *Meter) Err() error {
	if m.left < 0 {
		return ErrTooMuch
	}
	return m.Context.Err()
}

// failure replaces errors of gojq, which quote the payload.
func (m *Meter) failure(err error) error {
	if m.Err() != nil {
		return m.Err()
	}
	if limit, ok := errors.AsType[limitError](err); ok {
		return limit
	}
	return ErrUnfit
}

// charge subtracts the cost of a value, times factor, and stops when nothing is left.
func (m *Meter) charge(value any, factor int) {
	m.left -= valueCost * factor
	switch value := value.(type) {
	case string:
		m.left -= len(value) * textCost * factor
	case *big.Int:
		bits := value.BitLen()
		m.left -= bits * (1 + bits>>10) // jq multiplies numbers of any length
	case []any:
		for _, element := range value {
			if m.left < 0 {
				return
			}
			m.charge(element, factor)
		}
	case map[string]any:
		for name, member := range value {
			if m.left < 0 {
				return
			}
			m.left -= len(name) * textCost * factor
			m.charge(member, factor)
		}
	}
}

// size returns the cost of a value, at most what is left.
func (m *Meter) size(value any) int {
	copied := Meter{left: m.left}
	copied.charge(value, 1)
	return m.left - copied.left
}

// The guards are functions that guard adds to an expression. refuse rejects a text that names one.
const (
	meterVariable = "$__meter"
	guardCharge   = "_charge"         // charges the input by a weight
	guardProduct  = "_chargeproduct"  // charges for comparing each value of the input with each of an argument
	guardMatch    = "_chargematch"    // charges a text by the cost of a regular expression
	guardLoop     = "_chargeloop"     // the same for one that is matched repeatedly, with a limit of the text
	guardIndex    = "_index1"         // rejects an array as an index, which would search one array in another
	guardFactor   = "_factor"         // rejects a text as a factor, which would repeat it
	guardFromJSON = "_strictfromjson" // is Decode
)

var guards = []gojq.CompilerOption{
	gojq.WithVariables([]string{meterVariable}),
	gojq.WithFunction(guardCharge, 2, 2, func(input any, args []any) any {
		args[0].(*Meter).charge(input, args[1].(int))
		return input
	}),
	gojq.WithFunction(guardProduct, 3, 3, func(input any, args []any) any {
		m := args[0].(*Meter)
		m.left -= m.size(input) / valueCost * m.size(args[1]) / valueCost * args[2].(int)
		return input
	}),
	gojq.WithFunction(guardMatch, 2, 2, func(input any, args []any) any {
		text, _ := input.(string)
		args[0].(*Meter).left -= len(text) * args[1].(int)
		return input
	}),
	gojq.WithFunction(guardLoop, 2, 2, func(input any, args []any) any {
		text, _ := input.(string)
		if len(text) > maxLoopText {
			return limitError(fmt.Sprintf("a text of more than %d bytes is too long for scan, gsub, splits and match with g", maxLoopText))
		}
		args[0].(*Meter).left -= (len(text)*len(text)/16 + len(text)*matchCost) * args[1].(int)
		return input
	}),
	gojq.WithFunction(guardIndex, 0, 0, func(input any, _ []any) any {
		switch input.(type) {
		case []any, map[string]any:
			return limitError("an index must be a text or a number")
		case nil:
			return "" // an absent value finds nothing: {"closed": "SALE"}[.status] // "CRMEND"
		}
		return input
	}),
	gojq.WithFunction(guardFactor, 0, 0, func(input any, _ []any) any {
		if _, ok := input.(string); ok {
			return limitError("a text can't be multiplied")
		}
		return input
	}),
	gojq.WithFunction(guardFromJSON, 0, 0, func(input any, _ []any) any {
		text, ok := input.(string)
		if !ok {
			return ErrUnfit
		}
		value, err := Decode([]byte(text))
		if err != nil {
			return limitError("fromjson: the text " + err.Error())
		}
		return value
	}),
}
