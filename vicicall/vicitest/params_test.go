package vicitest_test

import (
	"bytes"
	"mime/multipart"
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

func TestParametersAreReadAsPHPReadsThem(t *testing.T) {
	t.Parallel()
	all := encode(usual)
	tests := map[string]struct {
		query, kind, body string
		era               vicitest.Era
		want              string
	}{
		"GET beats POST, parameter by parameter":      {query: "agent_user=1999", kind: formType, body: all, want: "ERROR: agent_user is not logged in - 1999\n"},
		"everything in the query":                     {query: all, kind: formType, want: hungup + "\n"},
		"a JSON body fills nothing":                   {kind: "application/json", body: all, want: "ERROR: Invalid Source - \n"},
		"a body without a type fills nothing":         {kind: "", body: all, want: "ERROR: Invalid Source - \n"},
		"a type with a charset":                       {kind: formType + "; charset=UTF-8", body: all, want: hungup + "\n"},
		"the last of equal keys wins":                 {kind: formType, body: all + "&agent_user=1999", want: "ERROR: agent_user is not logged in - 1999\n"},
		"a POST without value acts on the last field": {kind: formType, body: strings.Replace(all, "value=", "valve=", 1) + "&last=xyz", want: "ERROR: no active call found - xyz\n"},
		"a repeated key keeps its place":              {kind: formType, body: strings.Replace(all, "value=", "valve=", 1) + "&source=test", want: "ERROR: no active call found - A\n"},
		"before 2.14-54 it is empty":                  {era: vicitest.Era24, kind: formType, body: strings.Replace(all, "value=", "valve=", 1), want: "ERROR: ra_call_control not valid - |1028|HANGUP\n"},
		"value in the query leaves the quirk alone":   {query: "value=xyz", kind: formType, body: strings.Replace(all, "value=", "valve=", 1), want: "ERROR: no active call found - xyz\n"},
		"an array ends with an empty 500":             {kind: formType, body: all + "&agent_user[]=x", want: ""},
		"a broken escape stays":                       {kind: formType, body: all + "&stage=%zz+%41%", want: "ERROR: stage is not valid - %zz A%\n"},
		"dots and spaces in names become underscores": {kind: formType, body: all + "&agent.user=1999", want: "ERROR: agent_user is not logged in - 1999\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, vicitest.Config{Era: tt.era})
			if _, body := send(t, srv, tt.query, tt.kind, tt.body); body != tt.want {
				t.Errorf("got %q, want %q", body, tt.want)
			}
		})
	}
}

func TestMultipartFormIsAForm(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(usual); i += 2 {
		form.WriteField(usual[i], usual[i+1])
	}
	form.Close()
	if _, got := send(t, srv, "", form.FormDataContentType(), body.String()); got != hungup+"\n" {
		t.Errorf("got %q", got)
	}
	if _, got := send(t, srv, "", "multipart/form-data", body.String()); got != "ERROR: Invalid Source - \n" {
		t.Errorf("without a boundary got %q", got)
	}
}

func TestTooLargeABodyFillsNothing(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	body := encode(usual) + "&more=" + strings.Repeat("x", 8<<20)
	if _, got := send(t, srv, "", formType, body); got != "ERROR: Invalid Source - \n" {
		t.Errorf("got %q", got)
	}
}

func TestEachVersionStripsInItsOwnWay(t *testing.T) {
	t.Parallel()
	const both = "both"
	tests := map[string]struct {
		era      vicitest.Era
		nonLatin bool
		name     string
		value    string
		want     string
	}{
		"agent_user between spaces":             {both, false, "agent_user", " 10 28\n", hungup},
		"a password with characters to strip":   {both, false, "pass", "S3cret!!", hungup},
		"a password in another case":            {both, false, "pass", "s3CRET", hungup},
		"a call id in lower case is echoed so":  {both, false, "value", strings.ToLower(callID), strings.ReplaceAll(hungup, callID, strings.ToLower(callID))},
		"a pipe in value stays in 2.14":         {vicitest.Era214, false, "value", "V|1", "ERROR: no active call found - V|1"},
		"a pipe in value goes in 2.4":           {vicitest.Era24, false, "value", "V|1", "ERROR: no active call found - V1"},
		"an underscore in agent_user stays":     {vicitest.Era214, false, "agent_user", "ra_28", "ERROR: agent_user is not logged in - ra_28"},
		"an underscore in agent_user goes":      {vicitest.Era24, false, "agent_user", "ra_28", "ERROR: agent_user is not logged in - ra28"},
		"quotes leave stage in 2.14":            {vicitest.Era214, false, "stage", `C"H'E\C;K<b>`, "ERROR: stage is not valid - CHECK<b>"},
		"quotes stay in stage in 2.4":           {vicitest.Era24, false, "stage", `C"H<b>`, `ERROR: stage is not valid - C"H<b>`},
		"function is case-sensitive":            {both, false, "function", "RA_CALL_CONTROL", ""},
		"an accent leaves agent_user":           {vicitest.Era214, false, "agent_user", "10é28", hungup},
		"an accent stays with use_non_latin":    {vicitest.Era214, true, "agent_user", "10é28", "ERROR: agent_user is not logged in - 10é28"},
		"what is not UTF-8 is emptied":          {vicitest.Era214, true, "agent_user", "10\xe928", "ERROR: ra_call_control not valid - " + callID + "||HANGUP"},
		"2.4 with use_non_latin keeps all else": {vicitest.Era24, true, "agent_user", `1'0"2\8;+é`, "ERROR: agent_user is not logged in - 1028+é"},
		"a function with a dot becomes another": {both, false, "function", "ra_call.control", ""},
		"source keeps letters and digits only":  {both, false, "source", "z-_!", "ERROR: Invalid Source - z"},
	}
	for name, tt := range tests {
		eras := []vicitest.Era{tt.era}
		if tt.era == both {
			eras = []vicitest.Era{vicitest.Era214, vicitest.Era24}
		}
		for _, era := range eras {
			t.Run(name+"/"+string(era), func(t *testing.T) {
				t.Parallel()
				srv := start(t, vicitest.Config{Era: era, Settings: vicitest.Settings{NonLatin: tt.nonLatin}})
				if _, body := post(t, srv, form(tt.name, tt.value)); strings.TrimSuffix(body, "\n") != tt.want {
					t.Errorf("got %q, want %q", body, tt.want)
				}
			})
		}
	}
}

func TestStatusIsCutToItsColumn(t *testing.T) {
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

func TestRecordsNeverHoldThePassword(t *testing.T) {
	t.Parallel()
	srv := start(t, vicitest.Config{})
	body := strings.Replace(encode(usual), "pass=S3cret&", "", 1)
	body = strings.Replace(body, "value=", "valve=", 1) + "&pass=S3cret"
	if _, got := send(t, srv, "", formType, body); got != "ERROR: no active call found - S3cret\n" {
		t.Errorf("got %q", got)
	}
	request, row := srv.Requests()[0], srv.APILog()[0]
	if request.CallID != "[password]" || row.Value != "[password]" || !row.PasswordStored || !srv.PasswordStored() {
		t.Errorf("got %+v and %+v", request, row)
	}
	if !request.PasswordSent || !request.PasswordRight || request.PasswordInURL {
		t.Errorf("got %+v", request)
	}
}
