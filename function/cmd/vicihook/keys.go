package main

import (
	"errors"
	"fmt"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/function/cmd/vicihook/internal/keyring"
	"vicihook/function/internal/source"
)

// keysCmd changes the webhook secret, one source at a time.
type keysCmd struct {
	Make   keysMakeCmd   `cmd:"" help:"Make a strong key for a source, store it and print it."`
	Merge  keysMergeCmd  `cmd:"" help:"Store a key of a source that its sender made, from standard input."`
	Pause  keysPauseCmd  `cmd:"" help:"Put a source's deliveries off: its senders are asked to deliver again later."`
	Resume keysResumeCmd `cmd:"" help:"Take a paused source up again."`
	Remove keysRemoveCmd `cmd:"" help:"Take a source's keys out."`
}

// keysFlags say which secret and which source.
type keysFlags struct {
	Store   string `from:"WEBHOOK_SECRET_ARN" placeholder:"ARN|FILE" help:"The webhook secret: its ARN, or a file ($$WEBHOOK_SECRET_ARN)."`
	Sources string `from:"SOURCES_FILE" default:"function/sources.json" placeholder:"FILE" help:"Where sources.json is ($$SOURCES_FILE, else function/sources.json)."`
	DryRun  bool   `help:"Say what would be stored, and store nothing."`
	Source  string `arg:"" placeholder:"SOURCE" help:"Source in sources.json."`
}

const keysHelp = `The other sources stay as they are. The secret is checked as the function checks it before anything is written, and keys
come from standard input only. The function takes a change up within a minute; after a rotation the key before counts for
PREVIOUS_KEYS_FOR.

`

type keysMakeCmd struct {
	keysFlags
	Replace bool `help:"Let no other key of the source stand beside it."`
}

func (keysMakeCmd) Help() string {
	return keysHelp + `Examples:

    vicihook keys make crm                     # into $WEBHOOK_SECRET_ARN; give the printed key to the sender
    vicihook keys make crm --store keys.json --replace`
}

func (c keysMakeCmd) Run(sh *shell) error {
	sources, secret, store, err := c.open(sh)
	if err != nil {
		return err
	}
	src, known := sources.Lookup(c.Source)
	if !known {
		return fmt.Errorf("%w: %q; %s has %s", keyring.ErrUnknownSource, c.Source, c.Sources, strings.Join(sources.Names(), ", "))
	}
	key := keyring.NewKey(src.Scheme)
	if _, err := secret.Add(c.Source, key, c.Replace); err != nil {
		return c.refused(err)
	}
	if err := c.save(sh, secret, store); err != nil {
		return err
	}
	if c.DryRun {
		key = "would be made: " + keyring.FormOf(src.Scheme)
	}
	printRows(sh.stdout, "key", key)
	return nil
}

type keysMergeCmd struct {
	keysFlags
	Replace bool `help:"Let no other key of the source stand beside it."`
}

func (keysMergeCmd) Help() string {
	return keysHelp + `Examples:

    vicihook keys merge zendesk < zendesk.key
    pbpaste | vicihook keys merge github --dry-run`
}

func (c keysMergeCmd) Run(sh *shell) error {
	key, err := sh.read("standard input", "-", maxKey)
	if err != nil {
		return err
	}
	_, secret, store, err := c.open(sh)
	if err != nil {
		return err
	}
	changed, err := secret.Add(c.Source, string(key), c.Replace)
	if err != nil {
		return c.refused(err)
	}
	if !changed {
		printRows(sh.stdout, "source", c.Source+": has this key already", "stored", "nothing")
		return nil
	}
	return c.save(sh, secret, store)
}

type keysPauseCmd struct{ keysFlags }

func (keysPauseCmd) Help() string {
	return keysHelp + `"off" takes the place of the keys. resume finds them in the secret's version before, so pause one source at a time, or keep
the key at hand.

Example:

    vicihook keys pause zendesk`
}

func (c keysPauseCmd) Run(sh *shell) error {
	return c.change(sh, func(secret *keyring.Secret, _ keyring.Store) error { return secret.Pause(c.Source) })
}

type keysResumeCmd struct {
	keysFlags
	Stdin bool `name:"stdin" help:"Read the key from standard input instead of taking those of the secret's version before."`
}

func (keysResumeCmd) Help() string {
	return keysHelp + `Examples:

    vicihook keys resume zendesk                        # with the keys of the secret's version before
    vicihook keys resume zendesk --stdin < zendesk.key`
}

func (c keysResumeCmd) Run(sh *shell) error {
	var key []byte
	var err error
	if c.Stdin {
		if key, err = sh.read("--stdin", "-", maxKey); err != nil {
			return err
		}
	}
	return c.change(sh, func(secret *keyring.Secret, store keyring.Store) error {
		if c.Stdin {
			return secret.ResumeWith(c.Source, string(key))
		}
		return c.resume(sh, secret, store)
	})
}

// resume takes the keys of the version before.
func (c keysResumeCmd) resume(sh *shell, secret *keyring.Secret, store keyring.Store) error {
	sources, err := c.sources(sh)
	if err != nil {
		return err
	}
	text, err := store.Before(sh.ctx)
	if err != nil {
		return err
	}
	before, err := keyring.Parse(text, sources)
	if err != nil {
		return err
	}
	return secret.Resume(c.Source, before)
}

type keysRemoveCmd struct{ keysFlags }

func (keysRemoveCmd) Help() string {
	return keysHelp + `Example:

    vicihook keys remove desk`
}

func (c keysRemoveCmd) Run(sh *shell) error {
	return c.change(sh, func(secret *keyring.Secret, _ keyring.Store) error { return secret.Remove(c.Source) })
}

func (f keysFlags) change(sh *shell, do func(*keyring.Secret, keyring.Store) error) error {
	_, secret, store, err := f.open(sh)
	if err != nil {
		return err
	}
	if err := do(secret, store); err != nil {
		return f.refused(err)
	}
	return f.save(sh, secret, store)
}

// open reads the secret as it is.
func (f keysFlags) open(sh *shell) (*source.Sources, *keyring.Secret, keyring.Store, error) {
	sources, err := f.sources(sh)
	if err != nil {
		return nil, nil, nil, err
	}
	store, err := f.store(sh)
	if err != nil {
		return nil, nil, nil, err
	}
	text, err := store.Read(sh.ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--store: %w", err)
	}
	secret, err := keyring.Parse(text, sources)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--store: mend it by hand first: %w", err)
	}
	return sources, secret, store, nil
}

func (f keysFlags) sources(sh *shell) (*source.Sources, error) {
	text, err := sh.read("--sources", f.Sources, maxSources)
	if err != nil {
		return nil, err
	}
	sources, err := source.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--sources: %s: %w", f.Sources, err)
	}
	return sources, nil
}

func (f keysFlags) store(sh *shell) (keyring.Store, error) {
	switch {
	case f.Store == "":
		return nil, errors.New("--store: give the webhook secret's ARN or a file, or set WEBHOOK_SECRET_ARN")
	case !strings.HasPrefix(f.Store, "arn:"):
		return keyring.File(f.Store), nil
	}
	settings, err := awsconfig.LoadDefaultConfig(sh.ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS settings: %w", err)
	}
	return keyring.SecretsManager{Client: secretsmanager.NewFromConfig(settings), ARN: f.Store}, nil
}

// refused says that nothing came of a change.
func (f keysFlags) refused(err error) error {
	return fmt.Errorf("%s: nothing was stored: %w", f.Source, err)
}

// save stores the secret and says what it is now, by names and numbers.
func (f keysFlags) save(sh *shell, secret *keyring.Secret, store keyring.Store) error {
	stored := f.Store
	if f.DryRun {
		stored = "nothing, this is a dry run"
	} else {
		text, err := secret.Text()
		if err != nil {
			return err
		}
		if err := store.Write(sh.ctx, text); err != nil {
			return &failure{statusFailed, fmt.Errorf("--store: nothing was stored: %w", err)}
		}
	}
	printRows(sh.stdout, "source", f.Source+": "+secret.Describe(f.Source))
	others, strangers := secret.Others(f.Source)
	for _, name := range others {
		printRows(sh.stdout, "kept", name+": "+secret.Describe(name))
	}
	if strangers > 0 {
		printRows(sh.stdout, "kept", fmt.Sprintf("%d names that sources.json lacks", strangers))
	}
	printRows(sh.stdout, "stored", stored)
	return nil
}
