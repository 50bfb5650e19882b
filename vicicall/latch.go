package vicicall

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

const (
	latchTime  = 15 * time.Minute // how long VICIdial's own lock lasts
	maxTaken   = 100              // accounts that are remembered as good
	adviceWait = "another request was still finding out whether VICIdial takes this account"
)

// accounts remembers what VICIdial said of each set of credentials, since each wrong password brings it closer to
// locking the account: a refusal is returned for every further request, and until an account was taken once, one
// request at a time may try it.
type accounts struct {
	now func() time.Time

	mu      sync.Mutex
	trials  map[[sha256.Size]byte]chan struct{} // each holds a token while a request tries the account
	taken   map[[sha256.Size]byte]bool
	latches map[[sha256.Size]byte]latch
}

// A latch is a refusal that is returned without asking again.
type latch struct {
	outcome Outcome
	message string
	until   time.Time
}

func newAccounts(now func() time.Time) *accounts {
	return &accounts{
		now: now, trials: map[[sha256.Size]byte]chan struct{}{},
		taken: map[[sha256.Size]byte]bool{}, latches: map[[sha256.Size]byte]latch{},
	}
}

// admit waits for the credentials' turn. The request may be sent if the verdict has no outcome; release follows it.
func (a *accounts) admit(ctx context.Context, cred Credentials) (release func(), v verdict) {
	none := func() {}
	if v, known := a.known(cred); known {
		return none, v
	}
	trial := a.trial(cred)
	select {
	case trial <- struct{}{}:
	case <-ctx.Done():
		return none, verdict{Unavailable, Unavailable.Advice() + " (" + adviceWait + ")", ctx.Err()}
	}
	release = func() { <-trial }
	if v, known := a.known(cred); known { // the request before has found out
		release()
		return none, v
	}
	return release, verdict{}
}

// trial is the credentials' own: a hang-up may look its call up with the other account meanwhile.
func (a *accounts) trial(cred Credentials) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := cred.digest()
	if a.trials[id] == nil {
		a.trials[id] = make(chan struct{}, 1)
	}
	return a.trials[id]
}

// known reports whether VICIdial has taken or refused these credentials, and returns the refusal.
func (a *accounts) known(cred Credentials) (verdict, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := cred.digest()
	if l, refused := a.latches[id]; refused && a.now().Before(l.until) {
		return verdict{l.outcome, "not asked again before " + l.until.UTC().Format(time.RFC3339) + " or with new credentials: " + l.message, nil}, true
	}
	return verdict{}, a.taken[id]
}

// refused remembers that VICIdial refused the credentials.
func (a *accounts) refused(cred Credentials, o Outcome, message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	maps.DeleteFunc(a.latches, func(_ [sha256.Size]byte, l latch) bool { return !now.Before(l.until) })
	id := cred.digest()
	delete(a.taken, id)
	a.latches[id] = latch{o, message, now.Add(latchTime)}
}

// accepted remembers that VICIdial took user and password.
func (a *accounts) accepted(cred Credentials) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.taken) >= maxTaken {
		clear(a.taken)
		clear(a.trials)
	}
	a.taken[cred.digest()] = true
}
