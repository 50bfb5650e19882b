package source_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

const (
	hexKey   = "3f1c8a5d90e2b7461f7a2c3d4e5f60718293a4b5c6d7e8f9012345678abcdef1"
	otherKey = "a-key-that-nobody-else-has-7d20"
)

const threeSources = `{
	"crm": {"scheme": "standard-webhooks"},
	"desk": {"scheme": "github"},
	"phone": {"scheme": {"kind": "token", "header": ["X-Token"]}, "accept_unsigned": true}
}`

func parsed(t testing.TB, file string) *source.Sources {
	t.Helper()
	sources, err := source.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func ringOf(t testing.TB, secret string) source.Keyring {
	t.Helper()
	ring, err := parsed(t, threeSources).ParseKeys([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// keyCases are values of "desk" in the secret.
var keyCases = map[string]struct {
	value  string
	keys   int
	paused bool
	want   error
}{
	"one key is accepted":                    {`"` + otherKey + `"`, 1, false, nil},
	"a key of 64 hex digits is accepted":     {`"` + hexKey + `"`, 1, false, nil},
	"a key with a newline at its end":        {`"` + otherKey + `\n"`, 1, false, nil},
	"a list of one is accepted":              {`["` + otherKey + `"]`, 1, false, nil},
	"a list of four is accepted":             {`["` + otherKey + `1", "` + otherKey + `2", "` + otherKey + `3", "` + otherKey + `4"]`, 4, false, nil},
	"off pauses":                             {`"off"`, 0, true, nil},
	"a list of five is refused":              {`["` + otherKey + `", "` + otherKey + `", "` + otherKey + `", "` + otherKey + `", "` + otherKey + `"]`, 0, false, source.ErrInvalidKeys},
	"an empty list is refused":               {`[]`, 0, false, source.ErrInvalidKeys},
	"off in a list is refused":               {`["` + otherKey + `", "off"]`, 0, false, source.ErrInvalidKeys},
	"a number is refused":                    {`1234567890123456`, 0, false, source.ErrInvalidKeys},
	"an object is refused":                   {`{"key": "` + otherKey + `"}`, 0, false, source.ErrInvalidKeys},
	"a number in a list is refused":          {`["` + otherKey + `", 1]`, 0, false, source.ErrInvalidKeys},
	"null is no key":                         {`null`, 0, false, source.ErrNoKey},
	"an empty key is refused":                {`""`, 0, false, webhook.ErrEmptyKey},
	"a key of blanks is refused":             {`"   \n"`, 0, false, webhook.ErrEmptyKey},
	"a key of 15 bytes is refused":           {`"x7f-kq0-9zd-1mn"`, 0, false, webhook.ErrShortKey},
	"a placeholder is refused":               {`"replace-me-with-a-long-key"`, 0, false, webhook.ErrPlaceholderKey},
	"a published key is refused":             {`"It's a Secret to Everybody"`, 0, false, webhook.ErrPublishedKey},
	"a key in quotes is refused":             {`"\"` + otherKey + `\""`, 0, false, webhook.ErrPastedKey},
	"a key with a blank is refused":          {`"` + otherKey + ` "`, 0, false, webhook.ErrPastedKey},
	"a list as a text is refused":            {`"[\"` + otherKey + `\"]"`, 0, false, webhook.ErrPastedKey},
	"one weak key of two refuses the source": {`["` + otherKey + `", "short"]`, 0, false, webhook.ErrShortKey},
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	for name, c := range keyCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := ringOf(t, `{"crm": "whsec_`+hexKey+`", "desk": `+c.value+`, "phone": "off"}`)
			got := ring["desk"]
			if len(got.Keys) != c.keys || got.Paused != c.paused || !errors.Is(got.Refused, c.want) {
				t.Fatalf("got %d keys, paused %v, %v", len(got.Keys), got.Paused, got.Refused)
			}
			if c.want != nil && !strings.HasPrefix(got.Refused.Error(), "source desk is disabled: ") {
				t.Errorf("%v does not name the source", got.Refused)
			}
			if crm := ring["crm"]; len(crm.Keys) != 1 || crm.Refused != nil || !ring["phone"].Paused {
				t.Errorf("other sources were touched: %+v", ring)
			}
			for _, shown := range []string{fmt.Sprintf("%+v %#v", ring, ring), fmt.Sprint(got.Refused)} {
				if strings.Contains(shown, otherKey) || strings.Contains(shown, hexKey) || strings.Contains(shown, "replace-me") {
					t.Errorf("a key is shown: %s", shown)
				}
			}
		})
	}
}

func TestParseKeysByScheme(t *testing.T) {
	t.Parallel()
	sources := parsed(t, threeSources)
	crm, _ := sources.Lookup("crm")
	want, err := crm.Scheme.ParseKey(hexKey)
	if err != nil {
		t.Fatal(err)
	}
	if got := ringOf(t, `{"crm": "whsec_`+hexKey+`"}`)["crm"]; len(got.Keys) != 1 || !got.Keys[0].Equal(want) {
		t.Errorf("got %+v", got)
	}
	if got := ringOf(t, `{"crm": "not base64 at all!"}`)["crm"]; !errors.Is(got.Refused, webhook.ErrMalformedKey) {
		t.Errorf("got %v, want ErrMalformedKey", got.Refused)
	}
}

func TestParseKeysMissing(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, `{"desk": "`+otherKey+`"}`)
	for _, name := range []string{"crm", "phone"} {
		if got := ring[name].Refused; !errors.Is(got, source.ErrNoKey) || !strings.Contains(got.Error(), name) {
			t.Errorf("%s: got %v, want ErrNoKey", name, got)
		}
	}
}

func TestParseKeysInvalidSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, want string }{
		"an empty secret":                    {"", ": is empty"},
		"a bare key":                         {otherKey, ": is not one JSON value"},
		"a quoted key":                       {`"` + otherKey + `"`, ", not a string"},
		"a list of keys":                     {`["` + otherKey + `"]`, ", not an array"},
		"a cut object":                       {`{"crm": "` + otherKey, ": is not one JSON value"},
		"a source that appears twice":        {`{"crm": "` + otherKey + `", "crm": "off"}`, ": crm: has a member twice"},
		"a key as a name that appears twice": {`{"` + otherKey + `": 1, "` + otherKey + `": 2}`, ": has a member twice"},
		"what is not UTF-8":                  {"{\"crm\": \"\xff\"}", ": is not UTF-8"},
	} {
		t.Run(name+" is refused and not quoted", func(t *testing.T) {
			t.Parallel()
			ring, err := parsed(t, threeSources).ParseKeys([]byte(c.secret))
			if !errors.Is(err, source.ErrInvalidSecret) || !strings.Contains(err.Error(), c.want) || ring != nil {
				t.Fatalf("got %v, %v", ring, err)
			}
			if strings.Contains(err.Error(), otherKey[:4]) {
				t.Errorf("%v quotes the secret", err)
			}
		})
	}
}

func TestKeyringUnknown(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, `{"crm": "off", "old-desk": "`+otherKey+`", "`+hexKey+`": "desk", "`+strings.ToUpper(hexKey)+`": "desk"}`)
	if got := ring.Unknown(); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
	if got := ringOf(t, `{"crm": "off"}`).Unknown(); got != 0 {
		t.Errorf("got %d", got)
	}
	if got := ring["old-desk"]; !errors.Is(got.Refused, source.ErrNoSource) || len(got.Keys) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestKeyringShared(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		`{"crm": "off", "desk": "` + otherKey + `", "phone": "` + otherKey + `"}`:                               "[[desk phone]]",
		`{"crm": "off", "desk": ["` + otherKey + `", "` + hexKey + `"], "phone": "` + otherKey + `9"}`:          "[]",
		`{"desk": ["` + hexKey + `", "` + otherKey + `"], "phone": ["x-` + otherKey + `", "` + otherKey + `"]}`: "[[desk phone]]",
		`{"desk": "short", "phone": "short"}`:                                                                   "[]",
	} {
		if got := fmt.Sprint(ringOf(t, secret).Shared()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestKeyringWithPrevious(t *testing.T) {
	t.Parallel()
	previous := ringOf(t, `{"crm": "whsec_`+hexKey+`", "desk": ["`+otherKey+`1", "`+otherKey+`2", "`+otherKey+`3"], "phone": "`+otherKey+`", "gone": "`+otherKey+`"}`)
	for name, c := range map[string]struct {
		secret string
		desk   []string // keys in order, by their last letter
		paused bool
	}{
		"old keys come after the new one":       {`{"desk": "` + otherKey + `9"}`, []string{"9", "1", "2", "3"}, false},
		"a key that stays is not counted twice": {`{"desk": ["` + otherKey + `9", "` + otherKey + `2"]}`, []string{"9", "2", "1", "3"}, false},
		"there are four keys at most":           {`{"desk": ["` + otherKey + `9", "` + otherKey + `8", "` + otherKey + `7"]}`, []string{"9", "8", "7", "1"}, false},
		"a paused source stays paused":          {`{"desk": "off"}`, []string{"1", "2", "3"}, true},
		"a refused source stays refused":        {`{"desk": "short"}`, nil, false},
		"a source without a key stays so":       {`{"crm": "off"}`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			current := ringOf(t, c.secret)
			got := current.WithPrevious(previous)
			want := keysEnding(t, c.desk)
			if !slices.EqualFunc(got["desk"].Keys, want, webhook.Key.Equal) || got["desk"].Paused != c.paused {
				t.Errorf("got %d keys, want %v", len(got["desk"].Keys), c.desk)
			}
			if len(want) == 0 && got["desk"].Refused != current["desk"].Refused {
				t.Errorf("got %v", got["desk"].Refused)
			}
			if _, revived := got["gone"]; revived || len(got["phone"].Keys) > 0 {
				t.Errorf("keys of a source that is gone count: %+v", got)
			}
			if len(current["desk"].Keys) > 3 {
				t.Error("the current keyring was changed")
			}
		})
	}
	if got := previous.WithPrevious(nil); len(got["desk"].Keys) != 3 {
		t.Errorf("without a previous version: got %+v", got)
	}
}

func keysEnding(t *testing.T, ends []string) []webhook.Key {
	t.Helper()
	desk, _ := parsed(t, threeSources).Lookup("desk")
	var keys []webhook.Key
	for _, end := range ends {
		key, err := desk.Scheme.ParseKey(otherKey + end)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}
