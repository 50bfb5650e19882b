// Package webhook verifies that a request comes from the sender that it claims, and signs requests as that sender does.
//
//	scheme, ok := webhook.Preset("zendesk")
//	verifier, err := webhook.NewVerifier(scheme)
//	key, err := verifier.Verify(request, keys, time.Now())
//
// A [Scheme] is data: where the signature stands, what it covers, how it is encoded, how old it may be. [Preset] has
// the schemes of helpdesks and CRMs by name, and function/sources.schema.json says of each how far it is confirmed.
// Each is an HMAC, two are a plain hash, over a template of the request's exact bytes; the kinds token and basic serve
// senders that can't sign. Nothing in the request chooses the algorithm, and nothing of the body is parsed before its
// signature holds, except form fields where they are what is signed.
//
// The form that new senders should choose is specified at
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
package webhook
