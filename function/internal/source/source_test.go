package source_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/source"
)

const shippedFile = "../../sources.json"

// with returns a file of one source "crm" that signs as GitHub does and has these members.
func with(members map[string]any) []byte {
	crm := map[string]any{"scheme": "github"}
	maps.Copy(crm, members)
	text, err := json.Marshal(map[string]any{"crm": crm})
	if err != nil {
		panic(err)
	}
	return text
}

// crm parses such a file and returns the source.
func crm(t testing.TB, members map[string]any) *source.Source {
	t.Helper()
	sources, err := source.Parse(with(members))
	if err != nil {
		t.Fatal(err)
	}
	s, ok := sources.Lookup("crm")
	if !ok {
		t.Fatal("no source crm")
	}
	return s
}

var faultyFiles = map[string]struct {
	text  string
	wants []string // each fault, from its start
}{
	"an empty file":                   {``, []string{"sources.json: is empty"}},
	"a file that is no JSON":          {`{"crm": {]}`, []string{"sources.json: is not one JSON value: fault at byte 9"}},
	"data after the object":           {`{"crm": {"scheme": "github"}} {}`, []string{"sources.json: is not one JSON value"}},
	"a list":                          {`[]`, []string{"sources.json: must be an object of sources, not an array"}},
	"no source at all":                {`{"$schema": "sources.schema.json"}`, []string{"sources.json: names no source"}},
	"a source that is no object":      {`{"crm": "github"}`, []string{"sources.json: crm: must be an object, not a string"}},
	"a source given twice":            {`{"crm": {"scheme": "github"}, "crm": {"scheme": "slack"}}`, []string{"sources.json: crm: is given twice"}},
	"a member given twice":            {`{"crm": {"scheme": "github", "when": "true", "when": ".x"}}`, []string{"sources.json: crm: when: is given twice"}},
	"a name with a capital":           {`{"CRM": {"scheme": "github"}}`, []string{`sources.json: CRM: a source's name is 1 to 31 of`}},
	"a name with a slash":             {`{"a/b": {"scheme": "github"}}`, []string{`sources.json: a/b: a source's name is`}},
	"a name that starts with -":       {`{"-a": {"scheme": "github"}}`, []string{`sources.json: -a: a source's name is`}},
	"a name of 32 characters":         {`{"abcdefghijklmnopqrstuvwxyzabcdef": {"scheme": "github"}}`, []string{`sources.json: abcdefghijklmnopqrstuvwxyzabcdef: a source's name is`}},
	"names equal in the API log":      {`{"desk-1": {"scheme": "github"}, "desk1": {"scheme": "github"}}`, []string{"sources.json: desk1: VICIdial's API log could not distinguish it from desk-1: both would be vhdesk1 there"}},
	"names equal in 18 characters":    {`{"abcdefghijklmnopqr-1": {"scheme": "github"}, "abcdefghijklmnopqr2": {"scheme": "github"}}`, []string{"sources.json: abcdefghijklmnopqr2: VICIdial's API log could not"}},
	"an unknown member":               {`{"crm": {"scheme": "github", "agent": "x"}}`, []string{`sources.json: crm: "agent": no such member; there are scheme, accept_unsigned, each,`}},
	"no scheme":                       {`{"crm": {}}`, []string{"sources.json: crm: scheme: is missing"}},
	"a scheme that is null":           {`{"crm": {"scheme": null}}`, []string{"sources.json: crm: scheme: "}},
	"a preset misspelt":               {`{"crm": {"scheme": "zendsk"}}`, []string{`sources.json: crm: scheme: unknown preset "zendsk"; there are `}},
	"a scheme's unknown member":       {`{"crm": {"scheme": {"kind": "token", "header": ["X-T"], "hedder": 1}, "accept_unsigned": true}}`, []string{"sources.json: crm: scheme.hedder: "}},
	"a token without consent":         {`{"crm": {"scheme": {"kind": "token", "header": ["X-T"]}}}`, []string{"sources.json: crm: accept_unsigned: must be true with a scheme of kind token"}},
	"a token with consent withheld":   {`{"crm": {"scheme": {"kind": "token", "header": ["X-T"]}, "accept_unsigned": false}}`, []string{"sources.json: crm: accept_unsigned: must be true"}},
	"basic without consent":           {`{"crm": {"scheme": {"kind": "basic"}}}`, []string{"sources.json: crm: accept_unsigned: must be true with a scheme of kind basic"}},
	"consent for a scheme that signs": {`{"crm": {"scheme": "github", "accept_unsigned": true}}`, []string{"sources.json: crm: accept_unsigned: has no meaning with a scheme that signs"}},
	"a scheme with two readings":      {`{"crm": {"scheme": {"kind": "hmac", "alg": "sha256", "header": ["X-Sig"], "encoding": "hex", "signed": "{url}{body}"}}}`, []string{"sources.json: crm: scheme.signed: must have a literal between the URL and {body}"}},
	"a flag that is a text":           {`{"crm": {"scheme": "github", "dry_run": "true"}}`, []string{"sources.json: crm: dry_run: must be true or false, not a string"}},
	"jq that is a number":             {`{"crm": {"scheme": "github", "ref": 1}}`, []string{"sources.json: crm: ref: must be a text, not a number"}},
	"jq that is empty":                {`{"crm": {"scheme": "github", "when": ""}}`, []string{"sources.json: crm: when: is empty"}},
	"jq of nothing but a comment":     {`{"crm": {"scheme": "github", "when": "# all"}}`, []string{"sources.json: crm: when: is empty"}},
	"jq that does not parse":          {`{"crm": {"scheme": "github", "when": ".a ="}}`, []string{"sources.json: crm: when: no jq: fault at byte 4"}},
	"a value of several":              {`{"crm": {"scheme": "github", "call_id": ".ids[]"}}`, []string{"sources.json: crm: call_id: may yield several values: take one with first(…)"}},
	"agents that are no pattern":      {`{"crm": {"scheme": "github", "agents": "10("}}`, []string{"sources.json: crm: agents: no regular expression: missing closing ): \"10(\""}},
	"agents that escape their group":  {`{"crm": {"scheme": "github", "agents": "10)|(?:"}}`, []string{"sources.json: crm: agents: no regular expression: unexpected )"}},
	"agents that are too large":       {`{"crm": {"scheme": "github", "agents": "[0-9]{900}"}}`, []string{"sources.json: crm: agents: the regular expression compiles to "}},
	"dispositions without one":        {`{"crm": {"scheme": "github", "dispositions": ["SALE"]}}`, []string{"sources.json: crm: dispositions: needs disposition"}},
	"dispositions that are a text":    {`{"crm": {"scheme": "github", "disposition": ".d", "dispositions": "SALE"}}`, []string{"sources.json: crm: dispositions: must be a list of texts, not a string"}},
	"no disposition allowed":          {`{"crm": {"scheme": "github", "disposition": ".d", "dispositions": []}}`, []string{"sources.json: crm: dispositions: must be a list of statuses that is not empty"}},
	"a disposition that is cut":       {`{"crm": {"scheme": "github", "disposition": ".d", "dispositions": ["TOOLONG"]}}`, []string{"sources.json: crm: dispositions: has an entry that is no status of VICIdial"}},
	"a disposition that is a number":  {`{"crm": {"scheme": "github", "disposition": ".d", "dispositions": [1]}}`, []string{"sources.json: crm: dispositions: must be a list of texts, not an array"}},
	"a disposition given twice":       {`{"crm": {"scheme": "github", "disposition": ".d", "dispositions": ["A", "A"]}}`, []string{"sources.json: crm: dispositions: holds A twice"}},
	"calls of an unknown kind":        {`{"crm": {"scheme": "github", "calls": "VX"}}`, []string{`sources.json: crm: calls: must be different letters out of VYJMC, not "VX"`}},
	"calls of one kind twice":         {`{"crm": {"scheme": "github", "calls": "VV"}}`, []string{"sources.json: crm: calls: must be different letters"}},
	"calls of no kind":                {`{"crm": {"scheme": "github", "calls": ""}}`, []string{"sources.json: crm: calls: is empty"}},
	"a budget without a unit":         {`{"crm": {"scheme": "github", "budget": "3"}}`, []string{`sources.json: crm: budget: must be a duration from 1s to 25s such as 2.5s, not "3"`}},
	"a budget that is a number":       {`{"crm": {"scheme": "github", "budget": 3}}`, []string{"sources.json: crm: budget: must be a text, not a number"}},
	"a budget below a second":         {`{"crm": {"scheme": "github", "budget": "999ms"}}`, []string{"sources.json: crm: budget: must be a duration"}},
	"a budget above API Gateway's":    {`{"crm": {"scheme": "github", "budget": "25.1s"}}`, []string{"sources.json: crm: budget: must be a duration"}},
	"faults of several sources at once": {
		`{"a": {"scheme": "zendsk", "calls": "X", "each": "..", "when": "soon"}, "b": {"dry_run": 1}}`,
		[]string{"sources.json: a: calls: ", "sources.json: a: each: ", "sources.json: a: scheme: ", `sources.json: a: when: no jq: function not defined: soon/0`, "sources.json: b: dry_run: ", "sources.json: b: scheme: "},
	},
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for name, c := range faultyFiles {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			_, err := source.Parse([]byte(c.text))
			if !errors.Is(err, source.ErrInvalidFile) {
				t.Fatalf("got %v, want ErrInvalidFile", err)
			}
			faults := strings.Split(err.Error(), "\n")
			if len(faults) != len(c.wants) {
				t.Fatalf("got %d faults, want %d:\n%v", len(faults), len(c.wants), err)
			}
			for i, want := range c.wants {
				if !strings.HasPrefix(faults[i], want) {
					t.Errorf("got  %s\nwant %s…", faults[i], want)
				}
			}
		})
	}
}

func TestParseDisablesFaultySource(t *testing.T) {
	t.Parallel()
	sources, err := source.Parse([]byte(`{
		"bad": {"scheme": "github", "when": "..", "calls": "X"},
		"good": {"scheme": "github"},
		"worse": {"scheme": {"kind": "hmac"}}
	}`))
	if !errors.Is(err, source.ErrInvalidFile) || sources == nil {
		t.Fatalf("got %v, %v", sources, err)
	}
	for name, want := range map[string]string{
		"bad": "sources.json: bad: calls: must be different letters out of VYJMC, not \"X\"\nsources.json: bad: when: jq `..`", "good": "", "worse": "sources.json: worse: scheme.alg: missing",
	} {
		s, _ := sources.Lookup(name)
		if got := s.Fault; (got == nil) != (want == "") || got != nil && !strings.HasPrefix(got.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
	ring, err := sources.ParseKeys([]byte(`{"bad": "` + otherKey + `", "good": "` + otherKey + `", "worse": "` + otherKey + `"}`))
	if err != nil || !errors.Is(ring["bad"].Refused, source.ErrInvalidFile) || !errors.Is(ring["worse"].Refused, source.ErrInvalidFile) || len(ring["good"].Keys) != 1 {
		t.Errorf("got %+v, %v", ring, err)
	}
	for _, text := range []string{`[]`, `{`, `{}`, `{"a": {}, "a": {}}`} {
		if sources, err := source.Parse([]byte(text)); sources != nil || err == nil {
			t.Errorf("%s: got %v, %v", text, sources, err)
		}
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	_, err := source.Parse([]byte(`{"crm": {"scheme": "github", "agents": "("}}`))
	var fault *source.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want a *source.Fault", err)
	}
	if fault.File != "sources.json" || fault.Source != "crm" || fault.Field != "agents" {
		t.Errorf("got %+v", fault)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("names the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "mine.json")
		if err := os.WriteFile(path, []byte(`{}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Load(path); err == nil || err.Error() != "mine.json: names no source" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("returns os.ErrNotExist", func(t *testing.T) {
		if _, err := source.Load(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want os.ErrNotExist", err)
		}
	})
	t.Run("refuses a file above its limit", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "large.json")
		if err := os.WriteFile(path, []byte(strings.Repeat(" ", 2<<20)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Load(path); !errors.Is(err, source.ErrInvalidFile) || !strings.Contains(err.Error(), "is larger than 1048576 bytes") {
			t.Errorf("got %v", err)
		}
	})
}

func TestShippedFile(t *testing.T) {
	t.Parallel()
	sources, err := source.Load(shippedFile)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sources.Names(), []string{"crm", "desk", "github", "helpdesk", "probe", "zendesk"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := sources.Lookup("unknown"); ok {
		t.Error("an unknown source was found")
	}
	for _, name := range sources.Names() {
		s, _ := sources.Lookup(name)
		if s.Name != name || s.Verifier == nil || s.Batch || s.DryRun != (name == "github" || name == "probe") {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	ring, err := sources.ParseKeys(fmt.Appendf(nil, `{"crm": %[1]q, "desk": %[1]q, "github": %[1]q, "helpdesk": %[1]q, "probe": %[1]q, "zendesk": %[1]q}`, hexKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range ring {
		if keys.Refused != nil {
			t.Errorf("one key of 64 hex digits must do for all: %s: %v", name, keys.Refused)
		}
	}
}

func TestParseMembers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members map[string]any
		check   func(*source.Source) bool
	}{
		"without a budget the function's own counts":       {nil, func(s *source.Source) bool { return s.Budget == 0 }},
		"a budget is a duration":                           {map[string]any{"budget": "1.5s"}, func(s *source.Source) bool { return s.Budget == 1500*time.Millisecond }},
		"slack has a budget of its own":                    {map[string]any{"scheme": "slack"}, func(s *source.Source) bool { return s.Budget == 2500*time.Millisecond }},
		"slack's budget can be overridden":                 {map[string]any{"scheme": "slack", "budget": "2s"}, func(s *source.Source) bool { return s.Budget == 2*time.Second }},
		"dry_run is kept":                                  {map[string]any{"dry_run": true}, func(s *source.Source) bool { return s.DryRun }},
		"each that may yield several is a batch":           {map[string]any{"each": ".events[]"}, func(s *source.Source) bool { return s.Batch }},
		"each that yields one is no batch":                 {map[string]any{"each": ".event"}, func(s *source.Source) bool { return !s.Batch }},
		"a token with consent is accepted":                 {map[string]any{"scheme": map[string]any{"kind": "token", "header": []string{"X-T"}}, "accept_unsigned": true}, func(s *source.Source) bool { return !s.Verifier.Signed() }},
		"the API log gets vh and the name without hyphens": {nil, func(s *source.Source) bool { return s.APISource() == "vhcrm" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s := crm(t, c.members); !c.check(s) {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestAPISource(t *testing.T) {
	t.Parallel()
	sources, err := source.Parse([]byte(`{"in-house-helpdesk-of-berlin": {"scheme": "github"}}`))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := sources.Lookup("in-house-helpdesk-of-berlin")
	if got := s.APISource(); got != "vhinhousehelpdeskofb" {
		t.Errorf("got %q", got)
	}
}
