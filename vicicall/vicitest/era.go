package vicitest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// An Era is one VICIdial version whose agent API is computed; other versions are staged, see [Observed].
type Era string

// The computed versions.
const (
	Era214 Era = "2.14-82" // January 2025
	Era24  Era = "2.4-17"  // November 2010
)

// rules are what one era does in its own way. The comments name the version that brought each.
type rules struct {
	build       string
	accounts    bool // 2.8-32: level, active flag and lockout are looked at; a refusal says why
	debugGuard  bool // 2.14-72: DB=1 needs allow_web_debug
	permissions bool // 2.12-47: api_allowed_functions
	translates  bool // 2.10-42: words pass through the user's language
	logsURLs    bool // 2.14-54: vicidial_api_urls, and with it a POST without value acts on its last field
	logsLength  bool // 2.14-68: vicidial_closer_log gets the call's length
	ring        bool // 2.4-18: ring_callerid is cleared
	teapot      bool // 2.14-57: HTTP 418
	clean       cleaners
	cleanUTF8   cleaners // with system setting use_non_latin
}

// cleaners hold what a parameter loses before anything looks at it; a parameter without one loses nothing.
type cleaners map[string]func(string) string

func rulesOf(e Era) rules {
	if e == Era24 {
		return rules{build: "101123-1050", clean: cleaners24(), cleanUTF8: cleaners24UTF8()}
	}
	return rules{
		build: "250122-1010", accounts: true, debugGuard: true, permissions: true, translates: true,
		logsURLs: true, logsLength: true, ring: true, teapot: true,
		clean: cleaners214(keep), cleanUTF8: cleaners214(keepUTF8),
	}
}

func cleaners214(keep func(string) func(string) string) cleaners {
	word, alnum, quotes := keep("-_0-9A-Za-z"), keep("0-9A-Za-z"), drop(`'"\\;`)
	return cleaners{
		"user": word, "agent_user": word, "function": word, "status": word,
		"pass": keep("-.+/=_0-9A-Za-z"), "value": keep("-|_0-9A-Za-z"),
		"source": alnum, "format": alnum, "stage": quotes,
		"phone_number": keep("*#0-9A-Za-z"), "ingroup_choices": plusAsSpace(keep("- _0-9A-Za-z")),
	}
}

func cleaners24() cleaners {
	word, alnum := keep("-_0-9A-Za-z"), keep("0-9A-Za-z")
	return cleaners{
		"user": alnum, "pass": alnum, "agent_user": alnum, "source": alnum, "format": alnum,
		"function": word, "value": word, "phone_number": keep("0-9"),
		"ingroup_choices": plusAsSpace(keep(" -_0-9A-Za-z")), // a misplaced dash: the range from space to underscore
	}
}

func cleaners24UTF8() cleaners {
	quotes := drop(`'"\\;`)
	return cleaners{"user": quotes, "pass": quotes, "agent_user": quotes, "source": quotes}
}

// keep returns a cleaner that deletes every byte outside the set.
func keep(set string) func(string) string {
	return drop("^" + set)
}

// keepUTF8 is keep with all the world's letters. A text that is not UTF-8 is emptied, as PCRE does.
func keepUTF8(set string) func(string) string {
	clean := drop("^" + strings.Replace(set, "A-Za-z", `\p{L}`, 1))
	return func(s string) string {
		if !utf8.ValidString(s) {
			return ""
		}
		return clean(s)
	}
}

func drop(set string) func(string) string {
	pattern := regexp.MustCompile("[" + set + "]")
	return func(s string) string { return pattern.ReplaceAllString(s, "") }
}

func plusAsSpace(next func(string) string) func(string) string {
	return func(s string) string { return next(strings.ReplaceAll(s, "+", " ")) }
}
