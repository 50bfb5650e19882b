// Package audit finds in vicihook's log who ended which call.
//
//	var rows []audit.Row
//	err := audit.Read(log, func(r audit.Row) { rows = append(rows, r) })
//	for _, r := range audit.Join(rows) { … }
//
// The function logs one JSON object for each delivery, see package hangup. A batch has its calls in "calls", each with its
// own fields. A redelivery has its own line, with the request id of the first delivery. Other lines (Lambda's START, END
// and REPORT) are skipped, and so is the text before an object.
package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vicihook/vicicall"
)

// maxLine is the longest line in bytes; CloudWatch accepts no longer one.
const maxLine = 1 << 20

// ErrLongLine is returned for a line that can't be of vicihook's log.
var ErrLongLine = fmt.Errorf("audit: a line is longer than %d bytes", maxLine)

// A Row is one request to end a call, and its outcome. Empty fields were not known or not sent.
type Row struct {
	Time        time.Time        `json:"time"`
	Source      string           `json:"source"`
	Ref         string           `json:"ref,omitempty"`
	Actor       string           `json:"actor,omitempty"`
	DeliveryID  string           `json:"delivery_id,omitempty"`
	Key         *int             `json:"key,omitempty"` // index of the key that signed, the secret's own order
	CallID      string           `json:"call_id,omitempty"`
	AgentUser   string           `json:"agent_user,omitempty"`
	Disposition string           `json:"disposition,omitempty"`
	Outcome     vicicall.Outcome `json:"outcome"`
	Attempts    int              `json:"attempts,omitempty"` // hang-ups that may have reached VICIdial
	RequestID   string           `json:"request_id,omitempty"`
	Redelivery  int              `json:"redelivery,omitempty"` // which of the function's own tries this is; 0 = the sender's

	unsure bool // a try before this one may have ended the call
}

// line is a delivery's log line.
type line struct {
	Timestamp time.Time `json:"timestamp"` // what Lambda calls slog's time
	Row
	Calls []Row `json:"calls"`
}

// Read calls row for each row of a log, in its order. It returns [ErrLongLine] or the reader's error.
func Read(log io.Reader, row func(Row)) error {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		for _, r := range Parse(lines.Bytes()) {
			row(r)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return ErrLongLine
	}
	return lines.Err()
}

// Parse returns the rows of one line: none for a line that is not of a delivery, one for each call of a batch.
func Parse(text []byte) []Row {
	start := bytes.IndexByte(text, '{')
	if start < 0 {
		return nil
	}
	var l line
	if err := json.Unmarshal(text[start:], &l); err != nil || l.Outcome == "" || l.Source == "" {
		return nil
	}
	if l.Time.IsZero() {
		l.Time = l.Timestamp
	}
	if len(l.Calls) == 0 {
		return []Row{l.Row}
	}
	for i, call := range l.Calls {
		call.Time, call.Source, call.DeliveryID, call.Key, call.RequestID = l.Time, l.Source, l.DeliveryID, l.Key, l.RequestID
		l.Calls[i] = call
	}
	return l.Calls
}

// Join replaces each row by its redelivery, so that every request has one row with the last outcome.
func Join(rows []Row) []Row {
	var joined []Row
	for _, r := range rows {
		i := -1
		if r.Redelivery > 0 {
			i = slices.IndexFunc(joined, r.repeats)
		}
		if i < 0 {
			joined = append(joined, r)
			continue
		}
		first := joined[i]
		r.Ref, r.Actor = cmp.Or(r.Ref, first.Ref), cmp.Or(r.Actor, first.Actor)
		r.DeliveryID, r.Key = cmp.Or(r.DeliveryID, first.DeliveryID), cmp.Or(r.Key, first.Key)
		r.CallID, r.AgentUser = cmp.Or(r.CallID, first.CallID), cmp.Or(r.AgentUser, first.AgentUser)
		r.unsure = first.MayHaveEnded()
		joined[i] = r
	}
	return joined
}

// repeats reports whether r is a redelivery of first, which may lack the call and agent that had to be found.
func (r Row) repeats(first Row) bool {
	sameOrUnknown := func(a, b string) bool { return a == b || a == "" || b == "" }
	return r.RequestID != "" && r.RequestID == first.RequestID && sameOrUnknown(r.CallID, first.CallID) && sameOrUnknown(r.AgentUser, first.AgentUser)
}

// A Query selects rows; its zero value selects all.
type Query struct {
	CallID, AgentUser, Source string
	Since                     time.Time
}

// Matches reports whether a row is selected.
func (q Query) Matches(r Row) bool {
	return (q.CallID == "" || q.CallID == r.CallID) && (q.AgentUser == "" || q.AgentUser == r.AgentUser) &&
		(q.Source == "" || q.Source == r.Source) && !r.Time.Before(q.Since)
}

// Ended reports whether the request ended the call, as far as VICIdial says.
func (r Row) Ended() bool {
	return r.Outcome == vicicall.HungUp || r.Outcome == vicicall.Accepted || r.Outcome == vicicall.NoLongerListed
}

// MayHaveEnded reports whether VICIdial was asked to end the call and the result is unknown.
func (r Row) MayHaveEnded() bool {
	return r.unsure || r.Attempts > 0 && (r.Outcome == vicicall.Unknown || r.Outcome == vicicall.StillListed || r.Outcome == vicicall.UnexpectedReply)
}
