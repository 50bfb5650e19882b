package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"vicihook/function/event"
	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
)

const question = `{"vicihook":"doctor"}`

// answersOf reports whether an event went to the doctor or to the handler.
func answersOf(t *testing.T, payload []byte) (doctor, handler bool) {
	t.Helper()
	g := gateway.Gateway{
		Handle: func(context.Context, hangup.Request) hangup.Answer { handler = true; return hangup.Answer{} },
		Doctor: func(context.Context) ([]byte, error) { doctor = true; return []byte(`{}`), nil },
	}
	if _, err := g.Invoke(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	return doctor, handler
}

func TestDoctorRequests(t *testing.T) {
	t.Parallel()
	for payload, toDoctor := range map[string]bool{
		question:                                    true,
		" {\n\"vicihook\" : \"doctor\"}\n":          true,
		`{"vicihook":"hangup"}`:                     false,
		`{"VICIHOOK":"doctor"}`:                     false,
		`{"vicihook":"doctor","version":"2.0"}`:     false,
		`{"vicihook":"doctor","requestContext":{}}`: false,
		`{"vicihook":{"vicihook":"doctor"}}`:        false,
		`{"vicihook":"doctor"}{}`:                   false,
		`"doctor"`:                                  false,
		`{}`:                                        false,
		``:                                          false,
		`{"version":"2.0","rawPath":"/webhooks/crm","headers":{},"requestContext":{"http":{"method":"POST"}},"body":"{}","vicihook":"doctor"}`: false,
		`{"httpMethod":"POST","path":"/webhooks/crm","vicihook":"doctor"}`:                                                                     false,
	} {
		if doctor, handler := answersOf(t, []byte(payload)); doctor != toDoctor || handler == toDoctor {
			t.Errorf("%s: doctor %v, handler %v", payload, doctor, handler)
		}
	}
}

// A sender's request is always inside an event of API Gateway.
func TestNoRequestOverHTTPReachesTheDoctor(t *testing.T) {
	t.Parallel()
	for _, front := range event.Fronts() {
		for _, contentType := range []string{"application/json", "application/octet-stream", ""} {
			r := httptest.NewRequest(http.MethodPost, `/webhooks/crm?vicihook=doctor`, bytes.NewReader([]byte(question)))
			r.Header.Set("vicihook", "doctor")
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			payload, err := front.Encode(r, []byte(question), event.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if doctor, handler := answersOf(t, payload); doctor || !handler {
				t.Errorf("%s: doctor %v, handler %v", front, doctor, handler)
			}
		}
	}
}

func TestGatewayWithoutADoctor(t *testing.T) {
	t.Parallel()
	if got, _ := through(t, "", []byte(question)); got.Source != "" {
		t.Errorf("%+v", got)
	}
}
