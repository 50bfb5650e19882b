package main_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// strangersKey is in no secret.
const strangersKey = "bm8ga2V5IG9mIHRoZSBjcm0sIDMyIGJ5dGVzIGxvbmcu"

// A flood of bad signatures comes every half second, from as many addresses in turn, or from the sender's own.
type flood struct {
	addresses int // 0 = the sender's own
	lasts     time.Duration
	known     bool          // the sender has signed a webhook before
	most      time.Duration // after a put, until the new key counts
	least     time.Duration // for the limits that reference.md states
}

const senderAddress = "198.51.100.7"

var floods = map[string]flood{
	"80 s from a new sender's own address":            {lasts: 80 * time.Second, most: atOnce},
	"2 minutes from a known sender's own address":     {lasts: 2 * time.Minute, known: true, most: atOnce},
	"100 s from 5000 addresses, for a new sender":     {addresses: 5000, lasts: 100 * time.Second, most: atOnce},
	"an hour from another address":                    {addresses: 1, lasts: time.Hour, most: atOnce},
	"an hour from 5000 addresses, for a known sender": {addresses: 5000, lasts: time.Hour, known: true, most: atOnce},
	"an hour from 5000 addresses, for a new sender":   {addresses: 5000, lasts: time.Hour, most: nextSaved, least: atOnce},
	"an hour from a known sender's own address":       {lasts: time.Hour, known: true, most: nextSaved, least: atOnce},
}

const (
	atOnce    = 5 * time.Second  // a value that was just fetched is not fetched again before
	nextSaved = 40 * time.Second // another refresh is saved
)

func TestFloodDelaysANewKeyByNoMoreThanDocumented(t *testing.T) {
	t.Parallel()
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var longest time.Duration
			for early := time.Duration(0); early < nextSaved; early += 3 * time.Second {
				synctest.Test(t, func(t *testing.T) { longest = max(longest, f.delay(t, f.lasts-early)) })
			}
			if longest > f.most || longest < f.least {
				t.Errorf("the new key counted after %v, want %v to %v", longest, f.least, f.most)
			}
			t.Logf("the new key counted after %v at the latest", longest)
		})
	}
}

// delay returns how long after its put a new key counts, where the flood has lasted for a time before it and goes on.
func (f flood) delay(t *testing.T, before time.Duration) (delay time.Duration) {
	t.Helper()
	d := newFakeSecrets()
	instance := d.instance(t, 24*time.Hour)
	if f.known {
		outcomeFrom(t, instance, oldKey, senderAddress)
	}
	sent := 0
	send := func() {
		t.Helper()
		address := senderAddress
		if f.addresses > 0 {
			address = fmt.Sprintf("203.0.%d.%d", sent%f.addresses/256, sent%f.addresses%256)
		}
		if got := outcomeFrom(t, instance, strangersKey, address); got != hangup.Unauthorized {
			t.Fatalf("the stranger got %s", got)
		}
		sent++
		time.Sleep(500 * time.Millisecond)
	}
	for began := time.Now(); time.Since(began) < before; {
		send()
	}
	if d.calls > 120 {
		t.Errorf("%d calls of GetSecretValue in %v, want at most 120 an hour", d.calls, before)
	}
	d.putKey(newKey)
	put := time.Now()
	for outcomeFrom(t, instance, newKey, senderAddress) != vicicall.NoActiveCall {
		if time.Since(put) > time.Minute {
			t.Fatal("the new key does not count after a minute")
		}
		send()
	}
	delay = time.Since(put)
	if got := outcomeFrom(t, instance, oldKey, senderAddress); got != vicicall.NoActiveCall {
		t.Errorf("the old key got %s", got)
	}
	return delay
}
