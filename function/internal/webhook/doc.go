// Package webhook says whether a request comes from the sender that it claims, and signs requests as that sender does.
//
// A [Scheme] is data: where the signature stands, what it covers, how it is encoded, how old it may be. [Preset] knows
// the schemes of helpdesks and CRMs by name; a [Verifier] is compiled from any of them. All of them are an HMAC, or
// for two a plain hash, over a template of the request's exact bytes; kinds token and basic serve senders that cannot
// sign. Nothing is read from the request that could choose the algorithm, and nothing of the body is parsed before its
// signature holds, form fields excepted where they are what is signed.
//
// Standard Webhooks is specified at https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
package webhook
