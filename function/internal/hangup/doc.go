// Package hangup turns one delivery of a helpdesk or CRM into one ended call and one true answer.
//
//	h := &hangup.Handler{Sources: sources, Keys: keys, Credentials: account, VICIdial: client, Budget: 4 * time.Second, Log: log}
//	answer := h.Handle(ctx, request) // {"outcome":"hungup",…} and its HTTP status
//
// [Handler.Handle] authenticates the sender over the exact bytes, selects what the payload names, finds the calls that it
// only describes, hangs them up and answers. The order of checks is fixed: size, source, signature, payload, scope.
// Nothing of the body is parsed before its signature is verified. An unknown source and a bad signature get
// byte-identical answers.
//
// Three answers show a stranger that a source exists. A source with a wrong entry in sources.json is misconfigured. One
// whose keys can't be fetched or used is unavailable or misconfigured, since its sender must know. A paused source is
// paused if there is no previous key to check the signature with. The last two need a request in the form of the
// source's scheme, with a valid time.
//
// The answer is one [Outcome] with one HTTP status, chosen so that senders redeliver what another try can fix and
// nothing else. Each delivery leaves one structured log line. There is no store of deliveries: a call id dies with
// its call, so a repeated delivery finds no_active_call.
//
// The package knows nothing of AWS.
package hangup
