package secret

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/smithy-go"
)

// Categories of errors. The texts say how to fix them, and hold nothing that the secret holds.
var (
	ErrUnavailable = errors.New("no answer")               // network, time, throttling, a fault of AWS: it may pass
	ErrDenied      = errors.New("access denied")           // IAM, KMS or the role's credentials
	ErrNotFound    = errors.New("no such secret or value") // the ARN, the region, or a secret marked for deletion
	ErrMalformed   = errors.New("unusable value")          // binary, or Parse refused it
)

// categories of the codes that Secrets Manager and AWS's front before it answer with; all others may pass.
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

// refused describes a failed call. The SDK's error is dropped, since it may quote an answer.
func (s *Store[T]) refused(label string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return s.fault(label, ErrUnavailable, s.unanswered(err))
	}
	category := cmp.Or(categories[api.ErrorCode()], ErrUnavailable)
	return s.fault(label, category, api.ErrorCode()+"; "+s.remedy(api.ErrorCode()))
}

// late is the error of a request that could not wait for the answer.
func (s *Store[T]) late(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := fmt.Errorf("%w: %w", s.fault(current, ErrUnavailable, "not within the request's time"), cause)
	if s.failure != nil {
		err = fmt.Errorf("%w; the fetch before failed: %v", err, s.failure)
	}
	return err
}

func (s *Store[T]) malformed(label, why string) error {
	return s.fault(label, ErrMalformed, why+"; put a corrected value")
}

func (s *Store[T]) fault(label string, category error, why string) error {
	return fmt.Errorf("secret: %s of %s: %w: %s", label, s.cfg.ARN, category, why)
}

// remedy says what an operator should look at.
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

// region is the fourth part of the ARN.
func (s *Store[T]) region() string {
	if parts := strings.Split(s.cfg.ARN, ":"); len(parts) == 7 {
		return parts[3]
	}
	return "?"
}

// unanswered says why no answer came, from those errors whose texts hold addresses and certificate names only.
func (s *Store[T]) unanswered(err error) string {
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
