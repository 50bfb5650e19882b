package vicitest_test

import (
	"net/http"
	"strings"
	"testing"

	"vicihook/vicicall/vicitest"
)

// send posts a body of some content type with a query.
func send(t *testing.T, srv *vicitest.Server, query, kind, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(srv.URL+"/agc/api.php?"+query, kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

const formType = "application/x-www-form-urlencoded"

func TestParameters(t *testing.T) {
	t.Parallel()
	all := encode(usual)
	tests := map[string]struct {
		query, kind, body string
		want              string
	}{
		"GET beats POST, parameter by parameter": {query: "agent_user=1999", kind: formType, body: all, want: "ERROR: agent_user is not logged in - 1999\n"},
		"everything in the query":                {query: all, kind: formType, want: hungup + "\n"},
		"a JSON body fills nothing":              {kind: "application/json", body: all, want: "ERROR: Invalid Source - \n"},
		"a body without a type fills nothing":    {kind: "", body: all, want: "ERROR: Invalid Source - \n"},
		"a type with a charset":                  {kind: formType + "; charset=UTF-8", body: all, want: hungup + "\n"},
		"the last of equal keys wins":            {kind: formType, body: all + "&agent_user=1999", want: "ERROR: agent_user is not logged in - 1999\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, vicitest.Config{})
			if _, body := send(t, srv, tt.query, tt.kind, tt.body); body != tt.want {
				t.Errorf("got %q, want %q", body, tt.want)
			}
		})
	}
}

func TestStrippedCharacters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ parameter, value, want string }{
		"agent_user between spaces":             {"agent_user", " 10 28\n", hungup},
		"a password with characters to strip":   {"pass", "S3cret!!", hungup},
		"a password in another case":            {"pass", "s3CRET", hungup},
		"a call id in lower case is echoed so":  {"value", strings.ToLower(callID), strings.ReplaceAll(hungup, callID, strings.ToLower(callID))},
		"a pipe in value stays":                 {"value", "V|1", "ERROR: no active call found - V|1"},
		"an underscore in agent_user stays":     {"agent_user", "ra_28", "ERROR: agent_user is not logged in - ra_28"},
		"quotes leave stage":                    {"stage", `C"H'E\C;K<b>`, "ERROR: stage is not valid - CHECK<b>"},
		"function is case-sensitive":            {"function", "RA_CALL_CONTROL", ""},
		"an accent leaves agent_user":           {"agent_user", "10é28", hungup},
		"a function with a dot becomes another": {"function", "ra_call.control", ""},
		"source keeps letters and digits only":  {"source", "z-_!", "ERROR: Invalid Source - z"},
	} {
		srv := start(t, vicitest.Config{})
		if _, body := post(t, srv, form(tt.parameter, tt.value)); strings.TrimSuffix(body, "\n") != tt.want {
			t.Errorf("%s: got %q, want %q", name, body, tt.want)
		}
	}
}

func TestDispositionIsCut(t *testing.T) {
	t.Parallel()
	tests := map[string]string{"": "RAXFER", "É": "RAXFER", "TOOLONGSTATUS": "TOOLON", "NO_ANSWER": "NO_ANS", "S!A L": "SAL", "SALE": "SALE"}
	for status, want := range tests {
		srv := start(t, vicitest.Config{})
		post(t, srv, form("status", status))
		if state, _ := srv.Call(callID); state.Disposition != want {
			t.Errorf("status %q booked %q, want %q", status, state.Disposition, want)
		}
	}
}
