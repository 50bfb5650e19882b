package diagnosis

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// Between these a time is one that somebody means.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

var unitNames = map[string]string{"s": "seconds", "ms": "milliseconds", "rfc3339": "RFC 3339"}

// signedAt is the time that the request names, read in the scheme's unit; zero when it names none.
func (a attempt) signedAt() time.Time {
	text, _ := a.timeText()
	return readTime(text, a.scheme.TSUnit)
}

func readTime(text, unit string) time.Time {
	if unit == "rfc3339" {
		at, _ := time.Parse(time.RFC3339, text) // zero when it is none
		return at
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return time.Time{}
	case unit == "ms":
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// plausible is false for a time that only a wrong unit can give.
func (a attempt) plausible() bool {
	at := a.signedAt()
	return at.IsZero() || at.After(earliest) && at.Before(latest)
}

// timeText is the time as sent, and how to send another.
func (a attempt) timeText() (text string, rewrite func(*attempt, string) bool) {
	switch {
	case len(a.scheme.TSHeader) > 0:
		name, value := a.value(a.scheme.TSHeader)
		return value, func(a *attempt, text string) bool { return a.set(name, text) }
	case a.scheme.KVTS != "":
		name, value := a.value(a.scheme.Header)
		for pair := range strings.SplitSeq(value, a.scheme.Sep) {
			if key, text, _ := strings.Cut(pair, "="); key == a.scheme.KVTS {
				return text, func(a *attempt, text string) bool {
					return a.set(name, strings.Replace(value, pair, key+"="+text, 1))
				}
			}
		}
	case a.scheme.TSJSON != "":
		members := map[string]json.RawMessage{}
		_ = json.Unmarshal(a.request.Body, &members) // no object, no time
		return string(members[a.scheme.TSJSON]), nil
	}
	return "", nil
}

// timeChanges are the ways in which the time differs from what the scheme expects.
func timeChanges(start attempt) (changes dimension) {
	text, rewrite := start.timeText()
	if text != "" {
		changes = append(changes, unitChanges(start.scheme, text)...)
	}
	if text != "" && rewrite != nil {
		changes = append(changes, rewrittenTimes(text, rewrite)...)
	}
	if len(start.scheme.TSHeader) > 0 {
		changes = append(changes, movedTimes(start)...)
	}
	return changes
}

// unitChanges read the time in a unit that the scheme does not have.
func unitChanges(scheme webhook.Scheme, text string) (changes dimension) {
	for _, unit := range []string{"s", "ms", "rfc3339"} {
		at := readTime(text, unit)
		if unit == scheme.TSUnit || at.Before(earliest) || at.After(latest) {
			continue
		}
		changes = append(changes, change{
			cause: "time-unit",
			what:  fmt.Sprintf("the time is sent in %s, and the scheme wants %s", unitNames[unit], unitNames[scheme.TSUnit]),
			mend:  fmt.Sprintf(`let the sender send and sign %s, or set "ts_unit": %q in a scheme of the source's own`, unitNames[scheme.TSUnit], unit),
			undo:  func(a *attempt) bool { a.scheme.TSUnit = unit; return true },
		})
	}
	return changes
}

// rewrittenTimes undo what was done to the text of the time after it was signed.
func rewrittenTimes(text string, rewrite func(*attempt, string) bool) (changes dimension) {
	for _, other := range otherTimes(text) {
		changes = append(changes, change{
			cause: "time-rewritten",
			what:  fmt.Sprintf("the time was signed in %s, and is sent in another form", unitNames[other.unit]),
			mend:  "sign the very text that is sent as the time: format it once and use it twice",
			undo: func(a *attempt) bool {
				a.scheme.TSUnit = other.unit
				return rewrite(a, other.text)
			},
		})
	}
	return changes
}

type writtenTime struct{ text, unit string }

// otherTimes writes the same time in the other ways that senders have.
func otherTimes(text string) (others []writtenTime) {
	for _, layout := range []string{time.RFC3339Nano, http.TimeFormat} {
		if at, err := time.Parse(layout, text); err == nil {
			others = append(others, writtenTime{strconv.FormatInt(at.Unix(), 10), "s"}, writtenTime{strconv.FormatInt(at.UnixMilli(), 10), "ms"},
				writtenTime{at.UTC().Format(time.RFC3339), "rfc3339"})
		}
	}
	whole, _, _ := strings.Cut(text, ".")
	for _, unit := range []string{"s", "ms"} {
		if at := readTime(strings.TrimSpace(whole), unit); at.After(earliest) && at.Before(latest) {
			others = append(others, writtenTime{strconv.FormatInt(at.Unix(), 10), "s"}, writtenTime{strconv.FormatInt(at.UnixMilli(), 10), "ms"},
				writtenTime{at.UTC().Format(time.RFC3339), "rfc3339"})
		}
	}
	return others
}

// movedTimes look for the time under another header's name.
func movedTimes(start attempt) (changes dimension) {
	for _, name := range (Case{Request: start.request}).headerNames() {
		_, value := start.value([]string{name})
		for _, unit := range []string{"s", "ms", "rfc3339"} {
			if at := readTime(value, unit); at.Before(earliest) || at.After(latest) {
				continue
			}
			changes = append(changes, change{
				cause: "time-header",
				what:  fmt.Sprintf("the time that was signed came in the header %s, and the scheme looks in %s", name, strings.Join(start.scheme.TSHeader, ", ")),
				mend:  fmt.Sprintf(`let the sender use the header %s, or set "ts_header": [%q] in a scheme of the source's own`, start.scheme.TSHeader[0], name),
				undo: func(a *attempt) bool {
					a.scheme.TSHeader, a.scheme.TSUnit = []string{name}, unit
					return true
				},
			})
		}
	}
	return changes
}
