package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
)

// The largest inputs, in bytes.
const (
	maxBody    = hangup.MaxBody
	maxKey     = 4 << 10
	maxSources = 1 << 20
	maxCapture = 1 << 20 // an event with a body in base64, and its headers
	maxVectors = 16 << 20
)

// read returns the content of the file that a flag names. "-" is standard input, which only one flag can have.
func (env *environment) read(flag, path string, limit int) ([]byte, error) {
	from := env.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		defer file.Close()
		from = file
	} else if env.stdinTaken != "" {
		return nil, fmt.Errorf("%s: standard input is already read by %s: give a file", flag, env.stdinTaken)
	} else {
		env.stdinTaken = flag
	}
	content, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if len(content) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", flag, limit)
	}
	return content, nil
}

// sourcesFlag says where sources.json is.
type sourcesFlag struct {
	Sources string `from:"SOURCES_FILE" default:"function/sources.json" placeholder:"FILE" help:"Where sources.json is ($$SOURCES_FILE, else function/sources.json)."`
}

// read reads sources.json as the function does. Any fault in it is an error here.
func (f sourcesFlag) read(env *environment) (*source.Sources, error) {
	text, err := env.read("--sources", f.Sources, maxSources)
	if err != nil {
		return nil, err
	}
	sources, err := source.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--sources: %s: %w", f.Sources, err)
	}
	return sources, nil
}

// A timeout is the value of a flag: a duration above 0.
type timeout struct{ time.Duration }

// UnmarshalText is called by kong.
func (t *timeout) UnmarshalText(text []byte) (err error) {
	t.Duration, err = time.ParseDuration(string(text))
	if err == nil && t.Duration <= 0 {
		err = errors.New("want a time above 0, for example 4s")
	}
	return err
}

// An instant is the value of a flag: a point in time. Its zero value means that the flag was not given.
type instant struct{ time.Time }

// UnmarshalText is called by kong.
func (i *instant) UnmarshalText(text []byte) error {
	now, value := time.Now(), string(text)
	if value == "today" {
		i.Time = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
		return nil
	}
	if ago, err := time.ParseDuration(value); err == nil && ago > 0 {
		i.Time = now.Add(-ago)
		return nil
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds > 0 {
		i.Time = time.Unix(seconds, 0)
		return nil
	}
	var err error
	if i.Time, err = time.Parse(time.RFC3339, value); err != nil {
		return errors.New("want RFC 3339 such as 2026-01-31T12:00:00Z, Unix seconds, today, or how long ago such as 24h")
	}
	return nil
}
