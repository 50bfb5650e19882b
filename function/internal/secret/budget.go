package secret

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// Limits of forced refreshes. In any hour there are at most 114.
const (
	forceEvery = 40 * time.Second // in the long run
	forceSaved = 24               // at once, after a quiet time

	// Saved refreshes that an asker can't spend, by whether it was verified and whether it had one lately.
	leftByVerified       = 0
	leftByVerifiedLately = 2
	leftByStranger       = 4
	leftByStrangerLately = 8

	forgetAsked    = 10 * time.Minute
	forgetVerified = 24 * time.Hour
	maxVerified    = 256
)

// A budget decides whether a refresh may be forced. Anybody can cause one, by a signature that fits no key, and a key
// that was put just now needs one at once. So refreshes are saved up in quiet times, and not everybody may spend the
// last of them. A flood from any number of addresses leaves what a verified sender's new key needs.
type budget struct {
	saved    *rate.Limiter
	asked    map[string]time.Time // when an asker last had a refresh; as many as were granted in forgetAsked
	verified map[string]time.Time // when an asker was last verified; at most maxVerified
}

func newBudget() budget {
	return budget{rate.NewLimiter(rate.Every(forceEvery), forceSaved), map[string]time.Time{}, map[string]time.Time{}}
}

// take reports whether asker may force a refresh, and counts it.
func (b *budget) take(asker string, now time.Time) bool {
	left := leftByStranger
	verified, lately := known(b.verified, asker, forgetVerified, now), known(b.asked, asker, forgetAsked, now)
	switch {
	case verified && lately:
		left = leftByVerifiedLately
	case verified:
		left = leftByVerified
	case lately:
		left = leftByStrangerLately
	}
	if b.saved.TokensAt(now) < float64(left+1) || !b.saved.AllowN(now, 1) {
		return false
	}
	b.asked[asker] = now
	return true
}

// verify remembers an asker, in place of the one that was verified the longest ago if there are too many.
func (b *budget) verify(asker string, now time.Time) {
	if !known(b.verified, asker, forgetVerified, now) && len(b.verified) == maxVerified {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(b.verified)), func(x, y string) int {
			return b.verified[x].Compare(b.verified[y])
		})
		delete(b.verified, oldest)
	}
	b.verified[asker] = now
}

// known reports whether asker is among those that were seen less than d ago. It forgets the others.
func known(seen map[string]time.Time, asker string, d time.Duration, now time.Time) bool {
	maps.DeleteFunc(seen, func(_ string, at time.Time) bool { return !within(d, at, now) })
	_, ok := seen[asker]
	return ok
}
