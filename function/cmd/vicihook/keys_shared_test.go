package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vicihook/infra/local/secretsmanager"
)

// storedAt reads a secret from the Secrets Manager that the AWS settings name.
func storedAt(t *testing.T, arn string) (text string) {
	t.Helper()
	store, err := keysFlags{Store: arn}.store(&environment{ctx: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	err = store.Update(t.Context(), func(current []byte) ([]byte, error) {
		text = string(current)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// checkFolder wants the file, its lock, and nothing else, all for the owner alone.
func checkFolder(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others can read it: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	if base := filepath.Base(path); !slices.Equal(names, []string{base, base + ".lock"}) {
		t.Errorf("the folder has %q", names)
	}
}

// manySources writes a sources.json of n sources, s0 to s(n-1).
func manySources(t *testing.T, n int) string {
	t.Helper()
	sources := map[string]any{}
	for i := range n {
		sources[fmt.Sprintf("s%d", i)] = map[string]any{"scheme": "github"}
	}
	text, err := json.Marshal(sources)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "sources.json", string(text))
}

// atOnce runs every line at the same time and returns the results in order.
func atOnce(t *testing.T, env map[string]string, lines []string) []result {
	t.Helper()
	results := make([]result, len(lines))
	var running sync.WaitGroup
	for i, line := range lines {
		running.Go(func() { results[i] = vicihook(t, call{args: args(line), env: env}) })
	}
	running.Wait()
	return results
}

// countStored returns how many printed keys the secret has. A make whose key is not stored must have failed.
func countStored(t *testing.T, secret string, results []result) (stored int) {
	t.Helper()
	for i, r := range results {
		has := strings.Contains(secret, `"`+madeKey(r.stdout)+`"`)
		switch {
		case r.status == statusOK && has:
			stored++
		case r.status != statusFailed || has:
			t.Errorf("s%d: %+v, and the key is stored: %t", i, r, has)
		}
	}
	return stored
}

func lines(format string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

func TestKeysMakeConcurrentlyInAFile(t *testing.T) {
	t.Parallel()
	path := file(t, "keys.json", "{}")
	results := atOnce(t, map[string]string{"SOURCES_FILE": manySources(t, 20)}, lines("keys make s%d --store "+path, 20))
	text, err := os.ReadFile(path)
	if err != nil || countStored(t, string(text), results) != 20 {
		t.Errorf("%v: not all keys are stored", err)
	}
	checkFolder(t, path)
}

func TestKeysMakeConcurrentlyAtSecretsManager(t *testing.T) {
	_, _, env := localAWS(t)
	env["SOURCES_FILE"] = manySources(t, 20)
	results := atOnce(t, env, lines("keys make s%d", 20))
	if n := countStored(t, storedAt(t, env["WEBHOOK_SECRET_ARN"]), results); n != 20 {
		t.Errorf("%d of 20 keys are stored, though each try overtakes at most once", n)
	}
}

func TestKeysPauseConcurrentWithMake(t *testing.T) {
	_, _, env := localAWS(t)
	for range 10 {
		for _, store := range []string{env["WEBHOOK_SECRET_ARN"], file(t, "keys.json", `{"crm": "`+crmKey+`"}`)} {
			results := atOnce(t, env, []string{"keys pause crm --store " + store, "keys make desk --store " + store, "keys make github --store " + store})
			for _, r := range results {
				r.check(t, statusOK)
			}
		}
		if text := storedAt(t, env["WEBHOOK_SECRET_ARN"]); !strings.Contains(text, `"crm":"off"`) {
			t.Fatal("crm is not paused")
		}
		vicihook(t, call{args: args("keys resume crm --stdin"), env: env, stdin: crmKey}).check(t, statusOK)
		for _, name := range []string{"desk", "github"} {
			vicihook(t, call{args: args("keys remove " + name), env: env}).check(t, statusOK)
		}
	}
}

func TestKeysReplaceConcurrentWithMake(t *testing.T) {
	_, _, env := localAWS(t)
	env["SOURCES_FILE"] = manySources(t, 9)
	arn := env["WEBHOOK_SECRET_ARN"]
	vicihook(t, call{args: args("keys merge s8"), env: env, stdin: "the leaked key of s8, long enough"}).check(t, statusOK)
	results := atOnce(t, env, append(lines("keys make s%d", 8), "keys make s8 --replace"))
	if text := storedAt(t, arn); results[8].status == statusOK && strings.Contains(text, "leaked") {
		t.Error("the leaked key is back")
	}
}

func TestKeysLostAnswerOfSecretsManager(t *testing.T) {
	const put, move = "PutSecretValue", "UpdateSecretVersionStage"
	for name, test := range map[string]struct {
		fault   secretsmanager.Fault
		blind   bool // reading the secret afterwards fails, too
		status  int
		printed string
		stored  bool
	}{
		"the answer to the put is lost":            {secretsmanager.Fault{Operation: put, Lost: true}, false, statusOK, "stored    arn:", true},
		"the put never arrives":                    {secretsmanager.Fault{Operation: put, Drop: true}, false, statusFailed, "nothing was stored", false},
		"the answer to the move is lost":           {secretsmanager.Fault{Operation: move, Lost: true}, false, statusOK, "stored    arn:", true},
		"the move never arrives":                   {secretsmanager.Fault{Operation: move, Drop: true}, false, statusNoAnswer, "whether it was stored is not known", false},
		"the move is refused":                      {secretsmanager.Fault{Operation: move, Error: secretsmanager.AccessDenied}, false, statusFailed, "nothing was stored", false},
		"AWS fails in the move":                    {secretsmanager.Fault{Operation: move, Error: secretsmanager.InternalError}, false, statusNoAnswer, "whether it was stored is not known", false},
		"the answers to move and look are lost":    {secretsmanager.Fault{Operation: move, Lost: true}, true, statusNoAnswer, "whether it was stored is not known", true},
		"the put is lost, and can't be looked for": {secretsmanager.Fault{Operation: put, Lost: true}, true, statusFailed, "nothing was stored", false},
	} {
		t.Run(name, func(t *testing.T) {
			secrets, _, env := localAWS(t)
			if test.blind {
				test.fault.Hold = func(context.Context) { secrets.Fail(secretsmanager.Fault{Drop: true, Times: 1}) }
			}
			secrets.Fail(test.fault)
			r := vicihook(t, call{args: args("keys make crm --replace"), env: env})
			r.check(t, test.status, test.printed)
			key := madeKey(r.stdout)
			if key == "" {
				t.Fatal("the new key is not printed")
			}
			if got := strings.Contains(storedAt(t, env["WEBHOOK_SECRET_ARN"]), key); got != test.stored {
				t.Errorf("stored: %t, want %t", got, test.stored)
			}
		})
	}
}

// fullDisk is a standard output that can't be written.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestKeysMakeThatCannotPrint(t *testing.T) {
	t.Parallel()
	before := `{"crm": "` + crmKey + `"}`
	path := file(t, "keys.json", before)
	var stderr bytes.Buffer
	status := run(t.Context(), args("keys make crm --replace --sources "+sources+" --store "+path), strings.NewReader(""), fullDisk{}, &stderr, func(string) string { return "" })
	after, err := os.ReadFile(path)
	if status != statusFailed || err != nil || string(after) != before || !strings.Contains(stderr.String(), "nothing was stored: the new key can't be printed") {
		t.Errorf("status %d, %v, %s", status, err, stderr.String())
	}
}

func TestKeysFollowsSymbolicLinks(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"the target exists": "{}", "the target does not exist yet": ""} {
		target := filepath.Join(t.TempDir(), "keys.json")
		if text != "" {
			if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		link := filepath.Join(t.TempDir(), "link.json")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		r := vicihook(t, call{args: args("keys make crm --store " + link)})
		stored, err := os.ReadFile(target)
		if r.status != statusOK || err != nil || !strings.Contains(string(stored), madeKey(r.stdout)) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s: the link was replaced: %v", name, err)
		}
		checkFolder(t, target)
	}
}

// TestMain makes keys until it is killed if this process was started by TestKeysKilledLeavesAWholeFile.
func TestMain(m *testing.M) {
	if path := os.Getenv("VICIHOOK_TEST_CHANGE"); path != "" {
		for {
			if status := run(context.Background(), args("keys make crm --replace --store "+path+" --sources "+sources), os.Stdin, os.Stdout, os.Stderr, func(string) string { return "" }); status != statusOK {
				os.Exit(status)
			}
		}
	}
	os.Exit(m.Run())
}

func TestKeysKilledLeavesAWholeFile(t *testing.T) {
	t.Parallel()
	path := file(t, "keys.json", "{}")
	for i := range 200 {
		checkKilled(t, path, killedAfter(t, path, time.Duration(i)*20*time.Microsecond))
	}
	vicihook(t, call{args: args("keys make crm --replace --store " + path)}).check(t, statusOK)
	checkFolder(t, path)
}

// killedAfter kills a process this long after it has printed its first key, and returns what it has printed.
func killedAfter(t *testing.T, path string, after time.Duration) string {
	t.Helper()
	changing := exec.Command(os.Args[0])
	changing.Env = append(os.Environ(), "VICIHOOK_TEST_CHANGE="+path)
	var stderr strings.Builder
	changing.Stderr = &stderr
	output, err := changing.StdoutPipe()
	if err := errors.Join(err, changing.Start()); err != nil {
		t.Fatal(err)
	}
	printed := bufio.NewReader(output)
	first, err := printed.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %v: %s", err, changing.Wait(), stderr.String())
	}
	time.Sleep(after)
	_ = changing.Process.Kill()
	rest, err := io.ReadAll(printed)
	if err != nil {
		t.Fatal(err)
	}
	_ = changing.Wait()
	return first + string(rest)
}

// checkKilled wants a whole file with the last key that was reported as stored, or with a later one that was printed.
func checkKilled(t *testing.T, path, printed string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > 3 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	stored := jsonOf(t, text)["crm"]
	done := strings.LastIndex(printed, "\nstored ")
	if done < 0 {
		return
	}
	last := strings.LastIndex(printed[:done], "key       ")
	for _, key := range strings.Split(printed[last:], "key       ")[1:] {
		if first, _, _ := strings.Cut(key, "\n"); first == stored {
			return
		}
	}
	t.Error("a key that was reported as stored is gone")
}
