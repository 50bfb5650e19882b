package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Labels of a secret's versions. Pending is ours: a new version has it until it is the current one.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "VICIHOOK_PENDING"
)

const (
	maxTries     = 60 // of a change that others overtake
	longestPause = 300 * time.Millisecond
)

// SecretsManager is a secret at AWS. Changing it takes GetSecretValue, PutSecretValue and UpdateSecretVersionStage.
type SecretsManager struct {
	Client *secretsmanager.Client
	ARN    string
}

type secretVersion struct {
	id     string
	text   []byte
	labels []string
}

// Update puts each new version under a label of its own, which takes no effect, and then moves AWSCURRENT to it from
// the version that was read. AWS refuses that when somebody else moved it first.
func (s SecretsManager) Update(ctx context.Context, change func([]byte) ([]byte, error)) error {
	for range maxTries {
		read, err := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(current)})
		if err != nil {
			return err
		}
		text, err := change(read.text)
		if text == nil || err != nil {
			return err
		}
		put, err := s.put(ctx, text)
		if err != nil {
			return err
		}
		if overtaken, err := s.makeCurrent(ctx, read.id, put); !overtaken {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return ErrBusy
}

// Before returns the version that AWSPREVIOUS names.
func (s SecretsManager) Before(ctx context.Context) ([]byte, error) {
	before, err := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(previous)})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return nil, ErrNoVersionBefore
	}
	return before.text, err
}

func (s SecretsManager) get(ctx context.Context, which *secretsmanager.GetSecretValueInput) (secretVersion, error) {
	which.SecretId = &s.ARN
	got, err := s.Client.GetSecretValue(ctx, which)
	if err != nil {
		return secretVersion{}, err
	}
	return secretVersion{aws.ToString(got.VersionId), []byte(aws.ToString(got.SecretString)), got.VersionStages}, nil
}

// put stores a version that is not current yet, and returns its id. When the answer is lost, it looks for the version.
func (s SecretsManager) put(ctx context.Context, text []byte) (id string, err error) {
	if len(text) > maxSecret {
		return "", ErrTooLarge
	}
	id = rand.Text() + rand.Text()
	_, err = s.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &s.ARN, SecretString: aws.String(string(text)), ClientRequestToken: &id, VersionStages: []string{pending},
	})
	if err == nil {
		return id, nil
	}
	if found, lookErr := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionId: &id}); lookErr == nil && string(found.text) == string(text) {
		return id, nil
	}
	return "", err
}

// makeCurrent moves AWSCURRENT and reports whether somebody else moved it first. It asks AWS once, since a second
// answer could not tell the first request's success from somebody else's; when no answer came, it looks.
func (s SecretsManager) makeCurrent(ctx context.Context, from, to string) (overtaken bool, err error) {
	_, err = s.Client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.ARN, VersionStage: aws.String(current), RemoveFromVersionId: &from, MoveToVersionId: &to,
	}, func(o *secretsmanager.Options) { o.RetryMaxAttempts = 1 })
	if err == nil {
		return false, nil
	}
	if refusal, answered := errors.AsType[*smithyhttp.ResponseError](err); answered && refusal.HTTPStatusCode()/100 == 4 {
		now, lookErr := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionStage: aws.String(current)})
		return lookErr == nil && now.id != from, err
	}
	ours, lookErr := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionId: &to})
	if lookErr == nil && (slices.Contains(ours.labels, current) || slices.Contains(ours.labels, previous)) {
		return false, nil
	}
	return false, fmt.Errorf("%w: AWS gave no answer (%w); see whether AWSCURRENT is version %s", ErrUnknown, err, to)
}

// pause waits for a random time, so that those who collided do not collide again.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	case <-time.After(mathrand.N(longestPause)):
		return nil
	}
}
