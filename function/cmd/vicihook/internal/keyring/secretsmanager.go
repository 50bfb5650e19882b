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

// Update puts each new version under a label of its own, which takes no effect, and then moves AWSCURRENT to it from
// the version that was read. AWS refuses that when somebody else moved it first.
func (s SecretsManager) Update(ctx context.Context, change func([]byte) ([]byte, error)) error {
	for range maxTries {
		read, err := s.get(ctx, labelled(current))
		if err != nil {
			return err
		}
		text, err := apply(change, []byte(*read.SecretString))
		if text == nil || err != nil {
			return err
		}
		put, err := s.put(ctx, string(text))
		if err != nil {
			return err
		}
		if overtaken, err := s.makeCurrent(ctx, read.VersionId, &put); !overtaken {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
		case <-time.After(mathrand.N(longestPause)): // random, so that those who collided do not collide again
		}
	}
	return ErrBusy
}

// Before returns the version that AWSPREVIOUS names.
func (s SecretsManager) Before(ctx context.Context) ([]byte, error) {
	before, err := s.get(ctx, labelled(previous))
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return nil, ErrNoVersionBefore
	}
	if err != nil {
		return nil, err
	}
	return []byte(*before.SecretString), nil
}

func labelled(label string) *secretsmanager.GetSecretValueInput {
	return &secretsmanager.GetSecretValueInput{VersionStage: &label}
}

// get returns a version. Its text is not nil: a secret of bytes is empty, which no parser takes.
func (s SecretsManager) get(ctx context.Context, which *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	which.SecretId = &s.ARN
	got, err := s.Client.GetSecretValue(ctx, which)
	if err == nil && got.SecretString == nil {
		got.SecretString = aws.String("")
	}
	return got, err
}

// put stores a version that is not current yet, and returns its id. When no answer comes, it looks for the version.
func (s SecretsManager) put(ctx context.Context, text string) (id string, err error) {
	id = rand.Text() + rand.Text()
	_, err = s.Client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &s.ARN, SecretString: &text, ClientRequestToken: &id, VersionStages: []string{pending},
	})
	if err == nil {
		return id, nil
	}
	found, lookErr := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionId: &id})
	if lookErr == nil && *found.SecretString == text {
		return id, nil
	}
	return "", err
}

// makeCurrent moves AWSCURRENT and reports whether somebody else moved it first. It asks AWS once, since a second
// answer could not tell the first request's success from somebody else's; when no answer comes, it looks.
func (s SecretsManager) makeCurrent(ctx context.Context, from, to *string) (overtaken bool, err error) {
	_, err = s.Client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.ARN, VersionStage: aws.String(current), RemoveFromVersionId: from, MoveToVersionId: to,
	}, func(o *secretsmanager.Options) { o.RetryMaxAttempts = 1 })
	if err == nil {
		return false, nil
	}
	if refusal, answered := errors.AsType[*smithyhttp.ResponseError](err); answered && refusal.HTTPStatusCode()/100 == 4 {
		now, lookErr := s.get(ctx, labelled(current))
		return lookErr == nil && aws.ToString(now.VersionId) != aws.ToString(from), err
	}
	ours, lookErr := s.get(ctx, &secretsmanager.GetSecretValueInput{VersionId: to})
	if lookErr == nil && (slices.Contains(ours.VersionStages, current) || slices.Contains(ours.VersionStages, previous)) {
		return false, nil
	}
	return false, fmt.Errorf("%w: AWS gave no answer (%w); see whether AWSCURRENT is version %s", ErrUnknown, err, *to)
}
