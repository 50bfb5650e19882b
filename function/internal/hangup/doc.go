// Package hangup turns one delivery of a helpdesk or CRM into one ended call and one true answer.
//
// [Handler.Handle] is a staircase: authenticate the sender over the exact bytes, select the calls that the payload
// names, hang them up, answer. The order is fixed: size, source, signature, payload, scope. Nothing of the body is
// parsed before its signature holds, and an unknown source and a bad signature get byte-identical answers. A paused
// source has no keys to check a signature with, so it says so to any request that is signed in its scheme's form.
//
// The answer is one [Outcome] with one HTTP status, chosen so that senders redeliver what another try can fix and
// nothing else. Each delivery leaves one structured log line. There is no store of deliveries: a call id dies with
// its call, so a repeated delivery finds no_active_call.
//
// The package knows nothing of AWS.
package hangup
