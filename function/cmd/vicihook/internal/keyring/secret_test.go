package keyring_test

import (
	"errors"
	"strings"
	"testing"

	"vicihook/function/cmd/vicihook/internal/keyring"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
)

const (
	githubKey = "k9Zr41xPq0mUe7Tn2sWvYb8L"
	otherKey  = "Qw3Rt6Yu1Io8Pa5Sd2Fg7Hj4"
	hexKey    = "6c397850713026d5565377546e32735776596238"
)

// parse reads a secret for the sources crm and desk, which take any text, and hex.
func parse(t *testing.T, text string) *keyring.Secret {
	t.Helper()
	sources, err := source.Parse([]byte(`{"crm": {"scheme": "github"}, "desk": {"scheme": "github"}, "hex": {"scheme": "close"}}`))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := keyring.Parse([]byte(text), sources)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

type edit func(*keyring.Secret) error

func add(name, key string, o keyring.Options) edit {
	return func(s *keyring.Secret) error {
		_, err := s.Add(name, key, o)
		return err
	}
}

func resume(name, version string, o keyring.Options) edit {
	return func(s *keyring.Secret) error { return s.Resume(name, []byte(version), o) }
}

func pause(name string) edit { return func(s *keyring.Secret) error { return s.Pause(name) } }

func remove(name string) edit { return func(s *keyring.Secret) error { return s.Remove(name) } }

const one, two = `{"crm":"` + githubKey + `"}`, `{"crm":["` + otherKey + `","` + githubKey + `"]}`

var edits = map[string]struct {
	before string
	edit   edit
	after  string
	err    error
}{
	"a first key":                           {`{}`, add("crm", githubKey+"\r\n", keyring.Options{}), one, nil},
	"a second key":                          {one, add("crm", otherKey, keyring.Options{}), two, nil},
	"a key in place of the others":          {two, add("crm", githubKey, keyring.Options{Replace: true}), one, nil},
	"a key that is there":                   {two, add("crm", githubKey, keyring.Options{}), two, nil},
	"a key too many":                        {`{"crm":["` + githubKey + `a","` + githubKey + `b","` + githubKey + `c","` + githubKey + `d"]}`, add("crm", otherKey, keyring.Options{}), "", keyring.ErrTooManyKeys},
	"a key for an unknown source":           {`{}`, add("nope", githubKey, keyring.Options{}), "", keyring.ErrUnknownSource},
	"a key with a blank":                    {`{}`, add("crm", githubKey+" ", keyring.Options{}), "", webhook.ErrPastedKey},
	"a key of another form":                 {`{}`, add("hex", "xyz", keyring.Options{}), "", webhook.ErrMalformedKey},
	"a key beside an unusable one":          {`{"crm":"changeme"}`, add("crm", githubKey, keyring.Options{}), "", keyring.ErrUnusable},
	"a key in place of an unusable one":     {`{"crm":"changeme"}`, add("crm", githubKey, keyring.Options{Replace: true}), one, nil},
	"a key of another source":               {one, add("desk", githubKey, keyring.Options{}), "", keyring.ErrShared},
	"a shared key on purpose":               {one, add("desk", githubKey, keyring.Options{Shared: true}), `{"crm":"` + githubKey + `","desk":"` + githubKey + `"}`, nil},
	"a key for a paused source":             {`{"crm":"off"}`, add("crm", githubKey, keyring.Options{}), "", keyring.ErrPaused},
	"a key in place of a pause":             {`{"crm":"off"}`, add("crm", githubKey, keyring.Options{Replace: true}), one, nil},
	"a key that resumes":                    {`{"crm":"off"}`, add("crm", githubKey, keyring.Options{Resume: true}), one, nil},
	"a key that resumes a running source":   {one, add("crm", otherKey, keyring.Options{Resume: true}), "", keyring.ErrNotPaused},
	"a pause":                               {two, pause("crm"), `{"crm":"off"}`, nil},
	"a pause of a paused source":            {`{"crm":"off"}`, pause("crm"), "", keyring.ErrPaused},
	"resume with the previous keys":         {`{"crm":"off"}`, resume("crm", two, keyring.Options{}), two, nil},
	"resume a running source":               {one, resume("crm", two, keyring.Options{}), "", keyring.ErrNotPaused},
	"resume after another pause":            {`{"crm":"off"}`, resume("crm", `{"crm":"off"}`, keyring.Options{}), "", keyring.ErrNoKeyBefore},
	"resume with an unusable key":           {`{"crm":"off"}`, resume("crm", `{"crm":"changeme"}`, keyring.Options{}), "", keyring.ErrUnusable},
	"resume with a key of another source":   {`{"crm":"off","desk":"` + githubKey + `"}`, resume("crm", one, keyring.Options{}), "", keyring.ErrShared},
	"resume with a version that is no JSON": {`{"crm":"off"}`, resume("crm", "x", keyring.Options{}), "", source.ErrInvalidSecret},
	"a source removed":                      {one, remove("crm"), `{}`, nil},
	"an unknown name removed":               {`{"x":7}`, remove("x"), `{}`, nil},
	"a missing name removed":                {`{}`, remove("crm"), "", keyring.ErrUnknownSource},
	"other members kept":                    {`{"x": {"<b>": 1.50}, "desk": "off"}`, add("crm", githubKey, keyring.Options{}), `{"crm":"` + githubKey + `","desk":"off","x":{"<b>":1.50}}`, nil},
}

func TestSecretEdits(t *testing.T) {
	t.Parallel()
	for name, test := range edits {
		secret := parse(t, test.before)
		err := test.edit(secret)
		if !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, want %v", name, err, test.err)
		}
		if err != nil {
			if strings.Contains(err.Error(), githubKey) || strings.Contains(err.Error(), otherKey) {
				t.Errorf("%s: the error shows a key: %v", name, err)
			}
			continue
		}
		if text, err := secret.Text(); err != nil || string(text) != test.after {
			t.Errorf("%s: got %s, %v, want %s", name, text, err, test.after)
		}
	}
}

func TestSecretDescription(t *testing.T) {
	t.Parallel()
	secret := parse(t, `{"crm":["`+githubKey+`","`+otherKey+`"],"desk":"off","hex":"`+hexKey+`","whsec_misplaced":"x"}`)
	for name, want := range map[string]string{"crm": "2 keys", "desk": "paused", "hex": "1 key", "nope": "no key"} {
		if got := secret.Describe(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if others, unknown := secret.Others("desk"); strings.Join(others, " ") != "crm hex" || unknown != 1 {
		t.Errorf("got %q and %d unknown names", others, unknown)
	}
}

func TestNewKeyIsAcceptedByItsScheme(t *testing.T) {
	t.Parallel()
	schemes := []webhook.Scheme{{Kind: "token", Header: []string{"X-Token"}}, {Kind: "basic"}}
	for _, name := range webhook.PresetNames() {
		preset, _ := webhook.Preset(name)
		schemes = append(schemes, preset)
	}
	for _, s := range schemes {
		text, form := keyring.NewKey(s)
		again, _ := keyring.NewKey(s)
		if _, err := s.CheckKey(text); err != nil || text == again || form == "" {
			t.Errorf("%+v: %v, form %q", s, err, form)
		}
	}
}
