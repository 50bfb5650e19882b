// Package config turns the function's environment into a [Config]. It names every fault at once, with its remedy.
//
//	settings, err := config.Load(os.Getenv, folder)
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"vicihook/function/internal/source"
)

// ErrInvalid marks every fault of a configuration; its text names the variable and the remedy.
var ErrInvalid = errors.New("invalid configuration")

var secretARN = regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+$`)

// Limits of REQUEST_BUDGET. Below a second there is no time for a HANGUP and the CHECK after it; API Gateway gives up
// after 30 s, and the template's Lambda timeout lies between.
const (
	minBudget = time.Second
	maxBudget = 25 * time.Second
)

// A Config has the settings; function/docs/reference.md describes each variable.
type Config struct {
	WebhookSecretARN  string          // WEBHOOK_SECRET_ARN, required
	VICIdialSecretARN string          // VICIDIAL_SECRET_ARN, required
	VICIdialURL       string          // VICIDIAL_URL: for a secret without `url`
	AllowHTTP         bool            // VICIDIAL_ALLOW_HTTP: plain http to a host that is not loopback
	PublicURL         string          // PUBLIC_URL: base URL as senders see it, for schemes that sign the URL
	Budget            time.Duration   // REQUEST_BUDGET, 4 s
	Recheck           bool            // RECHECK, true: look whether the call is still listed
	DryRun            bool            // DRY_RUN: CHECK instead of HANGUP, for every source
	PreviousKeysFor   time.Duration   // PREVIOUS_KEYS_FOR, 24 h: how long a rotated key still counts; 0 revokes at once
	RedeliveryQueue   string          // REDELIVERY_QUEUE_URL: the SQS queue of orders that are tried again; empty = no queue
	Sources           *source.Sources // SOURCES_FILE, by default sources.json in the binary's folder
}

// Load reads the environment through getenv. folder contains the binary, and sources.json unless SOURCES_FILE is set.
// Each fault wraps [ErrInvalid].
func Load(getenv func(string) string, folder string) (Config, error) {
	env := &environment{getenv: getenv}
	c := Config{
		WebhookSecretARN:  env.arn("WEBHOOK_SECRET_ARN"),
		VICIdialSecretARN: env.arn("VICIDIAL_SECRET_ARN"),
		VICIdialURL:       env.url("VICIDIAL_URL"),
		AllowHTTP:         env.bool("VICIDIAL_ALLOW_HTTP", false),
		PublicURL:         env.url("PUBLIC_URL"),
		Budget:            env.duration("REQUEST_BUDGET", 4*time.Second, minBudget, maxBudget),
		Recheck:           env.bool("RECHECK", true),
		DryRun:            env.bool("DRY_RUN", false),
		PreviousKeysFor:   env.duration("PREVIOUS_KEYS_FOR", 24*time.Hour, 0, 365*24*time.Hour),
		RedeliveryQueue:   env.url("REDELIVERY_QUEUE_URL"),
	}
	var err error
	c.Sources, err = source.Load(cmp.Or(getenv("SOURCES_FILE"), filepath.Join(folder, "sources.json")))
	if err != nil && (c.Sources == nil || len(env.faults) > 0) { // a fault in one source alone leaves the others to serve
		env.faults = append(env.faults, fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	return c, errors.Join(env.faults...)
}

// environment reads typed variables and collects their faults.
type environment struct {
	getenv func(string) string
	faults []error
}

func (e *environment) fault(name, format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf("%w: %s %s", ErrInvalid, name, fmt.Sprintf(format, args...)))
}

func (e *environment) arn(name string) string {
	value := e.getenv(name)
	switch {
	case value == "":
		e.fault(name, "is not set: give the full ARN of the secret")
	case !secretARN.MatchString(value):
		e.fault(name, "is not the full ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX)")
	}
	return value
}

// url rejects a value without quoting it: it may contain a password.
func (e *environment) url(name string) string {
	value := e.getenv(name)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		e.fault(name, "is not a base URL: give https://host or https://host/path, without user, query and fragment")
	}
	return value
}

func (e *environment) bool(name string, otherwise bool) bool {
	value := e.getenv(name)
	if value == "" {
		return otherwise
	}
	parsed, err := strconv.ParseBool(value)
	if err != nil {
		e.fault(name, "is %q: give true or false", value)
	}
	return parsed
}

func (e *environment) duration(name string, otherwise, least, most time.Duration) time.Duration {
	value := e.getenv(name)
	if value == "" {
		return otherwise
	}
	parsed, err := time.ParseDuration(value)
	if err != nil || parsed < least || parsed > most {
		e.fault(name, "is %q: give a duration such as %v, from %v to %v", value, otherwise, least, most)
	}
	return parsed
}
