// Package hangup turns one delivery of a helpdesk or CRM into one ended call and one true answer.
//
//	h := &hangup.Handler{Sources: sources, Keys: keys, Credentials: account, VICIdial: client, Budget: 4 * time.Second, Log: log}
//	answer := h.Handle(ctx, request) // {"outcome":"hungup",…} and its HTTP status
//
// [Handler.Handle] is a staircase: authenticate the sender over the exact bytes, select what the payload names, find the
// calls that it only describes, hang them up, answer. The order is fixed: size, source, signature, payload, scope.
// Nothing of the body is parsed before its signature holds, and an unknown source and a bad signature get
// byte-identical answers.
//
// Three answers tell a stranger that a source exists. One whose entry in sources.json is wrong is misconfigured. While
// the keys can't be fetched or used, it is unavailable or misconfigured, since a sender must know. A paused source says
// so if no key of before is left to check the signature with. The last two need a request in the form of the source's
// scheme, with a time that holds.
//
// The answer is one [Outcome] with one HTTP status, chosen so that senders redeliver what another try can fix and
// nothing else. Each delivery leaves one structured log line. There is no store of deliveries: a call id dies with
// its call, so a repeated delivery finds no_active_call.
//
// The package knows nothing of AWS.
package hangup
