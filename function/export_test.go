package main

import (
	"log/slog"

	"vicihook/function/internal/secret"
)

// Wire is wire, for benchmarks that leave out Lambda's runtime client.
var Wire = wire

// Parts is the piece of it that takes any Secrets Manager.
var Parts = parts

// LogRefreshFailure is logRefreshFailure for a secret whose last refresh ended so.
func LogRefreshFailure(log *slog.Logger) func(refresh error) {
	var failure onChange
	return func(refresh error) {
		logRefreshFailure(&failure, secret.Snapshot[string]{RefreshErr: refresh}, log)
	}
}
