package main

import (
	"log/slog"

	"vicihook/function/internal/secret"
)

// Wire is wire, for benchmarks that leave out Lambda's runtime client.
var Wire = wire

// Parts and SecretsManager are the pieces of it.
var (
	Parts          = parts
	SecretsManager = secretsManager
)

// TellRenewal is tellRenewal for a secret whose last refresh ended so.
func TellRenewal(log *slog.Logger) func(refresh error) {
	var last said
	return func(refresh error) { tellRenewal(&last, secret.Snapshot[string]{RefreshErr: refresh}, log) }
}
