package main

import "log/slog"

// Wire is wire, for benchmarks without Lambda's runtime client.
var Wire = wire

// Parts is its part that takes any Secrets Manager.
var Parts = parts

// LogRefreshFailure is what logs the result of a secret's last refresh.
func LogRefreshFailure(log *slog.Logger) func(refresh error) {
	logged := loggedSecret[string]{log: log}
	return logged.logRefreshFailure
}
