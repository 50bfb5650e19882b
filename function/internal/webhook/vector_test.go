package webhook_test

import (
	"encoding/json"
	"os"
	"testing"

	"vicihook/function/internal/webhook"
)

func vectors(t testing.TB) []webhook.Vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []webhook.Vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 99 {
		t.Fatalf("testdata/vectors.json holds %d vectors, want 99", len(all))
	}
	return all
}

func TestEveryVectorGetsItsVerdict(t *testing.T) {
	t.Parallel()
	for _, vector := range vectors(t) {
		if err := vector.Check(); err != nil {
			t.Error(err)
		}
	}
}
