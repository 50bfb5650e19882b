package diagnosis

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// likely reports whether somebody may mean this time. A wrong unit is off by decades.
func likely(at time.Time) bool { return at.Year() >= 2000 && at.Year() < 2100 }

// signedAt returns the time that the request names, read in the scheme's unit; zero when it names none.
func (c Case) signedAt() time.Time { return readTime(c.timeText(), c.Scheme.TSUnit) }

// timeText returns the time as sent, or "".
func (c Case) timeText() string {
	switch {
	case len(c.Scheme.TSHeader) > 0:
		_, value := c.value(c.Scheme.TSHeader...)
		return value
	case c.Scheme.KVTS != "":
		_, value := c.value(c.Scheme.Header...)
		for pair := range strings.SplitSeq(value, c.Scheme.Sep) {
			if text, found := strings.CutPrefix(pair, c.Scheme.KVTS+"="); found {
				return text
			}
		}
	case c.Scheme.TSJSON != "":
		var members map[string]jsontext.Value
		_ = json.Unmarshal(c.Request.Body, &members) // a body that is no object has no time
		return string(members[c.Scheme.TSJSON])
	}
	return ""
}

// readTime reads a time in a unit; zero when it is not in that form.
func readTime(text, unit string) time.Time {
	if unit == "rfc3339" {
		at, _ := time.Parse(time.RFC3339, text)
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
