package source_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"vicihook/function/internal/source"
)

// FuzzDecodeJSON holds the decoder to encoding/json: whatever it takes, both read the same.
func FuzzDecodeJSON(f *testing.F) {
	for _, text := range []string{
		`{"call_id": "Y1221052110000402027", "agent": 1028, "tags": ["a", "b"], "none": null, "live": true}`,
		` [ ] `, `{}`, `[[],{},"",0]`, "\t-1.5e+3\r\n", `"\\"`, `"\\\""`, `["\\",",]}"]`, `{"a\"b":{"\\":["\u0041\ud83d\ude00"]}}`,
		`{"a":[1 , 2] , "b" : {"c":false}}`, `{"a":1,"a":2}`, `"\ud800"`, `nul`, `[1,]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := source.DecodeJSON(text)
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
