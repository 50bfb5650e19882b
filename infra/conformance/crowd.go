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

// stage resets VICIdial and adds the calls, each with an agent of its own.
func (c crowd) stage(ctx context.Context, r *real) ([]call, error) {
	err := r.reset(ctx)
	calls := make([]call, c.calls)
	for i := range calls {
		lead := fmt.Sprint(500000 + i)
		calls[i] = call{ID: "Y126113150" + "0000" + lead, Agent: fmt.Sprint(2000 + i), Lead: lead, Phone: "3125550100", Code: "T" + lead}
		if err == nil {
			err = r.addAgent(ctx, calls[i].Agent)
		}
		if err == nil {
			err = r.addCall(ctx, calls[i])
		}
	}
	return calls, err
}

// playCrowd sends a crowd's webhooks. Its verdict is wrong if a call is still listed, or an outcome does not fit a call
// that has ended.
func (b *binaries) playCrowd(ctx context.Context, r *real, c crowd) verdict {
	calls, err := c.stage(ctx, r)
	if err != nil {
		return verdict{"failed", err.Error()}
	}
	st, err := b.start(ctx, r, "10s")
	if err != nil {
		return verdict{"failed", err.Error()}
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
	return verdict{fmt.Sprint(seen), wrong}
}
