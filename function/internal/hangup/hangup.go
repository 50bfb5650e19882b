package hangup

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// atOnce bounds how many calls of one batch are ended side by side: VICIdial has one database.
const atOnce = 4

// endAll ends the calls of a delivery: items that name the same call once.
func (h *Handler) endAll(ctx context.Context, src *source.Source, items []source.Item) Report {
	if len(items) == 0 {
		return Report{Outcome: Ignored, Message: "the payload names no call"}
	}
	for i, item := range items {
		if !item.Ignored && item.Err == nil {
			items[i].Err = callOf(src, item).Validate()
		}
	}
	if !src.Batch {
		return h.end(ctx, src, items[0]).withOrder(items[0].Order)
	}
	var (
		reports = make([]Report, len(items))
		first   = firstOfSameCall(items)
		slots   = make(chan struct{}, atOnce)
		running sync.WaitGroup
	)
	for i, item := range items {
		if first[i] != i {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			reports[i] = recovered(func() Report { return h.end(ctx, src, item) })
		})
	}
	running.Wait()
	for i, item := range items {
		reports[i] = reports[first[i]].withOrder(item.Order)
		if done := items[first[i]].Order; done.AgentUser != item.AgentUser || done.Disposition != item.Disposition {
			reports[i] = reports[i].asDoneFor(done)
		}
	}
	return batch(reports)
}

func callOf(src *source.Source, item source.Item) vicicall.Call {
	return vicicall.Call{
		ID: item.CallID, AgentUser: item.AgentUser, Disposition: item.Disposition, Source: src.APISource(),
	}
}

// firstOfSameCall returns for each item the index of the first that acts on the same call: often its own.
func firstOfSameCall(items []source.Item) []int {
	byCall := make(map[string]int, len(items))
	first := make([]int, len(items))
	for i, item := range items {
		first[i] = i
		if item.Ignored || item.Err != nil {
			continue
		}
		if earlier, repeated := byCall[item.CallID]; repeated {
			first[i] = earlier
			continue
		}
		byCall[item.CallID] = i
	}
	return first
}

// end ends one call and returns what came of it.
func (h *Handler) end(ctx context.Context, src *source.Source, item source.Item) Report {
	if item.Ignored {
		return Report{Outcome: Ignored, Message: "the source's `when` does not ask for a hang-up"}
	}
	if err := cmp.Or(item.Err, ctx.Err()); err != nil {
		return refuseItem(err)
	}
	return h.ask(ctx, callOf(src, item), h.DryRun || src.DryRun)
}

// ask lets VICIdial end the call, a second time if it refused the account and a newer one is there. An account that was
// refused only to the second HANGUP is not tried again: the first HANGUP may have done work.
func (h *Handler) ask(ctx context.Context, call vicicall.Call, dryRun bool) Report {
	first, refresh := h.askOnce(ctx, call, dryRun)
	refused := first.Outcome == vicicall.CredentialsRejected || first.Outcome == vicicall.LockedOut
	if !refused || first.Attempts > 1 {
		return first
	}
	if changed, err := refresh(ctx, ""); err != nil || !changed {
		return first
	}
	second, _ := h.askOnce(ctx, call, dryRun)
	second.Attempts += first.Attempts
	second.vicidial += first.vicidial
	return second
}

func (h *Handler) askOnce(ctx context.Context, call vicicall.Call, dryRun bool) (Report, Refresh) {
	account, refresh, err := h.Credentials.Credentials(ctx)
	if err != nil {
		return withoutSecret("VICIdial's API account", err), nil
	}
	act := h.VICIdial.Hangup
	if dryRun {
		act = h.VICIdial.Check
	}
	result, err := act(ctx, account, call)
	return Report{
		Outcome: result.Outcome, Message: result.Message, Reply: result.Reply,
		Attempts: result.Attempts, cause: causeOf(err), vicidial: result.Elapsed,
	}, refresh
}

// causeOf returns what an error of the client says beyond its message.
func causeOf(err error) error {
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		return failed.Err
	}
	return err
}
