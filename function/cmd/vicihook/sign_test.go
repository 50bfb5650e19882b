package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"vicihook/function/internal/webhook"
)

const signCall = "sign --call-id " + callID + " --agent-user 1028 "

func TestSignHeadersVerify(t *testing.T) {
	t.Parallel()
	for _, scheme := range webhook.PresetNames() {
		body := `{"webhookTimestamp":1790000000000}` // one scheme looks for its time there
		env := map[string]string{"VICIHOOK_KEY": "6c397850713026d5565377546e32735776596238"}
		signed := vicihook(t, call{
			args:  args("sign --at 1790000000 --url https://hooks.example.com --body - --scheme " + scheme),
			env:   env,
			stdin: body,
		})
		if signed.status != statusOK || !strings.Contains(signed.stdout, "Content-Type: application/json\n") {
			t.Errorf("%s: got %+v", scheme, signed)
			continue
		}
		r := vicihook(t, call{
			args:  args("verify --at 1790000000 --url https://hooks.example.com/webhooks/crm --scheme "+scheme, "--body", file(t, "body", body)),
			env:   env,
			stdin: signed.stdout,
		})
		if r.status != statusOK && scheme != "twilio" { // which puts the body's hash into the URL
			t.Errorf("%s: %s\n%+v", scheme, signed.stdout, r)
		}
	}
}

func TestSignShowsThePayloadOfItsFlags(t *testing.T) {
	t.Parallel()
	signed := vicihook(t, call{args: args(signCall+"--ref", "T-1\u00a0ü")})
	payload, ok := strings.CutPrefix(strings.TrimSuffix(signed.stderr, "\n"), "payload   ")
	r := vicihook(t, call{args: args("verify --body", file(t, "body", payload)), stdin: signed.stdout})
	if !ok || r.status != statusOK {
		t.Errorf("%+v\n%+v", signed, r)
	}
}

func TestSignEventsVerify(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"http", "rest", "url"} {
		for _, more := range []string{"", "--content-type application/octet-stream", "--source desk"} {
			event := vicihook(t, call{args: args(signCall + more + " --event " + shape)})
			if event.status != statusOK || jsonOf(t, []byte(event.stdout)) == nil {
				t.Fatalf("%s: got %+v", shape, event)
			}
			for _, command := range []string{"verify", "explain"} {
				if r := vicihook(t, call{args: args(command), stdin: event.stdout}); r.status != statusOK || r.stderr != "" {
					t.Errorf("%s %s %s: got %+v", command, shape, more, r)
				}
			}
		}
	}
}

func TestSignEventFile(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"http", "rest", "url"} {
		stale := vicihook(t, call{args: args(signCall + "--at 1700000000 --event " + shape)})
		if r := vicihook(t, call{args: args("verify --at 1790000000"), stdin: stale.stdout}); r.status != statusFailed {
			t.Errorf("%s: the sample is not stale: %+v", shape, r)
		}
		fresh := vicihook(t, call{args: args("sign --at 1790000000 --event-file -"), stdin: stale.stdout})
		if r := vicihook(t, call{args: args("verify"), stdin: fresh.stdout}); r.status != statusOK {
			t.Errorf("%s: the fresh event does not verify: %+v\n%s", shape, r, fresh.stdout)
		}
		if a, b := withoutSignature(t, stale.stdout), withoutSignature(t, fresh.stdout); a != b {
			t.Errorf("%s: more than the signature changed:\n%s\n%s", shape, a, b)
		}
	}
}

// withoutSignature blanks what a fresh signature changes.
func withoutSignature(t *testing.T, text string) string {
	t.Helper()
	event := jsonOf(t, []byte(text))
	place := event["requestContext"].(map[string]any)
	for _, name := range []string{"timeEpoch", "requestTimeEpoch"} {
		if place[name] != nil {
			place[name] = 0
		}
	}
	for _, name := range []string{"headers", "multiValueHeaders"} {
		for _, signed := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			setHeader(event[name], signed, "…")
		}
	}
	rest, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

func TestSignPayloadWithoutACallID(t *testing.T) {
	t.Parallel()
	desk := file(t, "sources.json", `{"desk": {"scheme": "github", "phone": ".caller.phone", "lead_id": ".lead"}}`)
	env := map[string]string{"VICIHOOK_CALL_ID": callID, "VICIHOOK_KEY": zendeskKey}
	r := vicihook(t, call{args: args("sign --source desk --event http --agent 1028 --phone 3125551212 --lead 402027 --sources " + desk), env: env})
	body, _ := jsonOf(t, []byte(r.stdout))["body"].(string)
	want := map[string]any{"agent_user": "1028", "caller": map[string]any{"phone": "3125551212"}, "lead": "402027"}
	if r.status != statusOK || !reflect.DeepEqual(jsonOf(t, []byte(body)), want) {
		t.Errorf("got %+v, want the body %v", r, want)
	}
	unread := vicihook(t, call{args: args("sign --source desk --vendor-lead-code T-1 --sources " + desk), env: env})
	if unread.status != statusUsage || !strings.Contains(unread.stderr, "--vendor-lead-code: this source does not read it") {
		t.Errorf("got %+v", unread)
	}
}
