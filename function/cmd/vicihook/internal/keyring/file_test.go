package keyring_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"

	"vicihook/function/cmd/vicihook/internal/keyring"
)

func appended(text string) func([]byte) ([]byte, error) {
	return func(current []byte) ([]byte, error) { return append(current, text...), nil }
}

func TestFileUpdate(t *testing.T) {
	t.Parallel()
	errChange := errors.New("refused")
	for name, test := range map[string]struct {
		before string // "" when there is no file
		change func([]byte) ([]byte, error)
		after  string
		err    error
	}{
		"a new file":                 {"", appended("+"), "{}+\n", nil},
		"a file that is there":       {"a", appended("+"), "a+\n", nil},
		"a change to nothing":        {"a", func([]byte) ([]byte, error) { return nil, nil }, "a", nil},
		"a change that is refused":   {"a", func([]byte) ([]byte, error) { return []byte("b"), errChange }, "a", errChange},
		"a change that is too large": {"a", func([]byte) ([]byte, error) { return make([]byte, 64<<10+1), nil }, "a", keyring.ErrTooLarge},
		"a file that is too large":   {string(make([]byte, 64<<10+1)), appended("+"), string(make([]byte, 64<<10+1)), keyring.ErrTooLarge},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		if test.before != "" {
			if err := os.WriteFile(path, []byte(test.before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := keyring.File(path).Update(t.Context(), test.change); !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, want %v", name, err, test.err)
		}
		text, err := os.ReadFile(path)
		if err != nil || string(text) != test.after {
			t.Errorf("%s: got %.20q, %v", name, text, err)
		}
		if info, err := os.Stat(path); err != nil || string(text) != test.before && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestFileIsLockedByAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := keyring.File(path).Update(ctx, func([]byte) ([]byte, error) {
		t.Error("the file was read though it is locked")
		return nil, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFileRemovesWhatAKilledProcessLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path+".new", []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := keyring.File(path).Update(t.Context(), appended("+"))
	if _, left := os.Stat(path + ".new"); err != nil || !errors.Is(left, os.ErrNotExist) {
		t.Errorf("got %v, and %v for what was left", err, left)
	}
}

func TestFileFollowsSymbolicLinks(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link, second := filepath.Join(folder, "link"), filepath.Join(folder, "second")
	for link, to := range map[string]string{link: "second", second: filepath.Join(folder, "keys.json"), filepath.Join(folder, "loop"): "loop"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"{}+\n", "{}+\n+\n"} { // the target is missing, then there
		err := keyring.File(link).Update(t.Context(), appended("+"))
		if text, readErr := os.ReadFile(filepath.Join(folder, "keys.json")); err != nil || readErr != nil || string(text) != want {
			t.Errorf("got %q, %v, %v", text, err, readErr)
		}
	}
	if err := keyring.File(filepath.Join(folder, "loop")).Update(t.Context(), appended("+")); err == nil {
		t.Error("a loop of links was followed")
	}
}
