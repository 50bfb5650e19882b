package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"vicihook/function/internal/source"
)

const (
	otherKey   = "whsec_aVB6cTFNd0U4clQ1eVUyaU83cEE0c0Q2ZkczaEo="
	zendeskKey = "k9Zr41xPq0mUe7Tn2sWvYb8L"
)

var keyNames = strings.NewReplacer("CRM", crmKey, "OTHER", otherKey, "ZENDESK", zendeskKey)

// changes are runs of `vicihook keys` on a file. NEW is the key that was made; CRM, OTHER and ZENDESK are keys, too.
var changes = map[string]struct {
	line, before, stdin string
	status              int
	after, printed      string // after is empty when nothing may be stored
}{
	"a first key is made":                             {"make crm", `{}`, "", statusOK, `{"crm": "NEW"}`, "source    crm: 1 key\n"},
	"a new key comes before the old one":              {"make crm", `{"crm": "CRM"}`, "", statusOK, `{"crm": ["NEW", "CRM"]}`, "crm: 2 keys"},
	"a new key replaces the old ones":                 {"make crm --replace", `{"crm": ["CRM", "OTHER"]}`, "", statusOK, `{"crm": "NEW"}`, "crm: 1 key"},
	"a new key replaces a placeholder":                {"make crm --replace", `{"crm": "changeme"}`, "", statusOK, `{"crm": "NEW"}`, "crm: 1 key"},
	"a placeholder is not kept beside a new key":      {"make crm", `{"crm": "changeme"}`, "", statusUsage, "", "key is a placeholder"},
	"four keys are enough":                            {"make crm", `{"crm": ["CRM", "OTHER", "whsec_Y2hhbmdlIG1lIGZvciBhIHRoaXJkIG9uZQ==", "whsec_Y2hhbmdlIG1lIGZvciBhIGZvdXJ0aCBvbmU="]}`, "", statusUsage, "", "at most 4 keys: with --replace"},
	"the other sources stay as they are":              {"make crm", `{"zendesk": ["ZENDESK"], "desk": "off", "x": 7}`, "", statusOK, `{"crm": "NEW", "zendesk": ["ZENDESK"], "desk": "off", "x": 7}`, "kept      desk: paused\nkept      zendesk: 1 key\nkept      1 names that sources.json lacks\n"},
	"a dry run stores nothing":                        {"make crm --dry-run", `{"zendesk": "ZENDESK"}`, "", statusOK, "", "key       would be made: whsec_base64 of 32 bytes"},
	"a sender's key is merged":                        {"merge zendesk", `{}`, "ZENDESK\n", statusOK, `{"zendesk": "ZENDESK"}`, "zendesk: 1 key"},
	"a dry run of merge stores nothing":               {"merge zendesk --dry-run", `{}`, "ZENDESK", statusOK, "", "stored    nothing, this is a dry run"},
	"a key that is there is not put again":            {"merge crm", `{"crm": "CRM"}`, strings.TrimPrefix(crmKey, "whsec_"), statusOK, "", "has this key already"},
	"a published key is refused":                      {"merge crm", `{}`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", statusUsage, "", "crm: nothing was stored: webhook: key is published as an example"},
	"a key of another form is refused":                {"merge crm", `{}`, "!topsecret!", statusUsage, "", "must be base64"},
	"a key with a blank is refused":                   {"merge zendesk", `{}`, "ZENDESK ", statusUsage, "", "zendesk: nothing was stored: webhook: key is pasted with what is not part of it: it ends with a blank"},
	"a key with a tab is refused":                     {"merge zendesk", `{}`, "\tZENDESK\n", statusUsage, "", "begins with a tab"},
	"a key in quotes is refused":                      {"merge zendesk --replace", `{"zendesk": "ZENDESK"}`, `"ZENDESK"`, statusUsage, "", "in quotes"},
	"a key with a byte order mark is refused":         {"merge zendesk", `{}`, "\ufeffZENDESK", statusUsage, "", "byte order mark"},
	"a key with a label is refused":                   {"merge zendesk", `{}`, "Signing secret: ZENDESK", statusUsage, "", "begins with a label"},
	"a key of two lines is refused":                   {"merge zendesk", `{}`, "ZENDESK\nZENDESK\n", statusUsage, "", "two lines"},
	"a list as a text is refused":                     {"merge zendesk", `{}`, `["ZENDESK","ZENDESK"]`, statusUsage, "", "list written as a text"},
	"a key after v1, is refused":                      {"merge crm", `{}`, "v1,CRM", statusUsage, "", "begins with v1,"},
	"a stored key in quotes is named":                 {"make zendesk", `{"zendesk": "'ZENDESK'"}`, "", statusUsage, "", "copy that key from the sender again and store it by merge --replace first"},
	"a stored key in quotes is replaced":              {"merge zendesk --replace", `{"zendesk": "'ZENDESK'"}`, "ZENDESK", statusOK, `{"zendesk": "ZENDESK"}`, "zendesk: 1 key"},
	"a key of another source is refused":              {"merge github", `{"zendesk": "ZENDESK"}`, "ZENDESK", statusUsage, "", "zendesk: another source has this key"},
	"a key of another source is shared":               {"merge github --shared", `{"zendesk": "ZENDESK"}`, "ZENDESK", statusOK, `{"github": "ZENDESK", "zendesk": "ZENDESK"}`, "github: 1 key"},
	"a shared key is not resumed without --shared":    {"resume github --stdin", `{"github": "off", "zendesk": "ZENDESK"}`, "ZENDESK", statusUsage, "", "give --shared"},
	"a shared key is resumed":                         {"resume github --stdin --shared", `{"github": "off", "zendesk": "ZENDESK"}`, "ZENDESK", statusOK, `{"github": "ZENDESK", "zendesk": "ZENDESK"}`, "github: 1 key"},
	"no key is refused":                               {"merge crm", `{}`, "\n", statusUsage, "", "key is empty"},
	"a paused source gets no key without --replace":   {"merge crm", `{"crm": "off"}`, "CRM", statusUsage, "", "paused: resume it with --stdin"},
	"a source is paused":                              {"pause crm", `{"crm": "CRM", "zendesk": "ZENDESK"}`, "", statusOK, `{"crm": "off", "zendesk": "ZENDESK"}`, "crm: paused"},
	"a paused source is not paused again":             {"pause crm", `{"crm": "off"}`, "", statusUsage, "", "is paused"},
	"a source is resumed with a key":                  {"resume crm --stdin", `{"crm": "off"}`, "CRM", statusOK, `{"crm": "CRM"}`, "crm: 1 key"},
	"a file has no previous version":                  {"resume crm", `{"crm": "off"}`, "", statusUsage, "", "give the key with --stdin"},
	"a running source is not resumed":                 {"resume crm --stdin", `{"crm": "CRM"}`, "OTHER", statusUsage, "", "is not paused"},
	"a source is removed":                             {"remove crm", `{"crm": "CRM", "x": "y"}`, "", statusOK, `{"x": "y"}`, "crm: no key"},
	"a name that is no source's is removed":           {"remove x", `{"crm": "CRM", "x": "y"}`, "", statusOK, `{"crm": "CRM"}`, "x: no key"},
	"an unknown name is not removed":                  {"remove crm", `{}`, "", statusUsage, "", "no such source in the secret"},
	"an unknown source gets no key":                   {"make nope", `{}`, "", statusUsage, "", "crm, desk, github, helpdesk, probe, zendesk"},
	"an unknown source is not merged":                 {"merge nope", `{}`, "CRM", statusUsage, "", "crm, desk, github, helpdesk, probe, zendesk"},
	"an unknown source is not paused":                 {"pause nope", `{}`, "", statusUsage, "", "crm, desk, github, helpdesk, probe, zendesk"},
	"a broken secret is not changed":                  {"make crm", `{"crm": "topsecret`, "", statusUsage, "", "fix the secret by hand first"},
	"a secret with a duplicate member is not changed": {"make crm", `{"crm": "topsecret", "crm": "x"}`, "", statusUsage, "", "fix the secret by hand first"},
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for name, test := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "keys.json", keyNames.Replace(test.before))
			r := vicihook(t, call{
				args: args("keys " + test.line + " --store " + path), stdin: keyNames.Replace(test.stdin), env: map[string]string{"VICIHOOK_KEY": ""},
			})
			r.check(t, test.status, test.printed)
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			made := madeKey(r.stdout)
			checkSecret(t, string(after), keyNames.Replace(test.before), strings.ReplaceAll(keyNames.Replace(test.after), "NEW", made))
			for _, key := range []string{crmKey, otherKey, zendeskKey, "topsecret"} {
				if strings.Contains(r.stdout+r.stderr, strings.TrimPrefix(key, "whsec_")) {
					t.Errorf("the output shows a key: %+v", r)
				}
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("others can read the secret: %v, %v", info.Mode(), err)
			}
		})
	}
}

// madeKey returns the key that make has printed, if any.
func madeKey(stdout string) string {
	_, rest, _ := strings.Cut("\n"+stdout, "\nkey       ")
	key, _, _ := strings.Cut(rest, "\n")
	return key
}

// checkSecret wants the text unchanged, byte for byte, if after is empty.
func checkSecret(t *testing.T, got, before, after string) {
	t.Helper()
	if after == "" {
		if got != before {
			t.Errorf("got %s, want it untouched", got)
		}
		return
	}
	if g, w := jsonOf(t, []byte(got)), jsonOf(t, []byte(after)); !reflect.DeepEqual(g, w) {
		t.Errorf("got %s, want %s", got, after)
	}
}

func TestKeysMakeCreatesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	r := vicihook(t, call{args: args("keys make crm --store " + path)})
	info, err := os.Stat(path)
	if r.status != statusOK || err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%+v, %v", r, err)
	}
	failing := vicihook(t, call{args: args("keys make crm --store " + filepath.Join(path, "x"))})
	if failing.status == statusOK || strings.Contains(failing.stdout, "whsec_") {
		t.Errorf("a key that was not stored is printed: %+v", failing)
	}
	checkFolder(t, path)
}

func TestKeysAtSecretsManager(t *testing.T) {
	secrets, _, env := localAWS(t)
	arn := env["WEBHOOK_SECRET_ARN"]
	made := vicihook(t, call{args: args("keys make desk"), env: env})
	made.check(t, statusOK, "kept      crm: 1 key\nkept      zendesk: paused\nstored    "+arn+"\n")
	for _, step := range []struct {
		line    string
		status  int
		printed string
	}{
		{"keys pause crm", statusOK, "crm: paused"},
		{"keys resume crm", statusOK, "crm: 1 key"},
		{"keys resume zendesk", statusUsage, "has no key for it: give the key with --stdin"},
		{"keys remove zendesk --dry-run", statusOK, "nothing, this is a dry run"},
	} {
		vicihook(t, call{args: args(step.line), env: env}).check(t, step.status, step.printed)
	}
	text := storedAt(t, arn)
	want := `{"crm":"` + crmKey + `","desk":"` + madeKey(made.stdout) + `","zendesk":"off"}`
	if text != want {
		t.Error("the secret is not what it should be")
	}
	if n := secrets.Calls(arn, "AWSPREVIOUS"); n != 2 {
		t.Errorf("the version before was asked for %d times", n)
	}
	missing := vicihook(t, call{args: args("keys pause crm --store " + strings.Replace(arn, "webhook", "nothing", 1)), env: env})
	missing.check(t, statusUsage, "ResourceNotFoundException")
}

func TestKeysHelp(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&cli{}, kong.Vars{"outcomes": outcomes()})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, command := range parser.Model.Leaves(false) {
		name, isKeys := strings.CutPrefix(command.FullPath(), parser.Model.Name+" keys ")
		if !isKeys {
			continue
		}
		seen++
		vicihook(t, call{args: args("keys " + name + " --help")}).check(t, statusOK, "    vicihook keys "+name+" ")
	}
	if seen != 5 {
		t.Errorf("%d commands", seen)
	}
}

func TestKeysAreAcceptedByTheFunction(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(sources)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := source.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	for _, name := range parsed.Names() {
		vicihook(t, call{args: args("keys make " + name + " --store " + path)}).check(t, statusOK)
	}
	stored, err := os.ReadFile(path)
	if err != nil || !json.Valid(stored) {
		t.Fatal(err)
	}
	ring, err := parsed.ParseKeys(stored)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range parsed.Names() {
		if ring[name].Refused != nil || len(ring[name].Keys) != 1 {
			t.Errorf("%s: %v", name, ring[name].Refused)
		}
	}
}
