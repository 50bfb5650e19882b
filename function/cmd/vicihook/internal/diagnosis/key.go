package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// keyTexts are damages to the key's text on this side.
var keyTexts = []damage{
	{"key-blanks", "the key here has blanks around it, and the sender's has none",
		"store the key again without them; a line end is fine, blanks are not",
		func(key string) []string { return []string{strings.TrimSpace(key)} }},
	{"key-quotes", "the key here is in quotes, and the sender's is not", "store the key again without the quotes",
		func(key string) []string { return []string{strings.Trim(strings.TrimSpace(key), `"'`)} }},
	{"key-bom", "the key here begins with a byte order mark, as some editors write one", "store the key again as plain UTF-8",
		func(key string) []string { return []string{strings.TrimPrefix(key, "\ufeff")} }},
	{"published-key", "the request is signed with the test key that Zendesk publishes, not with this one",
		"save the webhook in Zendesk before testing it: only then it signs with its own key; never accept the published one",
		func(string) []string { return []string{"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="} }},
}

// keyBytes are what a sender may make of the key's text, other than its scheme says.
var keyBytes = []damage{
	{"key-sender-blanks", "the sender signs with a blank or a line end beside the key's text",
		"give the sender the key again without it: printf %s instead of echo, no line end in its configuration",
		func(key string) []string { return []string{key + "\n", key + "\r\n", key + " ", " " + key} }},
	{"key-form", "the sender uses the key's text as it is, without decoding it", ownScheme(`"secret": "raw"`),
		func(key string) []string { return []string{key} }},
	{"key-form", "the sender uses the key's text without whsec_, and without decoding it", ownScheme(`"secret": "raw"`),
		func(key string) []string { return []string{bare(key)} }},
	{"key-form", "the sender uses the key with whsec_ before it", "give both sides the same text: with whsec_ or without",
		func(key string) []string { return []string{"whsec_" + bare(key)} }},
	{"key-form", "the sender uses the key decoded from hex", ownScheme(`"secret": "hex"`), func(key string) []string {
		decoded, _ := hex.DecodeString(bare(key))
		return []string{string(decoded)}
	}},
	{"key-form", "the sender uses the key decoded from base64", ownScheme(`"secret": "base64"`), func(key string) []string {
		decoded, _ := base64.StdEncoding.DecodeString(standardBase64(bare(key)))
		return []string{string(decoded)}
	}},
}

// keyChanges lists the keys that the sender may have used in place of this one.
func keyChanges(start Case) []change {
	useText := func(c *Case, key string) bool { c.Key = key; return key != start.Key }
	useBytes := func(c *Case, key string) bool {
		c.Key, c.Scheme.Secret, c.Scheme.SecretPrefix = key+"\n", "raw", ""
		return true
	}
	line := strings.TrimRight(start.Key, "\r\n")
	return append(changesOf(keyTexts, start.Key, useText), changesOf(keyBytes, line, useBytes)...)
}

func bare(key string) string { return strings.TrimPrefix(key, "whsec_") }
