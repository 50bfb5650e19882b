package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"vicihook/function/internal/gateway"
	"vicihook/function/internal/hangup"
	"vicihook/infra/local/apigw"
)

const question = `{"vicihook":"doctor"}`

// answersOf says whether an event went to the doctor or to the handler.
func answersOf(t *testing.T, event []byte) (doctor, handler bool) {
	t.Helper()
	g := gateway.Gateway{
		Handle: func(context.Context, hangup.Request) hangup.Answer { handler = true; return hangup.Answer{} },
		Doctor: func(context.Context) ([]byte, error) { doctor = true; return []byte(`{}`), nil },
	}
	if _, err := g.Invoke(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	return doctor, handler
}

func TestTheDoctorAnswersADirectInvocationAndNothingElse(t *testing.T) {
	t.Parallel()
	for event, toDoctor := range map[string]bool{
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
		if doctor, handler := answersOf(t, []byte(event)); doctor != toDoctor || handler == toDoctor {
			t.Errorf("%s: doctor %v, handler %v", event, doctor, handler)
		}
	}
}

// Whatever a sender puts where, API Gateway's event around it is none of the doctor's.
func TestNoRequestOverHTTPReachesTheDoctor(t *testing.T) {
	t.Parallel()
	for _, shape := range []apigw.Shape{apigw.HTTPAPI, apigw.REST, apigw.FunctionURL} {
		for _, contentType := range []string{"application/json", "application/octet-stream", ""} {
			r := httptest.NewRequest(http.MethodPost, `/webhooks/crm?vicihook=doctor`, bytes.NewReader([]byte(question)))
			r.Header.Set("vicihook", "doctor")
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			event, err := shape.Event(r, []byte(question), apigw.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if doctor, handler := answersOf(t, event); doctor || !handler {
				t.Errorf("%s: doctor %v, handler %v", shape, doctor, handler)
			}
		}
	}
}

func TestAGatewayWithoutADoctorTakesTheQuestionForADelivery(t *testing.T) {
	t.Parallel()
	if got, _ := through(t, "", []byte(question)); got.Source != "" {
		t.Errorf("%+v", got)
	}
}
