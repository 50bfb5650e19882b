package main

import (
	"context"
	"fmt"
	"sync"
)

// A crowd is many webhooks at once against the real server: two for each of its calls, or one.
type crowd struct {
	name            string
	calls, each, at int // how many calls, webhooks for each, and webhooks at the same time
}

var crowds = []crowd{
	{"two webhooks for each of 20 calls, at once", 20, 2, 2},
	{"200 calls, 8 at once", 200, 1, 8},
}

// playCrowd returns what went wrong: a call that is still listed, or an answer that is not true of a call that is gone.
func (b *binaries) playCrowd(ctx context.Context, r *real, c crowd) verdict {
	v, err := b.crowd(ctx, r, c)
	if err != nil {
		return verdict{"failed", err.Error()}
	}
	return v
}

func (b *binaries) crowd(ctx context.Context, r *real, c crowd) (verdict, error) {
	if err := r.reset(ctx); err != nil {
		return verdict{}, err
	}
	calls := make([]call, c.calls)
	for i := range calls {
		lead := fmt.Sprint(500000 + i)
		calls[i] = call{ID: "Y126113150" + "0000" + lead, Agent: fmt.Sprint(2000 + i), Lead: lead, Phone: "3125550100", Code: "T" + lead}
		if err := r.addAgent(ctx, calls[i].Agent); err != nil {
			return verdict{}, err
		}
		if err := r.addCall(ctx, calls[i]); err != nil {
			return verdict{}, err
		}
	}
	st, err := b.start(ctx, r, "10s")
	if err != nil {
		return verdict{}, err
	}
	defer st.Stop()
	var (
		all   sync.WaitGroup
		slots = make(chan struct{}, c.at)
		mu    sync.Mutex
		seen  = map[string]int{}
		wrong string
	)
	for _, one := range calls {
		for range c.each {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				outcome, err := b.send(ctx, st, "crm", fmt.Sprintf(`{"call_id":%q,"agent_user":%q,"disposition":"SALE"}`, one.ID, one.Agent))
				mu.Lock()
				defer mu.Unlock()
				seen[outcome]++
				if err != nil {
					wrong = err.Error()
				}
			})
		}
	}
	all.Wait()
	for _, one := range calls {
		if is, err := r.state(ctx, one.ID); err != nil || is.Listed || is.Hangups == 0 {
			wrong = fmt.Sprintf("call %s: listed %t, %d orders to hang up, %v", one.ID, is.Listed, is.Hangups, err)
		}
	}
	for outcome := range seen {
		if outcome != "hungup" && outcome != "no_active_call" && outcome != "no_longer_listed" {
			wrong = "an outcome is " + outcome
		}
	}
	return verdict{fmt.Sprint(seen), wrong}, nil
}
