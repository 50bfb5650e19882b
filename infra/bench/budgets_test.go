//go:build unix

package bench_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"vicihook/infra/local/stack"
)

// The budgets of bytes and counts.
const (
	largestZip     = 5_000_000
	largestMemory  = 32_000_000
	largestGrowth  = 2_000_000 // from 1,000 webhooks to 10,000
	mostVersions   = 2         // of secrets, that a start fetches: keys and account
	mostConnection = 5         // to VICIdial for 10,000 webhooks: one, and another when the machine stalls for long
)

func TestZipSize(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"arm64", "amd64"} {
		folder := t.TempDir()
		if err := stack.Build(t.Context(), folder, "GOOS=linux", "ARCH="+arch); err != nil {
			t.Fatal(err)
		}
		bootstrap := must(os.Stat(filepath.Join(folder, "bootstrap")))(t).Size()
		zipped := zipSize(t, folder)
		t.Logf("%s: bootstrap %.2f MB, zip %.2f MB", arch, float64(bootstrap)/1e6, float64(zipped)/1e6)
		if zipped > largestZip {
			t.Errorf("the zip for %s has %d bytes, want at most %d", arch, zipped, largestZip)
		}
	}
}

// zipSize is what is uploaded, in bytes.
func zipSize(t *testing.T, folder string) int64 {
	t.Helper()
	file := must(os.CreateTemp(t.TempDir(), "*.zip"))(t)
	defer file.Close()
	w := zip.NewWriter(file)
	if err := w.AddFS(os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return must(file.Stat())(t).Size()
}

func TestTenThousandWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, sent := f.vicihook(), 0
	function := f.lambda(t, p)
	defer function.Stop()
	memory := map[int]int64{}
	for _, until := range []int{1, 1_000, 10_000} {
		for ; sent < until; sent++ {
			f.send(t, p, function)
		}
		if sent == 1 && f.fetched() > mostVersions {
			t.Errorf("a start fetched %d secret versions, want %d", f.fetched(), mostVersions)
		}
		memory[until] = resident(t, function)
		t.Logf("after %5d webhooks: %.1f MB resident", until, float64(memory[until])/1e6)
	}
	if memory[10_000] > largestMemory || memory[10_000]-memory[1_000] > largestGrowth {
		t.Errorf("the memory does not stay flat below %d bytes: %v", largestMemory, memory)
	}
	if n := f.VICIdial.Count(""); n != 2*sent {
		t.Errorf("%d requests to VICIdial for %d webhooks, want two each", n, sent)
	}
	if n := f.VICIdial.Connections(); n > mostConnection {
		t.Errorf("%d connections to VICIdial, want at most %d", n, mostConnection)
	}
}
