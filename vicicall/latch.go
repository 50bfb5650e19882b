package vicicall

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

const (
	latchTime = 15 * time.Minute // how long VICIdial's own lock lasts
	maxLogins = 100              // that are remembered, beside those that are refused
)

// logins remembers whether VICIdial accepts each set of credentials, since each wrong password brings an account closer
// to being locked: a refusal is returned for every further request, and until the credentials were accepted once, one
// request at a time may try them.
type logins struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[[sha256.Size]byte]*login // by digest of the credentials
}

type login struct {
	trial    chan struct{} // holds a token while a request tries the credentials
	accepted bool
	refusal  verdict // counts until the time below
	until    time.Time
}

// admit waits for the credentials' turn. The request may be sent if the verdict has no outcome; release follows it.
func (ls *logins) admit(ctx context.Context, cred Credentials) (release func(), v verdict) {
	none := func() {}
	l, v, known := ls.look(cred)
	if known {
		return none, v
	}
	select {
	case l.trial <- struct{}{}:
	case <-ctx.Done():
		return none, verdict{Unavailable, Unavailable.Advice() + " (another request was still trying this account)", ctx.Err()}
	}
	release = func() { <-l.trial }
	if _, v, known = ls.look(cred); known { // the request before has shown it
		release()
		return none, v
	}
	return release, verdict{}
}

// look returns the credentials' login, the refusal that counts now, and whether VICIdial has accepted or refused them.
func (ls *logins) look(cred Credentials) (l *login, refusal verdict, known bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l = ls.of(cred); ls.now().Before(l.until) {
		return l, l.refusal, true
	}
	return l, verdict{}, l.accepted
}

// refused remembers that VICIdial refused the credentials.
func (ls *logins) refused(cred Credentials, o Outcome, message string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of(cred)
	l.accepted, l.until = false, ls.now().Add(latchTime)
	l.refusal = verdict{o, "not asked again before " + l.until.UTC().Format(time.RFC3339) + " or with new credentials: " + message, nil}
}

// accepted remembers that VICIdial accepted user and password.
func (ls *logins) accepted(cred Credentials) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.of(cred).accepted = true
}

// of returns the credentials' own login: a hang-up and its lookup have different accounts. ls is locked.
func (ls *logins) of(cred Credentials) *login {
	id := cred.digest()
	if ls.byID[id] == nil {
		if len(ls.byID) >= maxLogins {
			maps.DeleteFunc(ls.byID, func(_ [sha256.Size]byte, l *login) bool { return !ls.now().Before(l.until) })
		}
		ls.byID[id] = &login{trial: make(chan struct{}, 1)}
	}
	return ls.byID[id]
}
