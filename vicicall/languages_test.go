package vicicall_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"vicihook/vicicall"
)

// languageLines are the lines of ra_call_control with the data after the words, and the outcome to recognise in every
// language. An empty outcome: the message names another language.
var languageLines = []struct {
	word, reason, data string
	want               vicicall.Outcome
}{
	{"ERROR", "Invalid Username/Password", ": |6666|S3cret|0|1|BAD|0|api|SELECT 1;|", vicicall.CredentialsRejected},
	{"ERROR", "Invalid Username/Password", ": |6666|S3cret|1|0|GOOD|", vicicall.APIAccessDenied},
	{"ERROR", "Invalid Username/Password", ": |6666|S3cret|0|1|LOCK|", vicicall.LockedOut},
	{"ERROR", "Invalid Username/Password", ": |6666|S3cret|0|1|IPBLOCK|", vicicall.IPBlocked},
	{"ERROR", "Invalid Username/Password", ": |6666|S3cret|0|1|ERRSERVERS|", vicicall.NoActiveServer},
	{"ERROR", "no active call found", " - " + callID, vicicall.NoActiveCall},
	{"ERROR", "agent_user is not logged in", " - " + agent, vicicall.AgentNotLoggedIn},
	{"SUCCESS", "ra_call_control hungup", " - " + agent + "|" + callID + "|HANGUP", ""},
	{"SUCCESS", "ra_call_control transfer", " - " + agent + "|" + callID + "|", ""},
	{"ERROR", "stage is not valid", " - CHECK", ""},
	{"ERROR", "ra_call_control not valid", " - |" + agent + "|HANGUP", ""},
	{"ERROR", "phone_number is not valid", " - ", ""},
	{"ERROR", "ingroup is not valid", " - ---NONE---", ""},
	{"ERROR", "Invalid Source", " - vhcrm", ""},
	{"ERROR", "auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", " - " + callID + "|6666|ra_call_control|APIGRP", ""},
	{"ERROR", "System API NOT ACTIVE", "", ""},
}

// The words of each language that VICIdial ships, as far as they are public: testdata/languages.json.
func TestParseReplyInEveryLanguage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/languages.json")
	if err != nil {
		t.Fatal(err)
	}
	var languages map[string]map[string]string
	if err := json.Unmarshal(text, &languages); err != nil || len(languages) != 22 {
		t.Fatalf("%d languages, %v", len(languages), err)
	}
	for _, name := range slices.Sorted(maps.Keys(languages)) {
		in := func(english string) string {
			if own := languages[name][english]; own != "" {
				return own
			}
			return english
		}
		for _, line := range languageLines {
			body := in(line.word) + ": " + in(line.reason) + line.data + "\n"
			r := vicicall.ParseReply(200, []byte(body), callID, agent)
			english := in(line.word) == line.word && in(line.reason) == line.reason
			switch {
			case line.want != "":
				if r.Outcome != line.want || r.Doubtful {
					t.Errorf("%s: %q: %+v, want %s", name, body, r, line.want)
				}
			case english:
			case r.Outcome != vicicall.UnexpectedReply || r.Listed || !strings.Contains(r.Message, "language"):
				t.Errorf("%s: %q: %+v, want unexpected_reply that names the language", name, body, r)
			}
			if strings.Contains(r.Line+r.Message, "S3cret") || strings.Contains(r.Line+r.Message, "6666") {
				t.Errorf("%s: %q: an echo shows in %+v", name, body, r)
			}
		}
	}
}
