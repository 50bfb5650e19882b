package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"vicihook/function/event"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/infra/local/apigw"
)

// quoted is a panic's value that nobody may read.
const quoted = "secret of the payload"

func TestAPanicOutsideTheHandlerIsAnsweredAndLoggedAndTheNextInvocationWorks(t *testing.T) {
	t.Parallel()
	sources, err := source.Parse([]byte(`{"crm": {"scheme": "standard-webhooks"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	handler := hangup.Handler{Sources: sources, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	deliveries := 0
	g := gateway.Gateway{Handle: func(ctx context.Context, r hangup.Request) hangup.Answer {
		if deliveries++; deliveries == 1 {
			panic(quoted)
		}
		return handler.Handle(ctx, r)
	}}
	payload := delivery(t, event.HTTPAPI, "/webhooks/nobody", "", nil)
	for _, want := range []struct {
		status        int
		outcome, line string
	}{
		{http.StatusInternalServerError, `"outcome":"misconfigured","fault":"operator"`, "gateway_test"},
		{http.StatusUnauthorized, `"outcome":"unauthorized"`, "no such source"},
	} {
		log.Reset()
		answer, err := g.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		response, err := apigw.Answer(event.HTTPAPI, answer)
		if err != nil || response.Status != want.status || !strings.Contains(string(response.Body), want.outcome) {
			t.Errorf("got %+v, %v; want %d %s", response, err, want.status, want.outcome)
		}
		line := log.String()
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, want.line) || strings.Contains(line+string(answer), quoted) {
			t.Errorf("got %s and the log\n%s", answer, line)
		}
	}
}

func TestTheAnswerToAPanicNamesItsRequest(t *testing.T) {
	t.Parallel()
	var again hangup.Request
	g := gateway.Gateway{Handle: func(_ context.Context, r hangup.Request) hangup.Answer {
		if r.Failure == nil {
			panic(quoted)
		}
		again = r
		return hangup.Answer{}
	}}
	if _, err := g.Invoke(t.Context(), delivery(t, event.HTTPAPI, "/webhooks/crm", "", nil)); err != nil || again.ID != "req-1" || again.Webhook.Body != nil {
		t.Errorf("got %+v, %v", again, err)
	}
}

// The runtime logs an error that it is given, and a panic with its value.
func TestAPanicThatNobodyCanAnswerIsAnErrorThatDoesNotQuoteIt(t *testing.T) {
	t.Parallel()
	g := gateway.Gateway{
		Handle: func(context.Context, hangup.Request) hangup.Answer { panic(quoted) },
		Doctor: func(context.Context) ([]byte, error) { panic(quoted) },
	}
	for _, event := range []string{question, `{}`} {
		answer, err := g.Invoke(t.Context(), []byte(event))
		if err == nil || answer != nil || strings.Contains(err.Error(), quoted) || !strings.Contains(err.Error(), "panic (string) in ") {
			t.Errorf("%s: got %s, %v", event, answer, err)
		}
	}
}
