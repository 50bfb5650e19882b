// Package webhook verifies the signatures of webhooks, and signs requests as their senders do.
//
//	scheme, ok := webhook.Preset("zendesk")
//	verifier, err := webhook.NewVerifier(scheme)
//	key, err := verifier.Verify(request, keys, time.Now())
//
// A [Scheme] is data: the header of the signature, what it covers, how it is encoded, how old it may be. [Preset] returns
// the schemes of helpdesks and CRMs by name; function/sources.schema.json describes how far each is confirmed.
// Most are an HMAC, two a plain hash, over a template of the request's exact bytes. The kinds token and basic serve
// senders that can't sign. Nothing in the request chooses the algorithm, and nothing of the body is parsed before its
// signature is verified, except form fields where they are what is signed.
//
// New senders should use Standard Webhooks:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
package webhook
