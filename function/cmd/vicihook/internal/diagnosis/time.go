package diagnosis

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var units = []string{"s", "ms", "rfc3339"}

var unitNames = map[string]string{"s": "seconds", "ms": "milliseconds", "rfc3339": "RFC 3339"}

// likely reports whether somebody may mean this time. A wrong unit is off by decades.
func likely(at time.Time) bool { return at.Year() >= 2000 && at.Year() < 2100 }

// signedAt returns the time that the request names, read in the scheme's unit; zero when it names none.
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

// plausible reports whether the request names no time, or a likely one.
func (a attempt) plausible() bool {
	at := a.signedAt()
	return at.IsZero() || likely(at)
}

// timeText returns the time as sent, and a function that replaces it; nil where it can't be replaced.
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
func timeChanges(start attempt) (all changes) {
	text, rewrite := start.timeText()
	for _, unit := range units {
		if unit != start.scheme.TSUnit && likely(readTime(text, unit)) {
			all.add("time-unit", fmt.Sprintf("the time is sent in %s, and the scheme wants %s", unitNames[unit], unitNames[start.scheme.TSUnit]),
				fmt.Sprintf(`let the sender send and sign %s, or set "ts_unit": %q in a scheme of the source's own`, unitNames[start.scheme.TSUnit], unit),
				func(a *attempt) bool { a.scheme.TSUnit = unit; return true })
		}
	}
	if rewrite != nil {
		for _, at := range likelyTimes(text) {
			for _, unit := range units {
				all.add("time-rewritten", fmt.Sprintf("the time was signed in %s, and is sent in another form", unitNames[unit]),
					"sign the very text that is sent as the time: format it once and use it twice",
					func(a *attempt) bool { a.scheme.TSUnit = unit; return rewrite(a, writeTime(at, unit)) })
			}
		}
	}
	if len(start.scheme.TSHeader) > 0 {
		movedTimes(start, &all)
	}
	return all
}

// likelyTimes reads the text in every form that senders write, whole seconds of a fraction too.
func likelyTimes(text string) (times []time.Time) {
	for _, layout := range []string{time.RFC3339Nano, http.TimeFormat} {
		if at, err := time.Parse(layout, text); err == nil {
			times = append(times, at)
		}
	}
	whole, _, _ := strings.Cut(text, ".")
	for _, unit := range []string{"s", "ms"} {
		if at := readTime(strings.TrimSpace(whole), unit); likely(at) {
			times = append(times, at)
		}
	}
	return times
}

func writeTime(at time.Time, unit string) string {
	switch unit {
	case "s":
		return strconv.FormatInt(at.Unix(), 10)
	case "ms":
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return at.UTC().Format(time.RFC3339)
}

// movedTimes look for the time under another header's name.
func movedTimes(start attempt, all *changes) {
	for _, name := range headerNames(start.request) {
		_, value := start.value([]string{name})
		for _, unit := range units {
			if likely(readTime(value, unit)) {
				all.add("time-header", fmt.Sprintf("the time that was signed came in the header %s, and the scheme looks in %s", name, strings.Join(start.scheme.TSHeader, ", ")),
					fmt.Sprintf(`let the sender use the header %s, or set "ts_header": [%q] in a scheme of the source's own`, start.scheme.TSHeader[0], name),
					func(a *attempt) bool { a.scheme.TSHeader, a.scheme.TSUnit = []string{name}, unit; return true })
			}
		}
	}
}
