package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"testing"

	"vicihook/function/internal/webhook"
)

var bodySizes = []int{1 << 10, 64 << 10}

// BenchmarkVerify is compared with BenchmarkBareHMAC of the same algorithm and size, which no verifier can beat.
func BenchmarkVerify(b *testing.B) {
	for _, name := range webhook.PresetNames() {
		for _, size := range bodySizes {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { benchmarkPreset(b, name, size) })
		}
	}
}

func benchmarkPreset(b *testing.B, name string, size int) {
	scheme := preset(b, name)
	verifier := compile(b, scheme)
	key := strongKey(b, scheme)
	r := exampleRequest(size)
	if err := verifier.Sign(&r, key, "msg_1", now); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(r, []webhook.Key{key}, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareHMAC(b *testing.B) {
	for _, algorithm := range []struct {
		name    string
		newHash func() hash.Hash
	}{{"sha1", sha1.New}, {"sha256", sha256.New}, {"sha512", sha512.New}} {
		for _, size := range bodySizes {
			b.Run(fmt.Sprintf("%s/%d", algorithm.name, size), func(b *testing.B) { benchmarkBare(b, algorithm.newHash, size) })
		}
	}
}

func benchmarkBare(b *testing.B, newHash func() hash.Hash, size int) {
	key, body := []byte(strongSecret), bytes.Repeat([]byte("x"), size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		mac := hmac.New(newHash, key)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), key) {
			b.Fatal("a body signs itself")
		}
	}
}

func BenchmarkPreset(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := webhook.Preset("zendesk"); !ok {
			b.Fatal("no such preset")
		}
	}
}

func BenchmarkNewVerifier(b *testing.B) {
	scheme := preset(b, "zendesk")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := webhook.NewVerifier(scheme); err != nil {
			b.Fatal(err)
		}
	}
}
