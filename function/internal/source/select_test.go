package source_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"vicihook/function/internal/source"
)

const (
	callID   = "Y1221052110000402027"
	formType = "application/x-www-form-urlencoded"
)

var undecodablePayloads = map[string]struct{ body, contentType, want string }{
	"an empty body":                  {"", "application/json", "payload: is empty"},
	"a body of blanks":               {" \n", "", "payload: is empty"},
	"what is no JSON":                {"call_id=1", "application/json", "payload: is not one JSON value: fault at byte 1"},
	"a cut body":                     {`{"call_id": "Y12`, "", "payload: is not one JSON value"},
	"trailing data":                  {`{} {}`, "", "payload: is not one JSON value: fault at byte 4"},
	"a byte order mark":              {"\ufeff{}", "", "payload: is not one JSON value: fault at byte 1"},
	"a member given twice":           {`{"call_id": "1", "call_id": "2"}`, "", `payload: member "call_id" appears twice`},
	"a member twice by its escape":   {`{"call_id": "1", "c\u0061ll_id": "2"}`, "", `payload: member "call_id" appears twice`},
	"a member given twice deep down": {`{"a": [{"b": {"c": 1, "c": 1}}]}`, "", `payload: member "a.b.c" appears twice`},
	"what is not UTF-8":              {"{\"a\": \"\xff\"}", "", "payload: is not UTF-8"},
	"the first half of a pair":       {`{"a": "\ud83d"}`, "", "payload: holds half a surrogate pair at byte 7"},
	"the second half of a pair":      {`{"a": "\\\uDE00"}`, "", "payload: holds half a surrogate pair at byte 9"},
	"two first halves":               {`{"a": "\ud83d\ud83d"}`, "", "payload: holds half a surrogate pair at byte 7"},
	"a number too long":              {`{"a": ` + strings.Repeat("9", 101) + `}`, "", `payload: member "a" is a number of more than 100 characters`},
	"too many values":                {`[` + strings.Repeat("1,", 10_000) + `1]`, "", "payload: holds more than 10000 values"},
	"too deep a nesting":             {strings.Repeat("[", 101) + strings.Repeat("]", 101), "", "payload: is nested more than 100 deep"},
	"far too deep a nesting":         {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "", "payload: is not one JSON value"},
	"an empty form":                  {"", formType, "payload: is empty"},
	"a form with a bad escape":       {"a=%zz", formType, "payload: is not a form"},
	"a form with a semicolon":        {"a=1;b=2", formType, "payload: is not a form"},
	"a repeated field":               {"call_id=1&call_id=2", formType, `payload: field "call_id" appears twice`},
	"a field repeated by its escape": {"call_id=1&c%61ll_id=2", formType + "; charset=utf-8", `payload: field "call_id" appears twice`},
	"a form that is not UTF-8":       {"a=%ff", formType, "payload: is not UTF-8"},
}

func TestUndecodablePayloads(t *testing.T) {
	t.Parallel()
	s := crm(t, nil)
	for name, c := range undecodablePayloads {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte(c.body), c.contentType)
			if !errors.Is(err, source.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want) || items != nil {
				t.Errorf("got %v, %v, want %s", items, err, c.want)
			}
		})
	}
}

func TestPayloadForms(t *testing.T) {
	t.Parallel()
	slash := map[string]any{"call_id": ".payload | fromjson | .call_id", "agent_user": ".user"}
	for name, c := range map[string]struct {
		members           map[string]any
		body, contentType string
	}{
		"JSON":                       {nil, `{"call_id": "` + callID + `", "agent_user": "1028"}`, "application/json; charset=utf-8"},
		"JSON without content type":  {nil, `{"call_id": "` + callID + `", "agent_user": "1028"}`, ""},
		"JSON of another media type": {nil, `{"call_id": "` + callID + `", "agent_user": "1028"}`, "text/plain"},
		"a pair of surrogates":       {nil, `{"call_id": "` + callID + `", "agent_user": "1028", "x": "\ud83d\ude00 \\u"}`, ""},
		"a form":                     {nil, "call_id=" + callID + "&agent_user=1028&text=a+b%20c", formType},
		"a form with parameters":     {nil, "call_id=" + callID + "&agent_user=1028", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"},
		"JSON inside a form":         {slash, "user=1028&payload=%7B%22call_id%22%3A%22" + callID + "%22%7D", formType},
		"a list":                     {map[string]any{"call_id": ".[0]", "agent_user": ".[1]"}, `["` + callID + `", 1028]`, ""},
	} {
		t.Run(name+" is read", func(t *testing.T) {
			t.Parallel()
			items, err := crm(t, c.members).Select(t.Context(), []byte(c.body), c.contentType)
			want := source.Order{CallID: callID, AgentUser: "1028"}
			if err != nil || len(items) != 1 || items[0].Order != want || items[0].Err != nil || items[0].Ignored {
				t.Errorf("got %+v, %v", items, err)
			}
		})
	}
}

// valueCases are what one member of the payload may be; a wish that begins with "!" is the fault.
var valueCases = map[string]struct{ value, want string }{
	"a text":                              {`"Anna Ö."`, "Anna Ö."},
	"a whole number":                      {`1028`, "1028"},
	"a whole number of 20 digits":         {`12345678901234567890`, "12345678901234567890"},
	"a negative number":                   {`-7`, "-7"},
	"an empty text, which is none,":       {`""`, ""},
	"null, which is none,":                {`null`, ""},
	"a fraction":                          {`10.5`, "!ref: must be a whole number"},
	"a whole number with a decimal dot":   {`10.0`, "!ref: must be a whole number"},
	"a number with an exponent":           {`1e3`, "!ref: must be a whole number"},
	"a number with a very large one":      {`1e999999999`, "!ref: must be a whole number"},
	"true":                                {`true`, "!ref: must be a text or a whole number, not a boolean"},
	"a list":                              {`["x"]`, "!ref: must be a text or a whole number, not an array"},
	"an object":                           {`{"a": 1}`, "!ref: must be a text or a whole number, not an object"},
	"a text of 200 bytes":                 {`"` + strings.Repeat("x", 200) + `"`, strings.Repeat("x", 200)},
	"a text of 201 bytes":                 {`"` + strings.Repeat("x", 201) + `"`, "!ref: longer than 200 bytes"},
	"a text with a newline":               {`"a\nb"`, "!ref: holds a control character"},
	"a text with an escape for terminals": {`"\u001b[31m"`, "!ref: holds a control character"},
}

func TestValues(t *testing.T) {
	t.Parallel()
	for name, c := range valueCases {
		wish, refused := strings.CutPrefix(c.want, "!")
		verb := " is taken as it stands"
		if refused {
			verb = " is refused"
		}
		t.Run(name+verb, func(t *testing.T) {
			t.Parallel()
			got, err := refOf(t, ".x", `"x": `+c.value)
			if !refused && (err != nil || got != wish) {
				t.Errorf("got %q, %v, want %q", got, err, wish)
			}
			if refused && (!errors.Is(err, source.ErrInvalid) || err.Error() != wish || got != "") {
				t.Errorf("got %q, %v, want %s", got, err, wish)
			}
		})
	}
}

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members    map[string]any
		body, want string
	}{
		"no call id":                             {nil, `{"agent_user": 1028}`, "call_id: missing"},
		"an empty call id":                       {nil, `{"call_id": "", "agent_user": 1028}`, "call_id: missing"},
		"no agent":                               {nil, `{"call_id": "Y1"}`, "agent_user: missing"},
		"neither, of which the first is named":   {nil, `{}`, "call_id: missing"},
		"no disposition where the source has it": {map[string]any{"disposition": ".d"}, `{"call_id": "Y1", "agent_user": 1028}`, "disposition: missing"},
		"a payload that is a text":               {nil, `"Y1"`, "call_id: the expression can't be applied to this payload"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			items, err := crm(t, c.members).Select(t.Context(), []byte(c.body), "")
			if err != nil || len(items) != 1 || !errors.Is(items[0].Err, source.ErrInvalid) || items[0].Err.Error() != c.want {
				t.Errorf("got %+v, %v, want %s", items, err, c.want)
			}
			var field *source.FieldError
			if len(items) == 1 && (!errors.As(items[0].Err, &field) || !strings.HasPrefix(c.want, field.Field+": ")) {
				t.Errorf("got field %+v", field)
			}
		})
	}
}

func TestRefusedItemKeepsWhatCouldBeRead(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"ref": ".ticket", "actor": ".by"})
	items, err := s.Select(t.Context(), []byte(`{"agent_user": true, "ticket": 77, "by": "anna"}`), "")
	want := source.Order{Ref: "77", Actor: "anna"}
	if err != nil || len(items) != 1 || items[0].Order != want || items[0].Err == nil {
		t.Errorf("got %+v, %v", items, err)
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"when": ".end"})
	for name, c := range map[string]struct {
		members string
		ignored bool
		want    string
	}{
		"true asks for a hang-up":         {`"end": true`, false, ""},
		"false does not":                  {`"end": false`, true, ""},
		"null does not":                   {`"end": null`, true, ""},
		"nothing does not":                {`"x": 1`, true, ""},
		"the text true is refused":        {`"end": "true"`, false, "when: must be true or false, not a string"},
		"the text of a form is refused":   {`"end": "false"`, false, "when: must be true or false, not a string"},
		"a number is refused":             {`"end": 1`, false, "when: must be true or false, not a number"},
		"an object, though full, refused": {`"end": {}`, false, "when: must be true or false, not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte("{"+anyCall+","+c.members+"}"), "")
			if err != nil || len(items) != 1 || items[0].Ignored != c.ignored {
				t.Fatalf("got %+v, %v", items, err)
			}
			if got := items[0].Err; fmt.Sprint(got) != c.want && (got != nil || c.want != "") {
				t.Errorf("got %v, want %s", got, c.want)
			}
			if (c.ignored || c.want != "") && items[0].Order != (source.Order{}) {
				t.Errorf("an order came of it: %+v", items[0])
			}
		})
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"each": ".events[]?", "when": `.kind == "end"`})
	events := func(n int) string {
		return `{"events": [` + strings.TrimSuffix(strings.Repeat(`{"kind": "end", `+anyCall+`},`, n), ",") + `]}`
	}
	for name, c := range map[string]struct {
		body  string
		items int
		fault string
	}{
		"no events are no items":            {`{"other": 1}`, 0, ""},
		"an empty list is no items":         {events(0), 0, ""},
		"equal call ids are left in place":  {events(2), 2, ""},
		"a hundred items are taken":         {events(100), 100, ""},
		"a hundred and one are refused":     {events(101), 0, "each: more than 100 items"},
		"a thousand are refused":            {events(1000), 0, "each: more than 100 items"},
		"events that are a text are no one": {`{"events": "end"}`, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte(c.body), "")
			if len(items) != c.items {
				t.Errorf("got %d items, want %d", len(items), c.items)
			}
			if c.fault == "" && err != nil || c.fault != "" && (!errors.Is(err, source.ErrInvalid) || err.Error() != c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
	items, err := s.Select(t.Context(), []byte(`{"events": [{"kind": "end", `+anyCall+`}, {"kind": "new"}, {"kind": "end"}, 7]}`), "")
	if err != nil || len(items) != 4 || items[0].Err != nil || !items[1].Ignored || items[2].Err == nil || items[3].Err == nil {
		t.Errorf("each item stands for itself: got %+v, %v", items, err)
	}
	if _, err := crm(t, map[string]any{"each": ".events[]"}).Select(t.Context(), []byte(`{}`), ""); !errors.Is(err, source.ErrInvalid) ||
		err.Error() != "each: the expression can't be applied to this payload" {
		t.Errorf("got %v", err)
	}
}

func TestItemsBeyondTheLimitAreNotRead(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"each": `.[] | select(. > 0)`})
	taken := func(items int) int {
		counted := &steps{Context: t.Context()}
		body := "[" + strings.Repeat("1,", items-1) + "1]"
		if _, err := s.Select(counted, []byte(body), ""); !errors.Is(err, source.ErrInvalid) {
			t.Fatalf("got %v", err)
		}
		return counted.taken
	}
	if few, many := taken(101), taken(5000); few != many {
		t.Errorf("101 items take %d steps, 5000 take %d", few, many)
	}
}

// expiring is a context that ends after so many steps of jq.
type expiring struct {
	context.Context
	left   int
	cancel context.CancelFunc
}

func (e *expiring) Done() <-chan struct{} {
	if e.left--; e.left == 0 {
		e.cancel()
	}
	return e.Context.Done()
}

func TestSelectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"each": ".[]", "ref": `.x | map(select(test("b"))) | first`})
	body := []byte(`[` + strings.Repeat(`{`+anyCall+`, "x": ["`+strings.Repeat(`a", "`, 50)+`"]},`, 99) + `{}]`)
	for _, steps := range []int{1, 20, 2000} {
		ctx, cancel := context.WithCancel(t.Context())
		items, err := s.Select(&expiring{ctx, steps, cancel}, body, "")
		if !errors.Is(err, context.Canceled) || errors.Is(err, source.ErrInvalid) || items != nil {
			t.Errorf("after %d steps: got %d items, %v", steps, len(items), err)
		}
		cancel()
	}
}

func TestSharedSource(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"ref": `.t | capture("(?<n>[0-9]+)").n`, "actor": `{"a": "Anna"}[.by]`})
	done := make(chan error)
	for i := range 8 {
		go func() {
			for range 50 {
				items, err := s.Select(context.Background(), fmt.Appendf(nil, `{%s, "t": "T-%d", "by": "a"}`, anyCall, i), "")
				if err != nil || len(items) != 1 || items[0].Ref != fmt.Sprint(i) || items[0].Actor != "Anna" {
					done <- fmt.Errorf("got %+v, %v", items, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
