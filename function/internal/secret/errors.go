package secret

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/smithy-go"
)

// Categories of errors. The text of an error says how to fix it and quotes nothing of the secret.
var (
	ErrUnavailable = errors.New("no answer")               // network, timeout, throttling, an error of AWS: it may pass
	ErrDenied      = errors.New("access denied")           // IAM, KMS or the role's credentials
	ErrNotFound    = errors.New("no such secret or value") // the ARN, the region, or a secret marked for deletion
	ErrMalformed   = errors.New("unusable value")          // binary, or Parse refused it
)

// categories has the error codes of Secrets Manager and of AWS's API front that waiting does not fix.
var categories = map[string]error{
	"AccessDeniedException":               ErrDenied,
	"DecryptionFailure":                   ErrDenied,
	"ExpiredTokenException":               ErrDenied,
	"IncompleteSignatureException":        ErrDenied,
	"InvalidClientTokenId":                ErrDenied,
	"InvalidSignatureException":           ErrDenied,
	"MissingAuthenticationTokenException": ErrDenied,
	"OptInRequired":                       ErrDenied,
	"UnrecognizedClientException":         ErrDenied,
	"InvalidParameterException":           ErrNotFound,
	"InvalidRequestException":             ErrNotFound,
	"ResourceNotFoundException":           ErrNotFound,
	"ValidationException":                 ErrNotFound,
}

// callError returns the error of a failed call. It drops the SDK's, which may quote an answer.
func (s *Store[T]) callError(label string, err error) error {
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return s.newError(label, ErrUnavailable, s.networkReason(err))
	}
	category := cmp.Or(categories[api.ErrorCode()], ErrUnavailable)
	return s.newError(label, category, api.ErrorCode()+"; "+s.remedy(api.ErrorCode()))
}

// timeoutError returns the error of a request whose time ended before the fetch did.
func (s *Store[T]) timeoutError(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := fmt.Errorf("%w: %w", s.newError(current, ErrUnavailable, "not within the request's time"), cause)
	if s.failure != nil {
		err = fmt.Errorf("%w; the fetch before failed: %v", err, s.failure)
	}
	return err
}

func (s *Store[T]) valueError(label, why string) error {
	return s.newError(label, ErrMalformed, why+"; put a corrected value")
}

func (s *Store[T]) newError(label string, category error, why string) error {
	return fmt.Errorf("secret: %s of %s: %w: %s", label, s.cfg.ARN, category, why)
}

// remedy returns how an operator can fix what a code of AWS reports.
func (s *Store[T]) remedy(code string) string {
	switch category := categories[code]; {
	case code == "AccessDeniedException" || code == "DecryptionFailure":
		return "allow the function's role secretsmanager:GetSecretValue on this ARN, and kms:Decrypt on its key if that is a customer managed one"
	case category == ErrDenied:
		return "the credentials or the signature were refused: check the role, that the function calls region " + s.region() + ", and the clock"
	case category == ErrNotFound:
		return "check the ARN, that the function calls region " + s.region() + ", and that the secret has a value and is not marked for deletion"
	}
	return "it may pass, and is tried again"
}

func (s *Store[T]) region() string {
	parsed, _ := arn.Parse(s.cfg.ARN)
	return cmp.Or(parsed.Region, "?")
}

// networkReason returns why no answer came. It quotes only errors whose texts are addresses and certificate names.
func (s *Store[T]) networkReason(err error) string {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	why := "the call failed before a whole answer came, or there were no credentials"
	switch {
	case errors.As(err, &network):
		why = network.Error()
	case errors.As(err, &certificate):
		why = certificate.Error()
	case errors.Is(err, context.DeadlineExceeded):
		why = "timed out"
	}
	return why + "; a function in a VPC needs a NAT gateway or the interface endpoint com.amazonaws." + s.region() + ".secretsmanager"
}
