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
func keyChanges(start attempt) dimension {
	return slices.Concat(cleanedKeys(start.key), endedKeys(start.key), readKeys(start), publishedKeys(start))
}

func keyText(text string) func(*attempt) bool {
	return func(a *attempt) bool {
		differs := text != a.key && text != ""
		a.key = text
		return differs
	}
}

// keyBytes makes the key exactly these bytes, whatever the scheme's form of writing.
func keyBytes(key []byte) func(*attempt) bool {
	return func(a *attempt) bool {
		a.key, a.scheme.Secret, a.scheme.SecretPrefix = string(key)+"\n", "raw", ""
		return len(key) > 0
	}
}

// cleanedKeys take off what came along when the key was copied to this side.
func cleanedKeys(key string) dimension {
	line := strings.TrimRight(key, "\r\n")
	changes := dimension{
		{
			cause: "key-blanks",
			what:  "the key here has blanks around it, and the sender's has none",
			mend:  "store the key again without them; a line end is fine, blanks are not",
			undo:  keyText(strings.TrimSpace(key)),
		},
		{
			cause: "key-quotes",
			what:  "the key here stands in quotes, which the sender's does not",
			mend:  "store the key again without the quotes",
			undo:  keyText(strings.Trim(strings.TrimSpace(line), `"'`)),
		},
		{
			cause: "key-bom",
			what:  "the key here begins with a byte order mark, as some editors write one",
			mend:  "store the key again as plain UTF-8",
			undo:  keyText(strings.TrimPrefix(key, "\ufeff")),
		},
	}
	var secret map[string]any
	if json.Unmarshal([]byte(key), &secret) == nil {
		for _, name := range slices.Sorted(maps.Keys(secret)) {
			for _, value := range append(listOf(secret[name]), secret[name]) {
				if text, ok := value.(string); ok {
					changes = append(changes, change{
						cause: "key-secret-json",
						what:  "the key given here is a whole secret; its member " + name + " is the key",
						mend:  "give the value of " + name + " alone",
						undo:  keyText(text),
					})
				}
			}
		}
	}
	return changes
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// endedKeys put on what the sender's side has around the key.
func endedKeys(key string) (changes dimension) {
	line := strings.TrimRight(key, "\r\n")
	for _, damaged := range []string{line + "\n", line + "\r\n", line + " ", " " + line} {
		changes = append(changes, change{
			cause: "key-sender-blanks",
			what:  "the sender signs with a blank or a line end beside the key",
			mend:  "give the sender the key again without it: printf %s instead of echo, no line end in its configuration",
			undo: func(a *attempt) bool {
				raw := a.scheme.Secret == "" || a.scheme.Secret == "raw"
				a.key = damaged + "\n"
				return raw
			},
		}, change{
			cause: "key-sender-blanks",
			what:  "the sender signs with the key's text undecoded, and with a blank or a line end beside it",
			mend:  "give the sender the key again without it, and let it decode the key",
			undo: func(a *attempt) bool {
				raw := a.scheme.Secret == "" || a.scheme.Secret == "raw"
				return keyBytes([]byte(damaged))(a) && !raw
			},
		})
	}
	return changes
}

// readKeys read the key's text in the other forms.
func readKeys(start attempt) (changes dimension) {
	line := strings.TrimRight(start.key, "\r\n")
	add := func(form, mend string, key []byte) {
		changes = append(changes, change{
			cause: "key-form",
			what:  "the sender uses " + form,
			mend:  mend,
			undo:  keyBytes(key),
		})
	}
	own := func(form string) string {
		return "let the sender read the key as its scheme says, or set \"secret\": \"" + form + "\" in a scheme of the source's own"
	}
	bare := strings.TrimPrefix(line, "whsec_")
	add("the key's text as it stands, without decoding it", own("raw"), []byte(line))
	if bare != line {
		add("the key's text without whsec_, and without decoding it", own("raw"), []byte(bare))
	}
	add("the key with whsec_ before it", "give both sides the same text: with whsec_ or without", []byte("whsec_"+bare))
	if decoded, err := hex.DecodeString(bare); err == nil {
		add("the key decoded from hex", own("hex"), decoded)
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(bare, "="))
	if decoded, err := base64.RawStdEncoding.DecodeString(standard); err == nil {
		add("the key decoded from base64", own("base64"), decoded)
	}
	add("the key in lower case", "give both sides the same text", []byte(strings.ToLower(line)))
	add("the key in upper case", "give both sides the same text", []byte(strings.ToUpper(line)))
	return changes
}

func publishedKeys(attempt) dimension {
	return dimension{{
		cause: "published-key",
		what:  "the request is signed with Zendesk's published test key, not with this one",
		mend:  "save the webhook in Zendesk before testing it: only then it signs with its own key; never accept the published one",
		undo: func(a *attempt) bool {
			differs := !strings.HasPrefix(a.key, strings.TrimRight(zendeskTestKey, "="))
			a.key = zendeskTestKey
			return differs
		},
	}}
}
