package secretsmanager

import (
	"net/http"
	"regexp"
	"time"
)

// maxSkew is how far AWS lets the time of a signature be from its own.
const maxSkew = 5 * time.Minute

// authorization is the shape of Signature Version 4; its groups are region and service.
var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/ ]+/\d{8}/([^/ ]*)/([^/ ]*)/aws4_request, ?` +
	`SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$`)

// checkSigned refuses a request that AWS would not take for signed, as far as that shows without the secret key.
func checkSigned(r *http.Request, now time.Time) error {
	header := r.Header.Get("Authorization")
	if header == "" {
		return fault(MissingSignature, "Missing Authentication Token")
	}
	scope := authorization.FindStringSubmatch(header)
	if scope == nil {
		return fault(IncompleteSignature, "Authorization header is not a Signature Version 4.")
	}
	if scope[1] != Region || scope[2] != "secretsmanager" {
		return fault(InvalidSignature, "Credential should be scoped to "+Region+"/secretsmanager.")
	}
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return fault(IncompleteSignature, "X-Amz-Date is missing or not a date.")
	}
	if age := now.Sub(signed); age > maxSkew || age < -maxSkew {
		return fault(InvalidSignature, "Signature expired or not yet current: "+r.Header.Get("X-Amz-Date"))
	}
	return nil
}
