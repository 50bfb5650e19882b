package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// zendeskTestKey is the static key that Zendesk documents for tests of webhooks that are not saved yet.
const zendeskTestKey = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

// keyChanges are the ways in which sender and receiver read one key as two.
func keyChanges(start attempt) (all changes) {
	pastedKeys(start.key, &all)
	secretMembers(start.key, &all)
	senderBlanks(start.key, &all)
	keyForms(start.key, &all)
	all.add("published-key", "the request is signed with Zendesk's published test key, not with this one",
		"save the webhook in Zendesk before testing it: only then it signs with its own key; never accept the published one",
		func(a *attempt) bool {
			differs := !strings.HasPrefix(a.key, strings.TrimRight(zendeskTestKey, "="))
			a.key = zendeskTestKey
			return differs
		})
	return all
}

func useKey(text string) func(*attempt) bool {
	return func(a *attempt) bool {
		differs := text != a.key && text != ""
		a.key = text
		return differs
	}
}

// useBytes makes the key exactly these bytes, whatever the scheme's form of writing.
func useBytes(key []byte) func(*attempt) bool {
	return func(a *attempt) bool {
		a.key, a.scheme.Secret, a.scheme.SecretPrefix = string(key)+"\n", "raw", ""
		return len(key) > 0
	}
}

// pastedKeys remove what came along when the key was copied to this side.
func pastedKeys(key string, all *changes) {
	all.add("key-blanks", "the key here has blanks around it, and the sender's has none", "store the key again without them; a line end is fine, blanks are not",
		useKey(strings.TrimSpace(key)))
	all.add("key-quotes", "the key here is in quotes, and the sender's is not", "store the key again without the quotes",
		useKey(strings.Trim(strings.TrimSpace(key), `"'`)))
	all.add("key-bom", "the key here begins with a byte order mark, as some editors write one", "store the key again as plain UTF-8",
		useKey(strings.TrimPrefix(key, "\ufeff")))
}

// secretMembers are for the whole secret given in place of one key.
func secretMembers(key string, all *changes) {
	var secret map[string]any
	if json.Unmarshal([]byte(key), &secret) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(secret)) {
		list, _ := secret[name].([]any)
		for _, value := range append(list, secret[name]) {
			if text, ok := value.(string); ok {
				all.add("key-secret-json", "the key given here is a whole secret; its member "+printable(name)+" is the key", "give the value of "+printable(name)+" alone", useKey(text))
			}
		}
	}
}

// senderBlanks add what the sender's side has around the key.
func senderBlanks(key string, all *changes) {
	line := strings.TrimRight(key, "\r\n")
	for _, damaged := range []string{line + "\n", line + "\r\n", line + " ", " " + line} {
		all.add("key-sender-blanks", "the sender signs with a blank or a line end beside the key",
			"give the sender the key again without it: printf %s instead of echo, no line end in its configuration",
			func(a *attempt) bool { a.key = damaged + "\n"; return a.readsText() })
		all.add("key-sender-blanks", "the sender signs with the key's text undecoded, and with a blank or a line end beside it",
			"give the sender the key again without it, and let it decode the key",
			func(a *attempt) bool { return !a.readsText() && useBytes([]byte(damaged))(a) })
	}
}

func (a attempt) readsText() bool { return a.scheme.Secret == "" || a.scheme.Secret == "raw" }

// keyForms read the key's text in the other forms.
func keyForms(key string, all *changes) {
	add := func(form, remedy string, key []byte) {
		all.add("key-form", "the sender uses "+form, remedy, useBytes(key))
	}
	own := func(form string) string {
		return `let the sender read the key as its scheme says, or set "secret": "` + form + `" in a scheme of the source's own`
	}
	const same = "give both sides the same text"
	line := strings.TrimRight(key, "\r\n")
	bare := strings.TrimPrefix(line, "whsec_")
	add("the key's text as it is, without decoding it", own("raw"), []byte(line))
	if bare != line {
		add("the key's text without whsec_, and without decoding it", own("raw"), []byte(bare))
	}
	add("the key with whsec_ before it", same+": with whsec_ or without", []byte("whsec_"+bare))
	if decoded, err := hex.DecodeString(bare); err == nil {
		add("the key decoded from hex", own("hex"), decoded)
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(bare, "="))
	if decoded, err := base64.RawStdEncoding.DecodeString(standard); err == nil {
		add("the key decoded from base64", own("base64"), decoded)
	}
	add("the key in lower case", same, []byte(strings.ToLower(line)))
	add("the key in upper case", same, []byte(strings.ToUpper(line)))
}
