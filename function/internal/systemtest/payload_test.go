//go:build unix

package systemtest_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vicihook/function/internal/webhook"
	"vicihook/infra/local/stack"
)

func sourcesText(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "sources.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// twoReadings are payloads that two parsers could read differently; CALL is replaced by a live call's id.
var twoReadings = map[string]struct{ body, contentType string }{
	"a member given twice":                   {`{"call_id":"CALL","call_id":"CALL","agent_user":"1028"}`, "application/json"},
	"a member given twice by its escape":     {`{"call_id":"CALL","\u0063all_id":"x","agent_user":"1028"}`, "application/json"},
	"a member given twice deep inside":       {`{"call_id":"CALL","agent_user":"1028","a":[{"b":1,"b":2}]}`, "application/json"},
	"a second value after the first":         {`{"call_id":"CALL","agent_user":"1028"}{"call_id":"x"}`, "application/json"},
	"a bracket too many":                     {`{"call_id":"CALL","agent_user":"1028"}}`, "application/json"},
	"bytes that are no UTF-8":                {`{"call_id":"CALL","agent_user":"1028","text":"` + "\xff\"}", "application/octet-stream"},
	"JSON with a form behind it":             {`{"call_id":"x"}&call_id=CALL&agent_user=1028`, formType},
	"XML":                                    {`<call id="CALL" agent_user="1028"/>`, "application/xml"},
	"nothing":                                {``, "application/json"},
	"a form field given twice":               {`call_id=CALL&call_id=CALL&agent_user=1028`, formType},
	"a form field given twice by its escape": {`call_id=CALL&call%5Fid=x&agent_user=1028`, formType},
	"a form with a broken escape":            {`call_id=CALL&agent_user=1028&text=%4`, formType},
	"a form field that is no UTF-8":          {`call_id=CALL&agent_user=%FF`, formType},
	"a form with semicolons":                 {`call_id=CALL;agent_user=1028&agent_user=1028`, formType},
}

func TestAmbiguousPayloadsAreRefused(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, `{"crm": {"scheme": "generic-sha256-base64"}}`)})
	for name, c := range twoReadings {
		d := b.delivery(t, "crm", strings.ReplaceAll(c.body, "CALL", b.call))
		d.contentType = c.contentType
		if got := b.send(t, d); got.Outcome != "invalid_request" || got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
		d.sign(t, otherKey, time.Now())
		if got := b.send(t, d); got.Outcome != "unauthorized" || strings.Contains(got.body, "payload") {
			t.Errorf("%s, by a stranger: got %s", name, got.body)
		}
	}
	if n := b.VICIdial.Count(""); n != 0 {
		t.Errorf("%d requests reached VICIdial", n)
	}
}

// oneReading are payloads with one reading, whatever their content type.
var oneReading = map[string]string{
	"JSON":                        `{"call_id":"CALL","agent_user":"1028"}`,
	"JSON with blanks around it":  " \r\n{\"call_id\":\"CALL\",\"agent_user\":\"1028\"}\n",
	"a byte order mark":           "\ufeff" + `{"call_id":"CALL","agent_user":"1028"}`,
	"half a surrogate pair":       `{"call_id":"CALL","agent_user":"1028","text":"\ud83d"}`,
	"JSON with a form in a text":  `{"call_id":"CALL","agent_user":"1028","comment":"&call_id=V1&agent_user=1099&"}`,
	"a number with a zero behind": `{"call_id":"CALL","agent_user":1028.0}`,
	"blanks around the values":    `{"call_id":" CALL\u00a0","agent_user":"1028\r\n"}`,
	"a form":                      `call_id=CALL&agent_user=1028`,
	"a form after a mark":         "\ufeffcall_id=CALL&agent_user=1028",
	"a form with a field twice":   `To=1&call_id=CALL&agent_user=1028&To=2`,
	"a form with bytes not read":  `call_id=CALL&agent_user=1028&text=%FF`,
}

func TestContentTypeHeaderIsIgnored(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{SourcesFile: sourcesText(t, `{"crm": {"scheme": "generic-sha256-base64"}}`)})
	for name, body := range oneReading {
		for _, contentType := range []string{"application/json", formType, "text/plain"} {
			call := b.addCallFor("")
			d := b.delivery(t, "crm", strings.ReplaceAll(body, "CALL", call))
			d.contentType = contentType
			got := b.send(t, d)
			if got.Outcome != "hungup" {
				t.Errorf("%s as %s: got %d %s", name, contentType, got.status, got.body)
			}
			b.checkCall(t, call, got.Outcome)
		}
	}
}

func TestAWrongSourceDisablesItselfAlone(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{
		SourcesFile: sourcesText(t, `{"crm": {"scheme": "generic-sha256-base64"}, "bad": {"scheme": "generic-sha256-base64", "when": ".."}}`),
		Keys:        map[string]string{"crm": someKey, "bad": otherKey},
	})
	call := b.addCallFor("")
	got := b.send(t, b.delivery(t, "crm", b.naming("")))
	if got.Outcome != "hungup" {
		t.Errorf("got %s", got.body)
	}
	b.checkCall(t, call, got.Outcome)
	if got := b.send(t, b.delivery(t, "bad", b.naming(""))); got.Outcome != "misconfigured" || got.status != http.StatusInternalServerError {
		t.Errorf("got %d %s", got.status, got.body)
	}
	log := strings.Join(b.Logs(), "\n")
	if n := strings.Count(log, `"level":"ERROR","message":"a source is disabled by its entry in sources.json"`); n != 1 || !strings.Contains(log, "jq `..` is not allowed") {
		t.Errorf("%d lines tell the fault:\n%s", n, log)
	}
}

func TestUnsignedSendersAreLogged(t *testing.T) {
	t.Parallel()
	b := newFixture(t, stack.Config{
		SourcesFile: sourcesText(t, `{
			"signed": {"scheme": "github"},
			"token": {"scheme": {"kind": "token", "header": ["X-Token"]}, "accept_unsigned": true},
			"bearer": {"scheme": {"kind": "token", "header": ["Authorization"], "prefix": "Bearer "}, "accept_unsigned": true},
			"basic": {"scheme": {"kind": "basic"}, "accept_unsigned": true}
		}`),
		Keys: map[string]string{"signed": someKey, "token": someKey, "bearer": someKey, "basic": "crm:" + someKey},
	})
	for _, name := range b.sources.Names() {
		call, want := b.addCallFor(""), `"signed":false`
		if name == "signed" {
			want = `"signed":true`
		}
		got := b.send(t, b.delivery(t, name, b.naming("")))
		if got.Outcome != "hungup" || !strings.Contains(b.lastLine(), want) || strings.Contains(b.lastLine(), someKey) {
			t.Errorf("%s: got %s; the log line must have %s and no key: %s", name, got.body, want, b.lastLine())
		}
		b.checkCall(t, call, got.Outcome)
	}
	reached := b.VICIdial.Count("")
	for name, header := range notTheToken {
		d := b.delivery(t, strings.Fields(name)[0], b.naming(""))
		d.header, d.query = header, "?token="+someKey+"&x-token="+someKey
		if got := b.send(t, d); got.Outcome != "unauthorized" || strings.Contains(b.lastLine(), `"signed"`) {
			t.Errorf("%s: got %s; %s", name, got.body, b.lastLine())
		}
	}
	if n := b.VICIdial.Count(""); n != reached {
		t.Errorf("%d requests of strangers reached VICIdial", n-reached)
	}
}

// notTheToken are headers without the right token, by source. The query has the key.
var notTheToken = map[string]webhook.Header{
	"token in the query only":   {},
	"token that is another":     {"x-token": {otherKey}},
	"token that is empty":       {"x-token": {""}},
	"token that is longer":      {"x-token": {someKey + "0"}},
	"token given twice":         {"x-token": {someKey, someKey}},
	"bearer without its prefix": {"authorization": {someKey}},
	"basic with another user":   {"authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("cro:"+someKey))}},
	"basic that is no base64":   {"authorization": {"Basic crm:" + someKey}},
}
