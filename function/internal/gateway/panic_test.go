package gateway_test

import (
	"context"
	"strings"
	"testing"

	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
)

// quoted is a panic's value that must not be shown.
const quoted = "secret of the payload"

// The runtime logs a panic with its value.
func TestPanicIsNotQuoted(t *testing.T) {
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
