package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// maxSecret is the largest value that Secrets Manager stores, in bytes.
const maxSecret = 64 << 10

// Of a store.
var (
	ErrNoVersionBefore = errors.New("the secret has no version before: give the key with --stdin")
	ErrTooLarge        = fmt.Errorf("the secret is larger than %d bytes", maxSecret)
)

// A Store is where the secret lies.
type Store interface {
	Read(context.Context) ([]byte, error)
	Before(context.Context) ([]byte, error) // the version before; ErrNoVersionBefore when there is none
	Write(context.Context, []byte) error
}

// A File is a secret on this machine, readable by its owner alone. One that does not exist is an empty secret.
type File string

// Read gives the file's text.
func (f File) Read(context.Context) ([]byte, error) {
	file, err := os.Open(string(f))
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

// Before fails: a file has no version before.
func (File) Before(context.Context) ([]byte, error) { return nil, ErrNoVersionBefore }

// Write puts the text in the file's place in one step.
func (f File) Write(_ context.Context, text []byte) (err error) {
	fresh, err := os.CreateTemp(filepath.Dir(string(f)), ".vicihook-") // for its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.Write(append(text, '\n'))
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), string(f))
}

// SecretsManager is a secret at AWS.
type SecretsManager struct {
	Client *secretsmanager.Client
	ARN    string
}

// Read gives the current version.
func (s SecretsManager) Read(ctx context.Context) ([]byte, error) {
	return s.version(ctx, "AWSCURRENT")
}

// Before gives the version before.
func (s SecretsManager) Before(ctx context.Context) ([]byte, error) {
	text, err := s.version(ctx, "AWSPREVIOUS")
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return nil, ErrNoVersionBefore
	}
	return text, err
}

func (s SecretsManager) version(ctx context.Context, label string) ([]byte, error) {
	got, err := s.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.ARN, VersionStage: &label})
	if err != nil {
		return nil, err
	}
	return []byte(aws.ToString(got.SecretString)), nil
}

// Write makes the text the current version; what was current is the version before.
func (s SecretsManager) Write(ctx context.Context, text []byte) error {
	if len(text) > maxSecret {
		return ErrTooLarge
	}
	_, err := s.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &s.ARN, SecretString: aws.String(string(text))})
	return err
}
