package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// maxSecret is the largest value that Secrets Manager stores, in bytes.
const maxSecret = 64 << 10

// Why a secret is not changed.
var (
	ErrNoVersionBefore = errors.New("the secret has no previous version: give the key with --stdin")
	ErrTooLarge        = fmt.Errorf("the secret is larger than %d bytes", maxSecret)
	ErrUnknown         = errors.New("whether it was stored is not known")
	ErrBusy            = errors.New("others change the secret all the time: nothing was stored, try again")
)

// A Store keeps the secret.
type Store interface {
	// Update calls change with the current secret and stores what it returns, nothing if that is nil. If somebody else
	// stored a secret in between, change is called again with that one. Errors are change's own, the store's,
	// ErrBusy, ErrTooLarge, or ErrUnknown; after all but ErrUnknown the secret is as it was.
	Update(ctx context.Context, change func(current []byte) ([]byte, error)) error

	// Before returns the previous version, or ErrNoVersionBefore.
	Before(context.Context) ([]byte, error)
}

// apply returns the secret to store, nil if there is none.
func apply(change func([]byte) ([]byte, error), current []byte) ([]byte, error) {
	text, err := change(current)
	if err == nil && len(text) > maxSecret {
		err = ErrTooLarge
	}
	return text, err
}

// A File is a secret on this machine, readable by its owner alone. One that does not exist is an empty secret.
//
// Beside it are an empty FILE.lock and, during a change, FILE.new. If a process is killed then, the next change removes
// what it left. Symbolic links are followed.
type File string

const lockPause = 20 * time.Millisecond

// Update holds the lock from reading to writing, so change is called once.
func (f File) Update(ctx context.Context, change func([]byte) ([]byte, error)) error {
	path, err := target(string(f))
	if err != nil {
		return err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return fmt.Errorf("another vicihook keys changes the file, or its folder can't be written: %w", err)
	}
	defer lock.Unlock()
	current, err := read(path)
	if err != nil {
		return err
	}
	text, err := apply(change, current)
	if text == nil || err != nil {
		return err
	}
	return write(path, append(text, '\n'))
}

// Before returns ErrNoVersionBefore: a file has no versions.
func (File) Before(context.Context) ([]byte, error) { return nil, ErrNoVersionBefore }

// target follows symbolic links, also to a file that does not exist yet.
func target(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	next, err := os.Readlink(path)
	if err != nil {
		return path, nil // no link
	}
	if !filepath.IsAbs(next) {
		next = filepath.Join(filepath.Dir(path), next)
	}
	return target(next)
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte("{}"), nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if len(text) > maxSecret {
		return nil, ErrTooLarge
	}
	return text, err
}

// write replaces the file in one step. The caller holds the lock.
func write(path string, text []byte) error {
	fresh := path + ".new"
	_ = os.Remove(fresh) // left by a process that was killed
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync() // not every system can
		folder.Close()
	}
	return nil
}
