package webhook

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// checkTime compares a time as sent with now, on both sides, in its own unit.
func (v *Verifier) checkTime(text string, now time.Time) error {
	if v.ageless {
		return nil
	}
	signed, ok := v.parseTime(text)
	if !ok {
		return fmt.Errorf("%w: must be %s", ErrMalformedTime, timeForm(v.scheme.TSUnit))
	}
	age, tolerance := now.Unix()-signed, int64(v.scheme.Tolerance)
	if v.scheme.TSUnit == "ms" {
		age, tolerance = now.UnixMilli()-signed, tolerance*1000
	}
	switch {
	case age > tolerance:
		return ErrTooOld
	case age < -tolerance:
		return ErrTooNew
	}
	return nil
}

// parseTime returns milliseconds for the unit ms, else seconds.
func (v *Verifier) parseTime(text string) (int64, bool) {
	if v.scheme.TSUnit == "rfc3339" {
		t, err := time.Parse(time.RFC3339, text)
		// time.Parse accepts an hour of one digit.
		return t.Unix(), err == nil && strings.HasPrefix(text, t.Format("2006-01-02T15:04:05"))
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err == nil && text[0] != '0'
}

func timeForm(unit string) string {
	switch unit {
	case "ms":
		return "whole milliseconds since 1970"
	case "s":
		return "whole seconds since 1970"
	}
	return "as RFC 3339 has it"
}

// formatTime formats a time as the sender does.
func (v *Verifier) formatTime(t time.Time) string {
	switch v.scheme.TSUnit {
	case "ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "s":
		return strconv.FormatInt(t.Unix(), 10)
	}
	return t.UTC().Format(time.RFC3339)
}

// bodyTime returns the time in a JSON body, as it is written.
func (v *Verifier) bodyTime(body []byte) (string, error) {
	value, found, err := jsonMember(body, v.scheme.TSJSON)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformedTime, err)
	}
	if !found {
		return "", fmt.Errorf("%w: the body has no member %s", ErrNoTime, v.scheme.TSJSON)
	}
	return string(value), nil
}
