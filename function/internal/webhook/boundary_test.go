package webhook_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"vicihook/function/internal/webhook"
)

func TestNewVerifierCharacterRanges(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]members{
		"visible ASCII from blank to tilde in a prefix": {"prefix": " ~"},
		"all letters and digits in a header's name":     {"header": []string{"X-_0123456789AMZamz"}},
		"all letters and digits in a delivery's header": {"dedupe": "X-_0123456789AMZamz"},
	} {
		if _, err := webhook.NewVerifier(parseScheme(t, base(changes))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Go's base64 decoder skips line ends, so that 30 bytes and four line ends have the length of 32 bytes.
func TestSignatureRejectsLineEnds(t *testing.T) {
	t.Parallel()
	scheme := preset(t, "shopify")
	verifier, key := compile(t, scheme), strongKey(t, scheme)
	for i := range 1 << 20 {
		r := webhook.Request{Method: "POST", Body: fmt.Appendf(nil, `{"n":%d}`, i)}
		if err := verifier.Sign(&r, key, "", now); err != nil {
			t.Fatal(err)
		}
		sum, err := base64.StdEncoding.DecodeString(r.Header["x-shopify-hmac-sha256"][0])
		if err != nil {
			t.Fatal(err)
		}
		if sum[30] != 0 || sum[31] != 0 {
			continue
		}
		r.Header["x-shopify-hmac-sha256"][0] = base64.StdEncoding.EncodeToString(sum[:30]) + "\n\n\n\n"
		if _, err := verifier.Verify(r, []webhook.Key{key}, now); !errors.Is(err, webhook.ErrMalformedSignature) {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("no signature ends with two zero bytes")
}
