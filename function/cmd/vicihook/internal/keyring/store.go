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
	ErrNoVersionBefore = errors.New("the secret has no version before: give the key with --stdin")
	ErrTooLarge        = fmt.Errorf("the secret is larger than %d bytes", maxSecret)
	ErrUnknown         = errors.New("whether it was stored is not known")
	ErrBusy            = errors.New("others change the secret all the time: nothing was stored, try again")
)

// A Store is where the secret is kept.
type Store interface {
	// Update stores what change makes of the current secret, unless somebody else stored in between: then change is
	// called again with the newer one. A change that returns nil stores nothing. Errors are change's own, the store's,
	// ErrBusy, ErrTooLarge, or ErrUnknown; after all but ErrUnknown the secret is as it was.
	Update(ctx context.Context, change func(current []byte) ([]byte, error)) error

	// Before returns the version before the current one, or ErrNoVersionBefore.
	Before(context.Context) ([]byte, error)
}

// A File is a secret on this machine, readable by its owner alone. One that does not exist is an empty secret.
//
// Beside it lie an empty FILE.lock, and FILE.new for the moment of a change; what a killed process leaves of that goes
// with the next change. Symbolic links are followed.
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
	text, err := read(path)
	if err != nil {
		return err
	}
	if text, err = change(text); text == nil || err != nil {
		return err
	}
	if len(text) > maxSecret {
		return ErrTooLarge
	}
	return write(path, append(text, '\n'))
}

// Before fails: a file has no version before.
func (File) Before(context.Context) ([]byte, error) { return nil, ErrNoVersionBefore }

// target follows symbolic links, to a file that does not exist too.
func target(path string) (string, error) {
	const most = 40
	for range most {
		next, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", fmt.Errorf("%s: more than %d symbolic links", path, most)
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
	if err == nil && len(text) > maxSecret {
		err = ErrTooLarge
	}
	return text, err
}

// write replaces the file in one step. The caller holds the lock.
func write(path string, text []byte) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
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
