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
		return h.end(ctx, src, items[0]).about(items[0])
	}
	var (
		reports = make([]Report, len(items))
		same    = sameCall(items)
		slots   = make(chan struct{}, atOnce)
		running sync.WaitGroup
	)
	for i, item := range items {
		if same[i] != i {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			reports[i] = surviving(func() Report { return h.end(ctx, src, item) })
		})
	}
	running.Wait()
	for i, item := range items {
		reports[i] = reports[same[i]].about(item) // a repeated item has the outcome of the first and words of its own
	}
	return batch(reports)
}

func callOf(src *source.Source, item source.Item) vicicall.Call {
	return vicicall.Call{
		ID: item.CallID, AgentUser: item.AgentUser, Disposition: item.Disposition, Source: src.APISource(),
	}
}

// sameCall gives for each item the index of the first that acts on the same call: its own where none does.
func sameCall(items []source.Item) []int {
	first := make(map[string]int, len(items))
	same := make([]int, len(items))
	for i, item := range items {
		same[i] = i
		if item.Ignored || item.Err != nil {
			continue
		}
		if earlier, repeated := first[item.CallID]; repeated {
			same[i] = earlier
			continue
		}
		first[item.CallID] = i
	}
	return same
}

// about says whom a report is about, in the item's own words.
func (r Report) about(item source.Item) Report {
	order := legible(item.Order)
	r.CallID, r.AgentUser, r.Disposition = order.CallID, order.AgentUser, order.Disposition
	r.Ref, r.actor = order.Ref, order.Actor
	return r
}

// legible drops from an order what VICIdial could not take: it may be whatever stands in the payload, where an
// expression of sources.json misses, so answer and log name its field only.
func legible(o source.Order) source.Order {
	call := vicicall.Call{ID: o.CallID, AgentUser: o.AgentUser, Disposition: o.Disposition}
	faults, _ := call.Validate().(interface{ Unwrap() []error })
	if faults == nil {
		return o
	}
	values := map[string]*string{"call_id": &o.CallID, "agent_user": &o.AgentUser, "disposition": &o.Disposition}
	for _, fault := range faults.Unwrap() {
		if field, ok := errors.AsType[*vicicall.FieldError](fault); ok && values[field.Field] != nil {
			*values[field.Field] = ""
		}
	}
	return o
}

// end ends one call and tells what came of it.
func (h *Handler) end(ctx context.Context, src *source.Source, item source.Item) Report {
	if item.Ignored {
		return Report{Outcome: Ignored, Message: "the source's `when` does not ask for a hang-up"}
	}
	if err := cmp.Or(item.Err, ctx.Err()); err != nil {
		return refusedItem(err)
	}
	return h.ask(ctx, callOf(src, item), h.DryRun || src.DryRun)
}

// ask lets VICIdial end the call, a second time if it refused the account and a newer one is to be had. An account
// that was refused only to the second HANGUP is left at that: the first was taken, and two may do work, no third.
func (h *Handler) ask(ctx context.Context, call vicicall.Call, dryRun bool) Report {
	first, refresh := h.askOnce(ctx, call, dryRun)
	refused := first.Outcome == vicicall.CredentialsRejected || first.Outcome == vicicall.LockedOut
	if !refused || first.Attempts > 1 {
		return first
	}
	if changed, err := refresh(ctx); err != nil || !changed {
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

// causeOf is what an error of the client tells beyond the message.
func causeOf(err error) error {
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		return failed.Err
	}
	return err
}
