package vicicall_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vicihook/vicicall"
)

// atOnce hangs up n calls side by side, and returns how often each outcome came.
func atOnce(t *testing.T, n int, c *vicicall.Client, cred vicicall.Credentials) map[vicicall.Outcome]int {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		came = map[vicicall.Outcome]int{}
	)
	for range n {
		all.Go(func() {
			r, _ := c.Hangup(t.Context(), cred, theCall())
			mu.Lock()
			defer mu.Unlock()
			came[r.Outcome]++
		})
	}
	all.Wait()
	return came
}

func TestAWrongPasswordCostsOneFailedLoginHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return late(100*time.Millisecond, say(badPass)) }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		if came := atOnce(t, 100, c, on("localhost")); came[vicicall.CredentialsRejected] != 100 || len(h.seen) != 1 {
			t.Errorf("%v after %d requests", came, len(h.seen))
		}
	})
}

func TestAnAccountThatWasTakenIsUsedSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return late(time.Second, say(noCall)) }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		start := time.Now()
		if came := atOnce(t, 10, c, on("localhost")); came[vicicall.NoActiveCall] != 10 || time.Since(start) != 2*time.Second {
			t.Errorf("%v in %v, want the first alone and all others together", came, time.Since(start))
		}
	})
}

func TestWhoWaitsForTheFirstTrialIsUnavailableWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &host{pick: func(string) step { return silent }}
		n := &network{t: t, hosts: map[string]*host{"localhost": h}}
		c := vicicall.NewOn(vicicall.Config{}, n.Dial)
		defer c.Close()
		came := atOnce(t, 5, c, on("localhost"))
		synctest.Wait()
		hangups := h.count("HANGUP")
		if came[vicicall.Unknown] != hangups || came[vicicall.Unavailable] != 5-hangups || hangups != 1 {
			t.Errorf("%v after %d hang-ups", came, hangups)
		}
	})
}

// The host of a redirect is chosen by whoever answers as VICIdial, perhaps made of the request's password.
func TestARedirectsHostIsInTheCauseAndNotInTheMessage(t *testing.T) {
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

// Of some languages that VICIdial ships the word ERROR is English, and of none the fields of a refused login change.
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
