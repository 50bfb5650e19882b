package secretsmanager

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// An ErrorType is the name of an error on the wire, and a sentinel for errors.Is.
type ErrorType string

// Errors that Secrets Manager answers with.
const (
	AccessDenied      ErrorType = "AccessDeniedException"
	DecryptionFailure ErrorType = "DecryptionFailure"
	InternalError     ErrorType = "InternalServiceError"
	InvalidParameter  ErrorType = "InvalidParameterException"
	InvalidRequest    ErrorType = "InvalidRequestException"
	InvalidSignature  ErrorType = "InvalidSignatureException"
	ResourceExists    ErrorType = "ResourceExistsException"
	ResourceNotFound  ErrorType = "ResourceNotFoundException"
	Throttling        ErrorType = "ThrottlingException"
)

func (t ErrorType) Error() string { return "secretsmanager: " + string(t) }

// stagedMessages are AWS's messages for the errors that only a [Fault] causes.
var stagedMessages = map[ErrorType]string{
	AccessDenied: "User: arn:aws:sts::" + Account + ":assumed-role/function/vicihook is not authorized to perform: " +
		"secretsmanager:GetSecretValue because no identity-based policy allows the secretsmanager:GetSecretValue action",
	DecryptionFailure: "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
	InternalError:     "An error occurred on the server side.",
	Throttling:        "Rate exceeded",
}

// A refusal is one error answer.
type refusal struct {
	kind    ErrorType
	message string
}

func refuse(kind ErrorType, message string) error { return &refusal{kind, message} }

func (r *refusal) Error() string { return r.kind.Error() + ": " + r.message }
func (r *refusal) Unwrap() error { return r.kind }

// A Fault makes requests fail. Its parts happen in this order. A request that is cut (Drop) or
// refused (Error) is not carried out.
type Fault struct {
	Operation string // for example PutSecretValue; empty is GetSecretValue
	ARN       string // of the secret; empty is any
	Stage     string // the label that the request names; empty is any
	Times     int    // how many requests it applies to; 0 is every one until it is cleared

	Hold  func(context.Context) // called with the request in hand, which waits for it; the context ends when the client goes
	Drop  bool                  // the connection is cut without an answer
	Lost  bool                  // the request is carried out, and the connection cut without an answer
	Date  time.Time             // the answer's Date, in place of now
	Error ErrorType             // the answer is this error
	Body  string                // the answer is 200 with this body, verbatim
}

// staged is a Fault and how often it still applies; negative is for ever.
type staged struct {
	Fault
	left int
}

// Fail stages a fault. Of several that fit a request, the first staged applies. Clear ends it.
func (s *Server) Fail(f Fault) (clear func()) {
	added := &staged{Fault: f, left: cmp.Or(f.Times, -1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, added)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *staged) bool { return f == added })
	}
}

// faultFor returns the fault that applies to a request, the zero Fault if none does. s.mu is held.
func (s *Server) faultFor(c call) Fault {
	for _, f := range s.faults {
		if f.left != 0 && cmp.Or(f.Operation, "GetSecretValue") == c.operation && (f.ARN == "" || f.ARN == c.arn) && (f.Stage == "" || f.Stage == c.stage) {
			f.left--
			return f.Fault
		}
	}
	return Fault{}
}
