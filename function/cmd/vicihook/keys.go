package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/cmd/vicihook/internal/keyring"
)

// keysCmd changes the webhook secret, one source at a time.
type keysCmd struct {
	Make   keysMakeCmd   `cmd:"" help:"Make a strong key for a source, print it and store it."`
	Merge  keysMergeCmd  `cmd:"" help:"Store a key that the sender made, from standard input."`
	Pause  keysPauseCmd  `cmd:"" help:"Pause a source: its sender is asked to deliver again later."`
	Resume keysResumeCmd `cmd:"" help:"Resume a paused source."`
	Remove keysRemoveCmd `cmd:"" help:"Remove a source's keys."`
}

func (keysCmd) Help() string {
	return `The other sources stay as they are, and changes that others make at the same time are kept. The secret is checked as the
function checks it before anything is stored. The function uses the new keys within a minute; after a rotation the
previous key counts for PREVIOUS_KEYS_FOR. At AWS this takes the permissions secretsmanager:GetSecretValue, PutSecretValue and
UpdateSecretVersionStage.
Exit status 0 when it is done, 1 when nothing was stored, 3 when AWS did not say whether it was.`
}

const keysTime = 2 * time.Minute // for a change, others' changes at the same time included

// keysFlags say which secret and which source.
type keysFlags struct {
	Store string `from:"WEBHOOK_SECRET_ARN" placeholder:"ARN|FILE" help:"The webhook secret: its ARN, or a file ($$WEBHOOK_SECRET_ARN)."`
	sourcesFlag
	DryRun bool   `help:"Print what would be stored, and store nothing."`
	Source string `arg:"" placeholder:"SOURCE" help:"Source in sources.json."`
}

type keysMakeCmd struct {
	keysFlags
	Replace bool `help:"Remove the source's other keys."`
}

func (keysMakeCmd) Help() string {
	return `The key is printed before it is stored: a key that nobody has seen is not stored. See vicihook keys --help.

Examples:

    vicihook keys make crm                     # into $WEBHOOK_SECRET_ARN; give the printed key to the sender
    vicihook keys make crm --store keys.json --replace`
}

func (c keysMakeCmd) Run(env *environment) error {
	key, form := "", ""
	return c.change(env, func(secret *keyring.Secret, _ keyring.Store) (bool, error) {
		src, err := secret.Source(c.Source)
		if err != nil {
			return false, err
		}
		isNew := key == ""
		if isNew {
			key, form = keyring.NewKey(src.Scheme)
		}
		changed, err := secret.Add(c.Source, key, keyring.Options{Replace: c.Replace})
		if err != nil || !isNew {
			return changed, err
		}
		shown := key
		if c.DryRun {
			shown = "would be made: " + form
		}
		if _, err := fmt.Fprintf(env.stdout, rowFormat, "key", shown); err != nil {
			return false, failed("the new key can't be printed: %w", err)
		}
		return changed, nil
	})
}

type keysMergeCmd struct {
	keysFlags
	Replace bool `help:"Remove the source's other keys."`
	Shared  bool `help:"Allow a key that another source has too. Whoever has it may then end what either of them may."`
}

func (keysMergeCmd) Help() string {
	return `See vicihook keys --help.

Examples:

    vicihook keys merge zendesk < zendesk.key
    pbpaste | vicihook keys merge github --dry-run`
}

func (c keysMergeCmd) Run(env *environment) error {
	key, err := env.read("standard input", "-", maxKey)
	if err != nil {
		return err
	}
	return c.change(env, func(secret *keyring.Secret, _ keyring.Store) (bool, error) {
		return secret.Add(c.Source, string(key), keyring.Options{Replace: c.Replace, Shared: c.Shared})
	})
}

type keysPauseCmd struct{ keysFlags }

func (keysPauseCmd) Help() string {
	return `"off" takes the place of the keys. resume finds them in the secret's previous version, so pause one source at a time, or keep
a copy of the key. See vicihook keys --help.

Example:

    vicihook keys pause zendesk`
}

func (c keysPauseCmd) Run(env *environment) error {
	return c.change(env, func(secret *keyring.Secret, _ keyring.Store) (bool, error) { return true, secret.Pause(c.Source) })
}

type keysResumeCmd struct {
	keysFlags
	Stdin  bool `help:"Read the key from standard input instead of the secret's previous version."`
	Shared bool `help:"Allow a key that another source has too. Whoever has it may then end what either of them may."`
}

func (keysResumeCmd) Help() string {
	return `See vicihook keys --help.

Examples:

    vicihook keys resume zendesk                        # with the keys of the secret's previous version
    vicihook keys resume zendesk --stdin < zendesk.key`
}

func (c keysResumeCmd) Run(env *environment) error {
	if c.Stdin {
		key, err := env.read("--stdin", "-", maxKey)
		if err != nil {
			return err
		}
		return c.change(env, func(secret *keyring.Secret, _ keyring.Store) (bool, error) {
			return secret.Add(c.Source, string(key), keyring.Options{Resume: true, Shared: c.Shared})
		})
	}
	return c.change(env, func(secret *keyring.Secret, store keyring.Store) (bool, error) {
		text, err := store.Before(env.ctx)
		if err != nil {
			return false, err
		}
		return true, secret.Resume(c.Source, text, keyring.Options{Shared: c.Shared})
	})
}

type keysRemoveCmd struct{ keysFlags }

func (keysRemoveCmd) Help() string {
	return `See vicihook keys --help.

Example:

    vicihook keys remove desk`
}

func (c keysRemoveCmd) Run(env *environment) error {
	return c.change(env, func(secret *keyring.Secret, _ keyring.Store) (bool, error) { return true, secret.Remove(c.Source) })
}

// change edits the secret, stores it, and prints what it is now, by names and numbers. edit is called again if another
// person changed the secret at the same time. It reports whether there is something to store.
func (f keysFlags) change(env *environment, edit func(*keyring.Secret, keyring.Store) (bool, error)) error {
	sources, err := f.read(env)
	if err != nil {
		return err
	}
	store, err := f.store(env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(env.ctx, keysTime)
	defer cancel()
	var secret *keyring.Secret
	var changed, refused bool
	err = store.Update(ctx, func(text []byte) (_ []byte, err error) {
		refused = true
		if secret, err = keyring.Parse(text, sources); err != nil {
			return nil, fmt.Errorf("fix the secret by hand first: %w", err)
		}
		if changed, err = edit(secret, store); err != nil {
			return nil, err
		}
		refused = false
		if f.DryRun || !changed {
			return nil, nil
		}
		return secret.Text()
	})
	switch {
	case errors.Is(err, keyring.ErrUnknown):
		return noAnswer("%s: %w", f.Source, err)
	case err != nil && (refused || secret == nil):
		return fmt.Errorf("%s: nothing was stored: %w", f.Source, err)
	case err != nil:
		return failed("%s: nothing was stored: %w", f.Source, err)
	}
	f.print(env, secret, changed)
	return nil
}

func (f keysFlags) print(env *environment, secret *keyring.Secret, changed bool) {
	if !changed {
		printRows(env.stdout, "source", f.Source+": has this key already", "stored", "nothing")
		return
	}
	printRows(env.stdout, "source", f.Source+": "+secret.Describe(f.Source))
	others, unknown := secret.Others(f.Source)
	for _, name := range others {
		printRows(env.stdout, "kept", name+": "+secret.Describe(name))
	}
	if unknown > 0 {
		printRows(env.stdout, "kept", fmt.Sprintf("%d names that sources.json lacks", unknown))
	}
	stored := f.Store
	if f.DryRun {
		stored = "nothing, this is a dry run"
	}
	printRows(env.stdout, "stored", stored)
}

func (f keysFlags) store(env *environment) (keyring.Store, error) {
	switch {
	case f.Store == "":
		return nil, errors.New("--store: give the webhook secret's ARN or a file, or set WEBHOOK_SECRET_ARN")
	case !strings.HasPrefix(f.Store, "arn:"):
		return keyring.File(f.Store), nil
	}
	settings, err := env.aws()
	if err != nil {
		return nil, err
	}
	return keyring.SecretsManager{Client: secretsmanager.NewFromConfig(settings), ARN: f.Store}, nil
}
