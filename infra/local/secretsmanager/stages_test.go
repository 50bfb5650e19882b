package secretsmanager_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/local/secretsmanager"
)

const pending = "PENDING"

// staged creates a secret whose second version has a label of its own and is not current.
func staged(t *testing.T) (s *secretsmanager.Server, arn, first, second string) {
	t.Helper()
	s = newServer(t)
	arn = create(t, s, "crm", "one")
	put, err := client(t, s).PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &arn, SecretString: aws.String("two"), VersionStages: []string{pending}})
	if err != nil || !slices.Equal(put.VersionStages, []string{pending}) {
		t.Fatalf("%+v, %v", put, err)
	}
	return s, arn, version(t, s, arn, secretsmanager.Current), *put.VersionId
}

func version(t *testing.T, s *secretsmanager.Server, arn, label string) string {
	t.Helper()
	got, err := client(t, s).GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &arn, VersionStage: &label})
	if err != nil {
		return ""
	}
	return *got.VersionId
}

func move(t *testing.T, s *secretsmanager.Server, arn, label, from, to string) error {
	t.Helper()
	_, err := client(t, s).UpdateSecretVersionStage(t.Context(), &sdk.UpdateSecretVersionStageInput{
		SecretId: &arn, VersionStage: &label, RemoveFromVersionId: &from, MoveToVersionId: &to,
	})
	return err
}

func TestMoveLabel(t *testing.T) {
	t.Parallel()
	s, arn, first, second := staged(t)
	for name, test := range map[string]struct {
		label, from, to string
		want            secretsmanager.ErrorType
	}{
		"another version has the label":  {secretsmanager.Current, second, second, secretsmanager.InvalidParameter},
		"the new version does not exist": {secretsmanager.Current, first, "00000000-0000-0000-0000-000000000000", secretsmanager.ResourceNotFound},
	} {
		if err := move(t, s, arn, test.label, test.from, test.to); errorType(err) != test.want {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if version(t, s, arn, secretsmanager.Current) != first || version(t, s, arn, secretsmanager.Previous) != "" {
		t.Error("a refused move took effect")
	}
	if err := move(t, s, arn, secretsmanager.Current, first, second); err != nil {
		t.Fatal(err)
	}
	if version(t, s, arn, secretsmanager.Current) != second || version(t, s, arn, secretsmanager.Previous) != first || version(t, s, arn, pending) != second {
		t.Error("the labels are not where they belong")
	}
	if err := move(t, s, arn, secretsmanager.Current, first, second); errorType(err) != secretsmanager.InvalidParameter {
		t.Errorf("a move from a version that lost the label: got %v", err)
	}
}

func TestFaultOfOneOperation(t *testing.T) {
	t.Parallel()
	s, arn, first, second := staged(t)
	s.Fail(secretsmanager.Fault{Operation: "UpdateSecretVersionStage", Drop: true, Times: 1})
	if err := move(t, s, arn, secretsmanager.Current, first, second); err == nil || version(t, s, arn, secretsmanager.Current) != first {
		t.Errorf("a request that was cut was carried out: %v", err)
	}
	s.Fail(secretsmanager.Fault{Operation: "UpdateSecretVersionStage", Lost: true, Times: 1})
	if err := move(t, s, arn, secretsmanager.Current, first, second); err == nil || version(t, s, arn, secretsmanager.Current) != second {
		t.Errorf("a request whose answer was lost was not carried out, or its answer came: %v", err)
	}
}

func errorType(err error) secretsmanager.ErrorType {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return secretsmanager.ErrorType(api.ErrorCode())
	}
	return ""
}
