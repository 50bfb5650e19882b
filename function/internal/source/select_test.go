package source_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/source"
)

const (
	callID  = "Y1221052110000402027"
	anyCall = `"call_id": "Y1221052110000402027", "agent_user": "1028"`
)

var undecodablePayloads = map[string]struct{ body, want string }{
	"an empty body":                   {"", "payload: is empty"},
	"a body of blanks":                {" \n", "payload: is empty"},
	"a byte order mark alone":         {"\ufeff", "payload: is empty"},
	"a bare word":                     {"end", "payload: is neither a JSON object or list nor a form"},
	"a JSON text":                     {`"Y1"`, "payload: is neither a JSON object or list nor a form"},
	"a JSON number":                   {`1`, "payload: is neither a JSON object or list nor a form"},
	"XML":                             {`<call id="Y1"/>`, "payload: is neither a JSON object or list nor a form"},
	"a text with an equals sign":      {"the call = Y1", "payload: is neither a JSON object or list nor a form"},
	"a cut body":                      {`{"call_id": "Y12`, "payload: is not one JSON value"},
	"trailing data":                   {`{} {}`, "payload: is not one JSON value: fault at byte "},
	"JSON with a form behind it":      {`{"a": 1}&call_id=Y1&agent_user=1028`, "payload: is not one JSON value: fault at byte "},
	"what begins like JSON":           {`{call_id=Y1&agent_user=1028`, "payload: is not one JSON value: fault at byte "},
	"a member given twice":            {`{"call_id": "1", "call_id": "2"}`, `payload: member "call_id" appears twice`},
	"a member twice by its escape":    {`{"call_id": "1", "c\u0061ll_id": "2"}`, `payload: member "call_id" appears twice`},
	"a member twice that is not read": {`{"anna@example.com": 1, "anna@example.com": 2}`, `payload: has a member twice, at byte 42`},
	"what is not UTF-8":               {"{\"a\": \"\xff\"}", "payload: is not UTF-8"},
	"a lengthened hash's padding":     {"{\"call_id\": \"1\"}\x80\x00\x00\x00\x01{\"call_id\": \"2\"}", "payload: is not UTF-8"},
	"a number too long":               {`{"a": ` + strings.Repeat("9", 101) + `}`, `payload: has a number of more than 100 characters`},
	"too many values":                 {`[` + strings.Repeat("1,", 10_000) + `1]`, "payload: has more than 10000 values"},
	"too deep a nesting":              {strings.Repeat("[", 101) + strings.Repeat("]", 101), "payload: is nested more than 100 deep"},
	"a form with a bad escape":        {"a=%zz", "payload: is neither a JSON object or list nor a form"},
	"a form with a semicolon":         {"a=1;b=2", "payload: is neither a JSON object or list nor a form"},
	"a repeated field":                {"call_id=1&call_id=2", `payload: field "call_id" appears twice`},
	"a field repeated by its escape":  {"call_id=1&c%61ll_id=2", `payload: field "call_id" appears twice`},
	"a field that is not UTF-8":       {"agent_user=%ff", `payload: field "agent_user" is not UTF-8`},
}

func TestSelectUndecodable(t *testing.T) {
	t.Parallel()
	s := crm(t, nil)
	for name, c := range undecodablePayloads {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte(c.body))
			if !errors.Is(err, source.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want) || items != nil {
				t.Errorf("got %v, %v, want %s", items, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "example.com") {
				t.Errorf("%v quotes the payload", err)
			}
		})
	}
}

func TestSelectPayloadFormats(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"call_id": ".payload | fromjson | .call_id", "agent_user": ".user"}
	for name, c := range map[string]struct {
		members map[string]any
		body    string
	}{
		"JSON":                       {nil, `{"call_id": "` + callID + `", "agent_user": "1028"}`},
		"JSON after a mark":          {nil, "\ufeff {\"call_id\": \"" + callID + "\", \"agent_user\": \"1028\"}\r\n"},
		"a pair of surrogates":       {nil, `{"call_id": "` + callID + `", "agent_user": "1028", "x": "\ud83d\ude00 \\u"}`},
		"half a pair of surrogates":  {nil, `{"call_id": "` + callID + `", "agent_user": "1028", "subject": "cut \ud83d"}`},
		"JSON that looks like forms": {nil, `{"call_id": "` + callID + `", "agent_user": "1028", "comment": "&call_id=V1&agent_user=1099&"}`},
		"a form":                     {nil, "call_id=" + callID + "&agent_user=1028&text=a+b%20c"},
		"a form after a mark":        {nil, "\ufeffcall_id=" + callID + "&agent_user=1028"},
		"a repeated field not read":  {nil, "To=1&call_id=" + callID + "&agent_user=1028&To=2"},
		"a bad field not read":       {nil, "x=%ff&call_id=" + callID + "&agent_user=1028"},
		"JSON inside a form":         {inner, "user=1028&payload=%7B%22call_id%22%3A%22" + callID + "%22%7D"},
		"JSON as a form's payload":   {nil, "payload=%7B%22call_id%22%3A%22" + callID + "%22%2C%22agent_user%22%3A1028%7D"},
		"Slack's payload":            {map[string]any{"scheme": "slack"}, "payload=%7B%22call_id%22%3A%22" + callID + "%22%2C%22agent_user%22%3A1028%7D"},
		"a list":                     {map[string]any{"call_id": ".[0]", "agent_user": ".[1]"}, `["` + callID + `", 1028]`},
	} {
		t.Run(name+" is read", func(t *testing.T) {
			t.Parallel()
			items, err := crm(t, c.members).Select(t.Context(), []byte(c.body))
			want := source.Order{CallID: callID, AgentUser: "1028"}
			if err != nil || len(items) != 1 || items[0].Order != want || items[0].Err != nil || items[0].Ignored {
				t.Errorf("got %+v, %v", items, err)
			}
		})
	}
}

func TestSelectFormPayloadOfOtherPresets(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"scheme": "zendesk"})
	items, err := s.Select(t.Context(), []byte("payload=%7B%22call_id%22%3A%22"+callID+"%22%2C%22agent_user%22%3A1028%7D"))
	if err != nil || len(items) != 1 || items[0].Err == nil || items[0].Err.Error() != "call_id: missing" {
		t.Errorf("got %+v, %v", items, err)
	}
}

// valueCases are values of a member of the payload. A want that begins with "!" is the fault.
var valueCases = map[string]struct{ value, want string }{
	"a text":                              {`"Anna Ö."`, "Anna Ö."},
	"a whole number":                      {`1028`, "1028"},
	"a whole number of 20 digits":         {`12345678901234567890`, "12345678901234567890"},
	"a negative number":                   {`-7`, "-7"},
	"a number that ends in .0":            {`1028.0`, "1028"},
	"a number with an exponent":           {`1.028e3`, "1028"},
	"a number with a large exponent":      {`1E+2`, "100"},
	"zeros in front of a text":            {`"0028"`, "0028"},
	"a text with white space around":      {`" \t1028\u00a0\u2003\r\n"`, "1028"},
	"an empty text":                       {`""`, ""},
	"a text of blanks":                    {`" "`, ""},
	"null":                                {`null`, ""},
	"a fraction":                          {`26.5`, "!must be a whole number"},
	"a fraction far behind the dot":       {`1.` + strings.Repeat("0", 50) + `1`, "!must be a whole number"},
	"a number with a very large exponent": {`1e999999999`, "!must be a whole number"},
	"true":                                {`true`, "!must be a text or a whole number, not a boolean"},
	"a list":                              {`["x"]`, "!must be a text or a whole number, not an array"},
	"an object":                           {`{"a": 1}`, "!must be a text or a whole number, not an object"},
	"a text of 200 bytes":                 {`"` + strings.Repeat("x", 200) + `"`, strings.Repeat("x", 200)},
	"a text of 201 bytes":                 {`"` + strings.Repeat("x", 201) + `"`, "!longer than 200 bytes"},
	"a text with a newline inside":        {`"a\nb"`, "!contains a control character"},
	"a text with an escape for terminals": {`"\u001b[31m"`, "!contains a control character"},
}

func TestSelectValues(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"call_id", "agent_user", "disposition", "lead_id", "phone", "vendor_lead_code"} {
		s := crm(t, map[string]any{field: ".x", "lead_id": cmp.Or(map[string]string{"lead_id": ".x"}[field], `"7"`)})
		for name, c := range valueCases {
			want, refused := strings.CutPrefix(c.want, "!")
			items, err := s.Select(t.Context(), []byte(`{"call_id": "Y1", "agent_user": "1", "x": `+c.value+`}`))
			if err != nil || len(items) != 1 {
				t.Fatalf("%s of %s: got %+v, %v", name, field, items, err)
			}
			o := items[0].Order
			got := map[string]string{"call_id": o.CallID, "agent_user": o.AgentUser, "disposition": o.Disposition, "lead_id": o.LeadID, "phone": o.Phone, "vendor_lead_code": o.VendorLeadCode}[field]
			if !refused && got != want {
				t.Errorf("%s of %s: got %q, %v, want %q", name, field, got, items[0].Err, want)
			}
			if err := items[0].Err; refused && (!errors.Is(err, source.ErrInvalid) || err.Error() != field+": "+want || got != "") {
				t.Errorf("%s of %s: got %q, %v, want %s", name, field, got, err, want)
			}
		}
	}
}

// shownCases are values of ref and actor, none of which stops a hang-up.
var shownCases = map[string]struct{ value, want, note string }{
	"a text":                     {`"T-1"`, "T-1", ""},
	"a number":                   {`26.0`, "26", ""},
	"a fraction":                 {`26.5`, "26.5", ""},
	"true":                       {`true`, "true", ""},
	"null":                       {`null`, "", ""},
	"a list":                     {`["x"]`, "", "left out: is an array"},
	"an object":                  {`{"a": 1}`, "", "left out: is an object"},
	"a text with a tab":          {`"a\tb\r\nc"`, "a b c", ""},
	"a text with blanks around":  {`" a "`, "a", ""},
	"a long text":                {`"` + strings.Repeat("x", 199) + `äx"`, strings.Repeat("x", 199), "cut after 200 bytes"},
	"an escape for terminals":    {`"\u001b[31mred"`, "[31mred", ""},
	"half a pair of surrogates":  {`"cut \ud83d"`, "cut \ufffd", ""},
	"what the expression misses": {`{"b": "s3cret"}, "miss": "s3cret"`, "", "left out: is an object"},
}

func TestSelectRefAndActor(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"ref": ".x", "actor": ".x", "disposition": ".agent_user"})
	for name, c := range shownCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte(`{`+anyCall+`, "x": `+c.value+`}`))
			if err != nil || len(items) != 1 || items[0].Err != nil || items[0].CallID != callID {
				t.Fatalf("got %+v, %v", items, err)
			}
			var want []string
			if c.note != "" {
				want = []string{"ref: " + c.note, "actor: " + c.note}
			}
			if got := items[0]; got.Ref != c.want || got.Actor != c.want || !slices.Equal(got.Notes, want) {
				t.Errorf("got %q, %q, %v", got.Ref, got.Actor, got.Notes)
			}
		})
	}
	items, err := crm(t, map[string]any{"ref": ".agent_user.x", "actor": ".t"}).Select(t.Context(), []byte(`{`+anyCall+`}`))
	if err != nil || items[0].Err != nil || items[0].Ref != "" || !slices.Equal(items[0].Notes, []string{"ref: left out: the expression can't be applied to this payload"}) {
		t.Errorf("got %+v, %v", items, err)
	}
}

func TestSelectRequiredFields(t *testing.T) {
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
		"a payload that is a list":               {nil, `["Y1"]`, "call_id: the expression can't be applied to this payload"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			items, err := crm(t, c.members).Select(t.Context(), []byte(c.body))
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

var foundCalls = map[string]struct {
	members map[string]any
	body    string
	want    source.Order
	fault   string
}{
	"an agent and a lead name a call": {finding, `{"agent_user": 1028, "lead_id": 4711.0}`, source.Order{AgentUser: "1028", LeadID: "4711"}, ""},
	"a lead alone names a call":       {finding, `{"lead_id": 4711}`, source.Order{LeadID: "4711"}, ""},
	"a phone alone names a call":      {finding, `{"phone": "+41 79 123 45 67"}`, source.Order{Phone: "+41 79 123 45 67"}, ""},
	"a code alone names a call":       {finding, `{"code": "T-77"}`, source.Order{VendorLeadCode: "T-77"}, ""},
	"all of them name a call":         {finding, `{` + anyCall + `, "lead_id": 1, "phone": "2", "code": "3"}`, source.Order{CallID: callID, AgentUser: "1028", LeadID: "1", Phone: "2", VendorLeadCode: "3"}, ""},
	"an agent alone is refused":       {finding, `{"agent_user": 1028}`, source.Order{AgentUser: "1028"}, "call_id: missing, and an agent alone names no call"},
	"nothing is refused":              {finding, `{}`, source.Order{}, "call_id: missing, and so are lead_id, phone and vendor_lead_code"},
	"a call id needs its agent":       {finding, `{"call_id": "Y1", "lead_id": 1}`, source.Order{CallID: "Y1", LeadID: "1"}, "agent_user: missing"},
	"a lead that no expression reads": {nil, `{"agent_user": 1028, "lead_id": 1}`, source.Order{AgentUser: "1028"}, "call_id: missing"},
}

var finding = map[string]any{"lead_id": ".lead_id", "phone": ".phone", "vendor_lead_code": ".code"}

func TestSelectLookup(t *testing.T) {
	t.Parallel()
	for name, c := range foundCalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := crm(t, c.members)
			items, err := s.Select(t.Context(), []byte(c.body))
			if err != nil || len(items) != 1 || items[0].Order != c.want || s.Finds() != (c.members != nil) {
				t.Fatalf("got %+v, %v", items, err)
			}
			if got := items[0].Err; (got == nil) != (c.fault == "") || got != nil && !strings.HasPrefix(got.Error(), c.fault) {
				t.Errorf("got %v, want %s", got, c.fault)
			}
		})
	}
}

func TestScopeAfterLookup(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"lead_id": ".lead_id", "agents": "10[0-9]{2}", "calls": "V"})
	items, err := s.Select(t.Context(), []byte(`{"lead_id": 7}`))
	if err != nil || items[0].Err != nil {
		t.Fatalf("got %+v, %v", items, err)
	}
	if items, err := s.Select(t.Context(), []byte(`{"lead_id": 7, "agent_user": "2000"}`)); err != nil || !errors.Is(items[0].Err, source.ErrNotAllowed) {
		t.Errorf("another agent: got %+v, %v", items, err)
	}
	found := items[0].Order
	found.CallID, found.AgentUser = "V1221052110000402027", "1028"
	if err := s.Allows(found); err != nil {
		t.Errorf("got %v", err)
	}
	found.AgentUser = "2000"
	if err := s.Allows(found); !errors.Is(err, source.ErrNotAllowed) {
		t.Errorf("another agent was found: got %v", err)
	}
	found.CallID, found.AgentUser = callID, "1028"
	if err := s.Allows(found); !errors.Is(err, source.ErrNotAllowed) {
		t.Errorf("another kind of call was found: got %v", err)
	}
}

func TestSelectNotesUnreadItem(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"when": `.event.type == "end" and .live`})
	for body, want := range map[string]string{
		`{"other": 1}`:                 "the payload has nothing of what `when` reads: .event.type, .live",
		`{"event": "x"}`:               "the expression can't be applied",
		`{"event": {}}`:                "the payload has nothing of what `when` reads: .event.type, .live",
		`{"live": false}`:              "",
		`{"event": {"type": "start"}}`: "",
	} {
		items, err := s.Select(t.Context(), []byte(body))
		if err != nil || len(items) != 1 {
			t.Fatalf("%s: got %+v, %v", body, items, err)
		}
		if items[0].Err != nil {
			if !strings.Contains(items[0].Err.Error(), want) {
				t.Errorf("%s: got %v", body, items[0].Err)
			}
			continue
		}
		if got := strings.Join(items[0].Notes, ""); !items[0].Ignored || got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestSelectKeepsReadableFields(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"ref": ".ticket", "actor": ".by"})
	items, err := s.Select(t.Context(), []byte(`{"agent_user": true, "ticket": 77, "by": "anna"}`))
	want := source.Order{Ref: "77", Actor: "anna"}
	if err != nil || len(items) != 1 || items[0].Order != want || items[0].Err == nil {
		t.Errorf("got %+v, %v", items, err)
	}
}

func TestSelectWhen(t *testing.T) {
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
			items, err := s.Select(t.Context(), []byte("{"+anyCall+","+c.members+"}"))
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

func TestSelectBatch(t *testing.T) {
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
		"a hundred items are accepted":      {events(100), 100, ""},
		"a hundred and one are refused":     {events(101), 0, "each: more than 100 items"},
		"a thousand are refused":            {events(1000), 0, "each: more than 100 items"},
		"events that are a text are no one": {`{"events": "end"}`, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := s.Select(t.Context(), []byte(c.body))
			if len(items) != c.items {
				t.Errorf("got %d items, want %d", len(items), c.items)
			}
			if c.fault == "" && err != nil || c.fault != "" && (!errors.Is(err, source.ErrInvalid) || err.Error() != c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
	items, err := s.Select(t.Context(), []byte(`{"events": [{"kind": "end", `+anyCall+`}, {"kind": "new"}, {"kind": "end"}, 7]}`))
	if err != nil || len(items) != 4 || items[0].Err != nil || !items[1].Ignored || items[2].Err == nil || items[3].Err == nil {
		t.Errorf("each item has its own fault: got %+v, %v", items, err)
	}
	if _, err := crm(t, map[string]any{"each": ".events[]"}).Select(t.Context(), []byte(`{}`)); !errors.Is(err, source.ErrInvalid) ||
		err.Error() != "each: the expression can't be applied to this payload" {
		t.Errorf("got %v", err)
	}
}

func TestSelectStopsAtItemLimit(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"each": `.[] | select(. > 0)`})
	taken := func(items int) int {
		counted := &steps{Context: t.Context()}
		body := "[" + strings.Repeat("1,", items-1) + "1]"
		if _, err := s.Select(counted, []byte(body)); !errors.Is(err, source.ErrInvalid) {
			t.Fatalf("got %v", err)
		}
		return counted.taken
	}
	if few, many := taken(101), taken(5000); few != many {
		t.Errorf("101 items take %d steps, 5000 take %d", few, many)
	}
}

// steps counts the calls of Done, which gojq makes at each step.
type steps struct {
	context.Context
	taken int
}

func (s *steps) Done() <-chan struct{} {
	s.taken++
	return s.Context.Done()
}

// expiring is a context that ends after a number of steps of jq.
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

func TestSelectCanceled(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"each": ".[]", "ref": `.x | map(select(test("b"))) | first`})
	body := []byte(`[` + strings.Repeat(`{`+anyCall+`, "x": ["`+strings.Repeat(`a", "`, 50)+`"]},`, 99) + `{}]`)
	for _, steps := range []int{1, 20, 2000} {
		ctx, cancel := context.WithCancel(t.Context())
		items, err := s.Select(&expiring{ctx, steps, cancel}, body)
		if !errors.Is(err, context.Canceled) || errors.Is(err, source.ErrInvalid) || items != nil {
			t.Errorf("after %d steps: got %d items, %v", steps, len(items), err)
		}
		cancel()
	}
}

func TestSelectConcurrently(t *testing.T) {
	t.Parallel()
	s := crm(t, map[string]any{"ref": `.t | capture("(?<n>[0-9]+)").n`, "actor": `{"a": "Anna"}[.by]`})
	done := make(chan error)
	for i := range 8 {
		go func() {
			for range 50 {
				items, err := s.Select(context.Background(), fmt.Appendf(nil, `{%s, "t": "T-%d", "by": "a"}`, anyCall, i))
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

func TestSelectVapiToolCalls(t *testing.T) {
	t.Parallel()
	members := map[string]any{"scheme": "vapi", "each": ".message.toolCallList[]", "call_id": ".function.arguments.call_id", "agent_user": `"1028"`}
	s := crm(t, members)
	items, err := s.Select(t.Context(), []byte(`{"message": {"toolCallList": [{"id": "call_7", "function": {"arguments": {"call_id": "`+callID+`"}}}, {"id": "a\nb"}]}}`))
	if err != nil || len(items) != 2 || s.Answer != source.AnswerVapiTool {
		t.Fatalf("got %+v, %v", items, err)
	}
	if items[0].ToolCall != "call_7" || items[0].Err != nil || items[1].ToolCall != "" {
		t.Errorf("got %+v", items)
	}
	members["scheme"] = "github"
	if s := crm(t, members); s.Answer != "" {
		t.Errorf("another preset has the answer %q", s.Answer)
	}
}
