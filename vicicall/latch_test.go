package vicicall_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

// atOnce hangs up n calls concurrently, and returns how often each outcome occurred.
func atOnce(t *testing.T, n int, c *vicicall.Client, cred vicicall.Credentials) map[vicicall.Outcome]int {
	var (
		all      sync.WaitGroup
		mu       sync.Mutex
		outcomes = map[vicicall.Outcome]int{}
	)
	for range n {
		all.Go(func() {
			r, _ := c.Hangup(t.Context(), cred, theCall())
			mu.Lock()
			defer mu.Unlock()
			outcomes[r.Outcome]++
		})
	}
	all.Wait()
	return outcomes
}

func TestAWrongPasswordCostsOneFailedLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return late(100*time.Millisecond, say(badPass)) }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		if outcomes := atOnce(t, 100, c, on("localhost")); outcomes[vicicall.CredentialsRejected] != 100 || len(h.seen) != 1 {
			t.Errorf("%v after %d requests", outcomes, len(h.seen))
		}
	})
}

func TestAnAcceptedAccountIsUsedConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return late(time.Second, say(noCall)) }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		start := time.Now()
		if outcomes := atOnce(t, 10, c, on("localhost")); outcomes[vicicall.NoActiveCall] != 10 || time.Since(start) != 2*time.Second {
			t.Errorf("%v in %v, want the first alone and all others together", outcomes, time.Since(start))
		}
	})
}

func TestWaitingForTheFirstLoginEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return silent }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		outcomes := atOnce(t, 5, c, on("localhost"))
		synctest.Wait()
		hangups := h.count("HANGUP")
		if outcomes[vicicall.Unknown] != hangups || outcomes[vicicall.Unavailable] != 5-hangups || hangups != 1 {
			t.Errorf("%v after %d hang-ups", outcomes, hangups)
		}
	})
}

// The server that redirects chooses the host, and may have put the request's password into it.
func TestARedirectsHostIsOnlyInTheCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{t: t, hosts: map[string]*host{"localhost": {hangups: steps{redirect("https://inner.example.com/")}}}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		r, err := c.Hangup(t.Context(), on("localhost"), theCall())
		failed, ok := err.(*vicicall.Error)
		if !ok || strings.Contains(r.Message+err.Error(), "inner") || failed.Err == nil || !strings.Contains(failed.Err.Error(), "https://inner.example.com") {
			t.Errorf("message %q, error %v", r.Message, err)
		}
	})
}

// Some languages that VICIdial ships leave the word ERROR in English, and none translates the fields of a refused login.
func TestARefusedLoginLatchesInEveryLanguage(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]vicicall.Outcome{
		"ERROR: Nombre y contraseña inválidos del usuario: |6666|S3cret|0|1|BAD|0|api|SELECT 1;|\n": vicicall.CredentialsRejected,
		"ERROR: Neplatné užívateľské meno/heslo: |6666|S3cret|0|1|LOCK|\n":                          vicicall.LockedOut,
		"エラー: 無効なユーザー名/パスワード: |6666|S3cret|0|1|BAD|0|api|SELECT 1;|\n":                              vicicall.CredentialsRejected,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &host{pick: func(string) step { return say(body) }}
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			for range 25 {
				if r, _ := c.Hangup(t.Context(), on("localhost"), theCall()); r.Outcome != want {
					t.Errorf("%q: %+v, want %s", body, r, want)
				}
			}
			if len(h.seen) != 1 {
				t.Errorf("%q: %d requests, want 1", body, len(h.seen))
			}
		})
	}
}
