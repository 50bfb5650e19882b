package secretsmanager_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/local/secretsmanager"
)

func TestStagedErrors(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "a", "one")
	cases := map[secretsmanager.ErrorType]int{
		secretsmanager.AccessDenied:      http.StatusBadRequest,
		secretsmanager.DecryptionFailure: http.StatusBadRequest,
		secretsmanager.InternalError:     http.StatusInternalServerError,
		secretsmanager.Throttling:        http.StatusBadRequest,
	}
	for want, status := range cases {
		t.Run(string(want), func(t *testing.T) {
			clear := s.Fail(secretsmanager.Fault{Error: want})
			defer clear()
			_, err := get(t, client(t, s), arn, "")
			wantCode(t, err, want)
			var http interface{ HTTPStatusCode() int }
			if !errors.As(err, &http) || http.HTTPStatusCode() != status {
				t.Errorf("got %v, want status %d", err, status)
			}
		})
	}
	mustGet(t, client(t, s), arn, "")
	if got := s.Calls(arn, secretsmanager.Current); got != len(cases)+1 {
		t.Errorf("calls: got %d, want %d", got, len(cases)+1)
	}
}

func TestFaultOfOneStage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a, b := create(t, s, "a", "one"), create(t, s, "b", "one")
	s.Put(a, "two")
	c := client(t, s)
	s.Fail(secretsmanager.Fault{ARN: a, Stage: secretsmanager.Previous, Times: 2, Error: secretsmanager.Throttling})
	mustGet(t, c, a, "")
	mustGet(t, c, b, "")
	for range 2 {
		wantCode(t, second(get(t, c, a, secretsmanager.Previous)), secretsmanager.Throttling)
	}
	mustGet(t, c, a, secretsmanager.Previous)
}

func TestHeldAnswerIsFromItsRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "a", "one")
	arrived, gate := make(chan struct{}), make(chan struct{})
	s.Fail(secretsmanager.Fault{Times: 1, Hold: func(context.Context) { close(arrived); <-gate }})
	go func() {
		<-arrived
		s.Put(arn, "two")
		close(gate)
	}()
	c := client(t, s)
	if got := mustGet(t, c, arn, ""); *got.SecretString != "one" {
		t.Errorf("held answer: got %s, want one", *got.SecretString)
	}
	if got := mustGet(t, c, arn, ""); *got.SecretString != "two" {
		t.Errorf("next answer: got %s, want two", *got.SecretString)
	}
}

func TestHoldEndsWithTheClient(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "a", "one")
	gone := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	s.Fail(secretsmanager.Fault{Hold: func(held context.Context) {
		cancel()
		<-held.Done()
		close(gone)
	}})
	if _, err := client(t, s).GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &arn}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	<-gone
}

func TestDroppedAndGarbledAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	arn := create(t, s, "a", "one")
	for name, fault := range map[string]secretsmanager.Fault{
		"a dropped connection is an error": {Drop: true},
		"a garbled body is an error":       {Body: `{"SecretString":"on`},
	} {
		t.Run(name, func(t *testing.T) {
			clear := s.Fail(fault)
			defer clear()
			if out, err := get(t, client(t, s), arn, ""); err == nil {
				t.Errorf("got %v, want an error", out)
			}
		})
	}
}

func TestStagedDate(t *testing.T) {
	t.Parallel()
	s := fixedServer(t)
	arn := create(t, s, "a", "one")
	s.Fail(secretsmanager.Fault{Date: now.Add(-time.Hour)})
	if resp, _ := send(t, signed(t, s.URL, `{"SecretId":"`+arn+`"}`)); resp.Header.Get("Date") != "Fri, 02 Jan 2026 02:04:05 GMT" {
		t.Errorf("Date: got %s", resp.Header.Get("Date"))
	}
}
