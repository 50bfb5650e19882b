package webhook_test

import (
	"testing"

	"vicihook/function/internal/webhook"
)

func TestSchemesMayUseTheFirstAndLastOfEachRange(t *testing.T) {
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
