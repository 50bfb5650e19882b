// Package audit reads who ended which call from vicihook's log.
//
// The function logs one JSON object a delivery, see package hangup; a batch has its calls in "calls", with fields of their
// own beside those of the delivery. Lines of others between them (Lambda's START, END and REPORT) are passed over, and
// so is what stands before the object.
package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vicihook/vicicall"
)

// maxLine is the longest line that is read, in bytes; CloudWatch takes no longer ones.
const maxLine = 1 << 20

// ErrLongLine is a line that no log of vicihook's has.
var ErrLongLine = fmt.Errorf("audit: a line is longer than %d bytes", maxLine)

// A Row is what was asked for one call, and what became of it. Empty fields were not known or not sent.
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
	RequestID   string           `json:"request_id,omitempty"`
}

// line is a delivery's log line.
type line struct {
	Timestamp time.Time `json:"timestamp"` // what Lambda calls slog's time
	Row
	Calls []Row `json:"calls"`
}

// Read gives the rows of a log in its order. It returns [ErrLongLine] or the reader's error.
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

// Parse gives the rows of one line: none of a line that is no delivery's, one for each call of a batch.
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

// A Query chooses rows; its zero value takes all.
type Query struct {
	CallID, AgentUser, Source string
	Since                     time.Time
}

// Matches reports whether a row is asked for.
func (q Query) Matches(r Row) bool {
	return (q.CallID == "" || q.CallID == r.CallID) && (q.AgentUser == "" || q.AgentUser == r.AgentUser) &&
		(q.Source == "" || q.Source == r.Source) && !r.Time.Before(q.Since)
}

// Ended reports whether the row's delivery ended the call, as far as VICIdial tells.
func (r Row) Ended() bool {
	return r.Outcome == vicicall.HungUp || r.Outcome == vicicall.Accepted || r.Outcome == vicicall.NoLongerListed
}
