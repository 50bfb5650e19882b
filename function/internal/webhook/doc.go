// Package webhook says whether a request comes from the sender that it claims, and signs requests as that sender does.
//
// A [Scheme] is data: where the signature stands, what it covers, how it is encoded, how old it may be. [Preset] knows
// the schemes of helpdesks and CRMs by name, and a [Verifier] is compiled from any of them. Each is an HMAC, two are a
// plain hash, over a template of the request's exact bytes; the kinds token and basic serve senders that cannot sign.
// Nothing in the request chooses the algorithm, and nothing of the body is parsed before its signature holds, except
// form fields where they are what is signed.
//
// The form that new senders should choose is specified at
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
//
// # Presets
//
// Each agrees with a published example of its sender or another implementation, unless its line says otherwise;
// "by the documentation only" means that the vectors were constructed here from the sender's text, so try a live
// delivery before you rely on it.
//
//   - standard-webhooks: the specification above
//   - svix: the same under Svix's header names, or the standard ones
//   - zendesk: Zendesk webhooks
//   - hubspot-v1: HubSpot subscriptions of older apps; a hash with the secret in front, which HubSpot itself replaced
//   - hubspot-v2: HubSpot workflows and cards; signs the URL; the same weakness
//   - hubspot-v3: HubSpot; signs the URL
//   - intercom: Intercom; by the documentation only
//   - helpscout: Help Scout; by the documentation only
//   - front-app: Front applications; by the documentation only
//   - front-rule: Front rules, which sign no time; by the documentation only
//   - salesforce-data360: Salesforce Data 360 webhook targets, which may escape the body before they sign; by the documentation only
//   - jira: Jira Cloud webhooks of an administrator
//   - github: GitHub
//   - github-sha1: GitHub's older header
//   - hub-sha512: X-Hub-Signature with SHA-512
//   - kustomer: Kustomer; by the documentation only
//   - close: Close, whose key is hex; by the documentation only
//   - slack: Slack
//   - stripe: Stripe, whose whsec_ key is not decoded; by the documentation only
//   - mux: Mux
//   - dixa: Dixa, whose key is hex; by the documentation only
//   - convoy-advanced: Convoy
//   - convoy-advanced-b64: Convoy in base64
//   - convoy-simple-512: Convoy without a time; by the documentation only
//   - convoy-simple-512-b64: Convoy without a time in base64
//   - shopify: Shopify
//   - twilio: Twilio; signs the URL and the form's fields
//   - linear: Linear, whose time is in the body; by the documentation only
//   - pagerduty: PagerDuty v3
//   - clickup: ClickUp; by the documentation only
//   - zammad: Zammad; by the documentation only
//   - autotask: Autotask; by the documentation only
//   - halopsa: HaloPSA, whose header name is an assumption; by the documentation only
//   - zoho-payments: Zoho Payments; by the documentation only
//   - msteams-outgoing: outgoing webhooks of Microsoft Teams; by the documentation only
//   - outpost: Outpost
//   - outpost-legacy: Outpost's older header
//   - generic-sha256-hex: X-Signature over the body, for senders that compose their own (Deluge, Make, n8n)
//   - generic-sha256-base64: the same in base64 (Deluge, Okta Workflows)
//   - generic-sha1-hex: the same with SHA-1
//   - generic-sha512-hex: the same with SHA-512
package webhook
