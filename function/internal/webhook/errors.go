package webhook

import "errors"

// What is wrong with a request. Verify wraps one of them with the header or number concerned,
// never with a signature, a key or a part of the body.
var (
	ErrNoSignature        = errors.New("webhook: no signature of this scheme")
	ErrMalformedSignature = errors.New("webhook: signature is not in the scheme's form")
	ErrTooManySignatures  = errors.New("webhook: too many signatures")
	ErrMismatch           = errors.New("webhook: signature matches no key") // well-formed, and its time in the window: other keys might match
	ErrNoTime             = errors.New("webhook: no time")
	ErrMalformedTime      = errors.New("webhook: time is not in the scheme's form")
	ErrTooOld             = errors.New("webhook: signed too long ago")
	ErrTooNew             = errors.New("webhook: signed in the future")
	ErrNoID               = errors.New("webhook: no delivery id")
	ErrMalformedID        = errors.New("webhook: delivery id is not in the scheme's form")
	ErrRepeatedHeader     = errors.New("webhook: security header sent more than once")
	ErrRequiredHeader     = errors.New("webhook: required header is absent or differs")
	ErrNoURL              = errors.New("webhook: the scheme signs the URL, and the URL as the sender sees it is not known")
	ErrAmbiguousURL       = errors.New("webhook: the URL contains { or [, with which a body begins, so that the signature could cover another body")
	ErrMalformedForm      = errors.New("webhook: the scheme signs form fields, and the body is not such a form")
	ErrBodyHash           = errors.New("webhook: the body does not have the hash that the signed URL names")
)

// What is wrong with the keys that a caller passes.
var (
	ErrNoKey       = errors.New("webhook: no key")
	ErrTooManyKeys = errors.New("webhook: more than 4 keys")
)
