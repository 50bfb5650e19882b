package jq_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/source/jq"
)

var undecodable = map[string]struct {
	text, want string
	path       []string
}{
	"nothing":                        {"", "is empty", nil},
	"blanks":                         {" \n", "is empty", nil},
	"what is no JSON":                {"call_id=1", "is not one JSON value: fault at byte 0", nil},
	"a cut text":                     {`{"call_id": "Y12`, "is not one JSON value", nil},
	"trailing data":                  {`{} {}`, "is not one JSON value: fault at byte ", nil},
	"a trailing comma":               {`[1,]`, "is not one JSON value: fault at byte 2", nil},
	"a byte order mark":              {"\ufeff{}", "is not one JSON value: fault at byte 0", nil},
	"a member given twice":           {`{"call_id": "1", "call_id": "2"}`, "has a member twice, at byte 26", []string{"call_id"}},
	"a member twice by its escape":   {`{"call_id": "1", "c\u0061ll_id": "2"}`, "has a member twice, at byte 31", []string{"call_id"}},
	"a member given twice deep down": {`{"a": [{"b": {"c": 1, "c": 1}}]}`, "has a member twice, at byte 25", []string{"a", "0", "b", "c"}},
	"two names of half pairs":        {`{"\ud800": 1, "\ud801": 2}`, "has a member twice, at byte ", []string{"\ufffd"}},
	"what is not UTF-8":              {"{\"a\": \"\xff\"}", "is not UTF-8", nil},
	"a number too long":              {`{"a": ` + strings.Repeat("9", 101) + `}`, "has a number of more than 100 characters", nil},
	"too many values":                {`[` + strings.Repeat("1,", 10_000) + `1]`, "has more than 10000 values", nil},
	"too deep a nesting":             {strings.Repeat("[", 101) + strings.Repeat("]", 101), "is nested more than 100 deep", nil},
	"far too deep a nesting":         {strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "is nested more than 100 deep", nil},
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	for name, c := range undecodable {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			value, err := jq.Decode([]byte(c.text))
			fault, ok := errors.AsType[*jq.SyntaxError](err)
			if !ok || value != nil || !strings.HasPrefix(err.Error(), c.want) || !slices.Equal(fault.Path, c.path) {
				t.Errorf("got %v, %#v", value, err)
			}
		})
	}
}

func TestDecodeHalfSurrogatePair(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\ud83d"`: "\ufffd", `"a\uDE00b"`: "a\ufffdb", `"\ud83d\ud83d\ude00"`: "\ufffd😀", `"\\ud83d"`: `\ud83d`,
	} {
		if got, err := jq.Decode([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestDecodeAtLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"10000 values":               `[` + strings.Repeat("1,", 9_998) + `1]`,
		"100 deep":                   strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"a number of 100 characters": strings.Repeat("9", 100),
		"1e999999999":                `1e999999999`,
	} {
		if _, err := jq.Decode([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode checks that encoding/json decodes whatever Decode accepts to the same value.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"call_id": "Y1221052110000402027", "agent": 1028, "tags": ["a", "b"], "none": null, "live": true}`,
		` [ ] `, `{}`, `[[],{},"",0]`, "\t-1.5e+3\r\n", `"\\"`, `"\\\""`, `["\\",",]}"]`, `{"a\"b":{"\\":["\u0041\ud83d\ude00"]}}`,
		`{"a":[1 , 2] , "b" : {"c":false}}`, `{"a":1,"a":2}`, `"\ud800"`, `nul`, `[1,]`,
	} {
		f.Add([]byte(text))
	}
	for _, c := range undecodable {
		if len(c.text) < 1<<10 {
			f.Add([]byte(c.text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := jq.Decode(text)
		if err != nil {
			return
		}
		var want any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v, %v", text, got, want, err)
		}
	})
}
