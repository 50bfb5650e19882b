package vicicall_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"vicihook/vicicall"
)

var (
	hangupAnswers = map[string]step{
		"ok": ok, "lied": lied, "lost": lost, "silent": silent, "cut": cut, "gone": gone, "no agent": say(noAgent),
		"busy": answer(503, busy), "502": answer(502, ""), "504": answer(504, ""), "empty 500": answer(500, ""),
		"other agent": say(wrongOne), "bad password": say(badPass), "page": say("<html></html>"),
	}
	checkAnswers = map[string]step{
		"live": live, "gone": gone, "no agent": say(noAgent), "lost": lost, "silent": silent, "502": answer(502, ""),
		"busy": answer(503, busy), "other agent": say(wrongOne), "bad password": say(badPass), "SUCCESS": ok, "empty 500": answer(500, ""),
	}
)

// A transcript lists VICIdial's answers in order: "HANGUP ok", "CHECK live", …
type transcript []string

// last returns the last answer to a stage, and how many there were.
func (d transcript) last(stage string) (name string, count int) {
	for _, entry := range d {
		if s, n, _ := strings.Cut(entry, " "); s == stage {
			name, count = n, count+1
		}
	}
	return name, count
}

// contradiction returns what the transcript contradicts in an outcome, or "".
func (d transcript) contradiction(o vicicall.Outcome) string {
	hangup, hangups := d.last("HANGUP")
	check, checks := d.last("CHECK")
	end := d[len(d)-1]
	switch {
	case hangups > 2 || checks > 3:
		return "too many requests"
	case o == vicicall.HungUp && (hangup != "ok" || end != "CHECK gone"):
		return "hungup, but not accepted and seen gone"
	case o == vicicall.NoLongerListed && end != "CHECK gone" && (end != "HANGUP gone" || hangups != 2):
		return "no_longer_listed, but not seen gone"
	case o == vicicall.Accepted:
		return "accepted, though CHECK was asked"
	case o == vicicall.Unknown && (hangups == 0 || end == "CHECK live" || end == "CHECK gone" && !slices.Contains(d, "CHECK empty 500")):
		return "unknown, but no hang-up was sent, or CHECK showed it"
	case o == vicicall.StillListed && check != "live":
		return "still_listed, but not seen live"
	case o == vicicall.NoActiveCall && end != "HANGUP gone":
		return "no_active_call, but VICIdial did not answer so"
	case o == vicicall.AgentNotLoggedIn && end != "HANGUP no agent":
		return "agent_not_logged_in, but VICIdial did not answer so"
	}
	return d.secondContradiction()
}

// secondContradiction returns what is wrong with a second HANGUP.
func (d transcript) secondContradiction() string {
	for i, entry := range d {
		if i == 0 || !strings.HasPrefix(entry, "HANGUP") {
			continue
		}
		if d[i-1] != "CHECK live" {
			return "a second HANGUP for a call that was not seen live"
		}
		if slices.Contains([]string{"HANGUP lost", "HANGUP silent", "HANGUP cut", "HANGUP 504"}, d[0]) {
			return "a second HANGUP while the first may be running"
		}
	}
	return ""
}

// Whatever VICIdial answers, the outcome claims no more than was seen.
func TestHangupClaimsNoMoreThanItSaw(t *testing.T) {
	t.Parallel()
	names := map[string][]string{"HANGUP": slices.Sorted(maps.Keys(hangupAnswers)), "CHECK": slices.Sorted(maps.Keys(checkAnswers))}
	steps := map[string]map[string]step{"HANGUP": hangupAnswers, "CHECK": checkAnswers}
	outcomes := map[vicicall.Outcome]int{}
	for seed := range uint64(900) {
		random := rand.New(rand.NewPCG(seed, 0))
		var d transcript
		h := &host{pick: func(stage string) step {
			name := names[stage][random.IntN(len(names[stage]))]
			d = append(d, stage+" "+name)
			return steps[stage][name]
		}}
		synctest.Test(t, func(t *testing.T) {
			n := &network{t: t, hosts: map[string]*host{"localhost": h}}
			c := vicicall.NewOn(vicicall.Config{}, n.Dial)
			defer c.Close()
			result, err := c.Hangup(t.Context(), on("localhost"), theCall())
			assertConsistent(t, result, err, h)
			outcomes[result.Outcome]++
			if why := d.contradiction(result.Outcome); why != "" {
				t.Errorf("%s after %q: %s", result.Outcome, d, why)
			}
		})
	}
	for _, o := range []vicicall.Outcome{vicicall.HungUp, vicicall.NoLongerListed, vicicall.StillListed, vicicall.Unknown} {
		if outcomes[o] == 0 {
			t.Errorf("no run ended %s: %v", o, outcomes)
		}
	}
}
