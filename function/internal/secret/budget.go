package secret

import (
	"maps"
	"time"

	"golang.org/x/time/rate"
)

// Limits of forced refreshes. In any hour there are at most 114.
const (
	forceEvery = 40 * time.Second // in the long run
	forceSaved = 24               // at once, after a quiet time
	forceKept  = 8                // of these, for askers that have not asked of late
	forgetAsk  = 10 * time.Minute // after it an asker is a new one
)

// A budget decides whether a refresh may be forced. Anybody can cause one, by a signature that fits no key, and a key
// that was put just now needs one at once. So refreshes are saved up in quiet times, and the last ones saved are kept
// for an asker that has not had one of late: one stranger can't spend what somebody else's new key needs.
type budget struct {
	saved *rate.Limiter
	asked map[string]time.Time // when a refresh was last granted, by asker; as many as were granted in forgetAsk
}

func newBudget() budget {
	return budget{rate.NewLimiter(rate.Every(forceEvery), forceSaved), map[string]time.Time{}}
}

func (b *budget) take(asker string, now time.Time) bool {
	maps.DeleteFunc(b.asked, func(_ string, at time.Time) bool { return !within(forgetAsk, at, now) })
	_, again := b.asked[asker]
	if again && b.saved.TokensAt(now) < forceKept+1 || !b.saved.AllowN(now, 1) {
		return false
	}
	b.asked[asker] = now
	return true
}
