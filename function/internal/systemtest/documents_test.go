//go:build unix

package systemtest_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vicihook/infra/local/stack"
	"vicihook/vicicall/vicitest"
)

// documents returns the documents whose commands and links these tests check.
func documents(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "events/README.md", "function/docs/*.md"} {
		found, err := filepath.Glob(root + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range found {
			names = append(names, strings.TrimPrefix(path, root))
		}
	}
	return names
}

// A shellLine is one command of a document, and the outcome in its comment.
type shellLine struct{ command, outcome string }

var (
	shellBlock = regexp.MustCompile("(?sm)^```sh\n(.*?)\n```$")
	comment    = regexp.MustCompile(`\s+# (.*)$`)
	anOutcome  = regexp.MustCompile(`^[a-z]+(?:_[a-z]+)+$`)
)

func shellLines(text string) (lines []shellLine) {
	for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			said := comment.FindStringSubmatch(strings.TrimSpace(line))
			l := shellLine{command: strings.TrimSpace(comment.ReplaceAllString(strings.TrimSpace(line), ""))}
			if said != nil && anOutcome.MatchString(said[1]) {
				l.outcome = said[1]
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// elsewhere are programs that these tests can't run: AWS's and GitHub's. infra's tests run SAM's.
var elsewhere = []string{"sam", "aws", "export", "git", "cd"}

func TestDocumentedCommandsRun(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{Keys: map[string]string{"crm": newKey, "zendesk": someKey}})
	if b.Secrets == nil {
		t.Skip("writes to the local Secrets Manager")
	}
	folder := commandFolder(t, b)
	ran := 0
	for _, document := range documents(t) {
		for _, line := range shellLines(readDocument(t, document)) {
			line.command = strings.Replace(line.command, "go run ./function/cmd/vicihook", "vicihook", 1)
			line.command, _, _ = strings.Cut(line.command, " | sam ")
			switch program, _, _ := strings.Cut(line.command, " "); {
			case program == "vicihook":
				ran++
				b.runCommand(t, document, folder, line)
			case program == "make":
				checkTarget(t, document, line.command)
			case program == "go":
				checkGoCommand(t, document, line.command)
			case !slices.Contains(elsewhere, program):
				t.Errorf("%s: nothing checks %q", document, line.command)
			}
		}
	}
	if ran == 0 {
		t.Error("no document has a command of vicihook's")
	}
}

// commandFolder has the command and the files that documents name.
func commandFolder(t *testing.T, b *fixture) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.Symlink(buildCommand(t), filepath.Join(folder, "vicihook")); err != nil {
		t.Fatal(err)
	}
	members := lookupAccount()
	maps.Copy(members, map[string]any{"url": b.VICIdial.URL, "user": vicitest.DefaultUser, "pass": vicitest.DefaultPass})
	account, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"account.json": string(account),
		"zendesk.key":  oldKey,
		"reply.txt":    "ERROR: no active call found - Y1221052110000402027\n",
		"function.log": `{"time":"2026-01-31T12:00:00Z","source":"crm","outcome":"hungup","call_id":"Y1221052110000402027","agent_user":"1028"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"function", "events"} {
		path, err := filepath.Abs(root + name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(folder, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// runCommand runs a line with the local stack in its environment. Exit status 2 is a mistake in the line; 3 means no
// answer, which is all that commands for AWS's own services can get here.
func (b *fixture) runCommand(t *testing.T, document, folder string, line shellLine) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line.command)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), b.Env()...)
	cmd.Env = append(cmd.Env, "PATH="+folder+":"+os.Getenv("PATH"), "VICIHOOK_CALL_ID=", "VICIHOOK_AGENT_USER=",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_MAX_ATTEMPTS=1")
	out, err := cmd.CombinedOutput()
	asksAWS := strings.Contains(line.command, "--function") || strings.Contains(line.command, "--log-group") || strings.Contains(line.command, "--stack")
	failed, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
	case exited && failed.ExitCode() == 3 && asksAWS:
	default:
		t.Errorf("%s: %s: %v\n%s", document, line.command, err, out)
	}
	if line.outcome != "" && !strings.Contains(string(out), line.outcome) {
		t.Errorf("%s: %s: want %s, got\n%s", document, line.command, line.outcome, out)
	}
}

// checkTarget checks that the Makefile has the target of a make command.
func checkTarget(t *testing.T, document, command string) {
	t.Helper()
	target := strings.Fields(command)[1]
	if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(readDocument(t, "Makefile")) {
		t.Errorf("%s: the Makefile has no target %s", document, target)
	}
}

// checkGoCommand checks that each package of `go test PACKAGES [-run PATTERN]` has such a test, and that infra/local has the
// flags of the command.
func checkGoCommand(t *testing.T, document, command string) {
	t.Helper()
	fields := strings.Fields(command)
	if strings.HasPrefix(command, "go run ./infra/local ") {
		help, err := exec.CommandContext(t.Context(), "go", "run", "vicihook/infra/local", "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+\w`).FindAllString(command, -1) {
			if !strings.Contains(string(help), flag) {
				t.Errorf("%s: %s: infra/local has no %s", document, command, flag)
			}
		}
		return
	}
	if fields[1] != "test" {
		t.Errorf("%s: nothing checks %q", document, command)
		return
	}
	folders, names := fields[2:], ""
	if i := slices.Index(fields, "-run"); i > 0 {
		folders, names = fields[2:i], strings.Trim(fields[i+1], `"`)
	}
	pattern := regexp.MustCompile(`(?m)^func Test\w*(?:` + names + `)`)
	for _, folder := range folders {
		files, err := filepath.Glob(root + folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && pattern.Match(text)
		}) {
			t.Errorf("%s: %s finds no test in %s", document, command, folder)
		}
	}
}

var (
	volatile  = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?(?:ms|µs|s)\b|127\.0\.0\.1:[0-9]+|[VY][0-9]{19}`)
	makeBlock = regexp.MustCompile("(?s)```\n(request .*?)\n```")
)

// The output is compared without addresses, times and call ids.
func TestMakeRunPrintsWhatREADMEShows(t *testing.T) {
	t.Parallel()
	shown := makeBlock.FindStringSubmatch(readDocument(t, "README.md"))
	if shown == nil {
		t.Fatal("README.md shows nothing of make run")
	}
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "run")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	printed := volatile.ReplaceAllString(string(out), "*")
	for line := range strings.Lines(shown[1] + "\n") {
		if !strings.Contains(printed, volatile.ReplaceAllString(line, "*")) {
			t.Errorf("make run does not print %q but\n%s", line, out)
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksOfDocuments(t *testing.T) {
	for _, document := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(readDocument(t, document), -1) {
			target, fragment, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.Join(filepath.Dir(document), target)
			if target == "" {
				path = document
			}
			if _, err := os.Stat(root + path); err != nil {
				t.Errorf("%s: %s leads unresolvable", document, found[1])
			} else if fragment != "" && !hasAnchor(readDocument(t, path), fragment) {
				t.Errorf("%s: %s: no such place", document, found[1])
			}
		}
	}
}

// hasAnchor reports whether a document has a heading or a named anchor for a fragment, by GitHub's rules.
func hasAnchor(text, fragment string) bool {
	if strings.Contains(text, `id="`+fragment+`"`) {
		return true
	}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := anchor.ReplaceAllString(strings.ToLower(heading[1]), "")
		if strings.ReplaceAll(name, " ", "-") == fragment {
			return true
		}
	}
	return false
}
