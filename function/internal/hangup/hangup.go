package hangup

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// A task is one item of a delivery on its way to its report.
type task struct {
	source.Item
	report Report // decided as soon as it has an outcome
}

// endAll finds and ends the calls of a delivery, items that mean the same call once. It returns a report for each item.
func (h *Handler) endAll(ctx context.Context, d *delivery, items []source.Item) []Report {
	tasks := make([]task, len(items))
	sideBySide(len(tasks), func(i int) {
		t := &tasks[i]
		t.Item = items[i]
		t.report = recovered(func() Report { return h.prepare(ctx, d, t) })
	})
	first := firstOfSameCall(tasks)
	sideBySide(len(tasks), func(i int) {
		if t := &tasks[i]; first[i] == i && t.report.Outcome == "" {
			t.report = recovered(func() Report { return h.end(ctx, d.source, t) })
		}
	})
	reports := make([]Report, len(tasks))
	for i := range tasks {
		reports[i] = tasks[i].finished(&tasks[first[i]])
	}
	return reports
}

// sideBySide runs do for each index, few at a time: VICIdial has one database.
func sideBySide(n int, do func(i int)) {
	const atOnce = 4
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	running.Wait()
}

// prepare returns the report of an item that ends no call, or the zero one and the call in the item.
func (h *Handler) prepare(ctx context.Context, d *delivery, t *task) Report {
	if t.Ignored {
		return Report{Outcome: Ignored, Message: "the source's `when` does not ask for a hang-up"}
	}
	if err := cmp.Or(t.Err, ctx.Err()); err != nil {
		return refuseItem(err)
	}
	return h.find(ctx, d, &t.Order)
}

// firstOfSameCall returns for each task the index of the first that acts on the same call: often its own.
func firstOfSameCall(tasks []task) []int {
	byCall := make(map[string]int, len(tasks))
	first := make([]int, len(tasks))
	for i, t := range tasks {
		first[i] = i
		if t.report.Outcome != "" {
			continue
		}
		if earlier, repeated := byCall[t.CallID]; repeated {
			first[i] = earlier
			continue
		}
		byCall[t.CallID] = i
	}
	return first
}

// finished returns the task's report, or for a repeated call that of the first task that names it. Then nothing was
// sent for this one, so it must not claim that its own agent or disposition was booked.
func (t *task) finished(first *task) Report {
	r := first.report.withOrder(t.Order)
	if first.AgentUser != t.AgentUser || first.Disposition != t.Disposition {
		r.AgentUser, r.Disposition = first.AgentUser, first.Disposition
		r.Message = "done for another item that names this call: " + r.Message
	}
	r.toolCall, r.notes = t.ToolCall, t.Notes
	return r
}

// end ends one call, or in a dry run looks whether it could.
func (h *Handler) end(ctx context.Context, src *source.Source, t *task) Report {
	if err := ctx.Err(); err != nil {
		return refuseItem(err)
	}
	act := h.VICIdial.Hangup
	if h.DryRun || src.DryRun {
		act = h.VICIdial.Check
	}
	call := vicicall.Call{ID: t.CallID, AgentUser: t.AgentUser, Disposition: t.Disposition, Source: src.APISource()}
	r := h.withAccount(ctx, func(account vicicall.Credentials) Report {
		result, err := act(ctx, account, call)
		return Report{
			Outcome: result.Outcome, Message: result.Message, Reply: result.Reply,
			Attempts: result.Attempts, cause: causeOf(err), vicidial: result.Elapsed,
		}
	})
	r.leadID = t.report.leadID
	r.vicidial += t.report.vicidial
	return r
}

// withAccount lets ask use VICIdial's account, a second time if VICIdial refused it and a newer one is there. An account
// that was refused only to the second HANGUP is not tried again: the first HANGUP may have done work.
func (h *Handler) withAccount(ctx context.Context, ask func(vicicall.Credentials) Report) Report {
	first, refresh := h.askOnce(ctx, ask)
	refused := first.Outcome == vicicall.CredentialsRejected || first.Outcome == vicicall.LockedOut
	if !refused || first.Attempts > 1 {
		return first
	}
	if changed, err := refresh(ctx, ""); err != nil || !changed {
		return first
	}
	second, _ := h.askOnce(ctx, ask)
	second.Attempts += first.Attempts
	second.vicidial += first.vicidial
	return second
}

func (h *Handler) askOnce(ctx context.Context, ask func(vicicall.Credentials) Report) (Report, Refresh) {
	account, refresh, err := h.Credentials.Credentials(ctx)
	if err != nil {
		return withoutSecret("VICIdial's API account", err), nil
	}
	return ask(account), refresh
}

// causeOf returns what an error of the client says beyond its message.
func causeOf(err error) error {
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		return failed.Err
	}
	return err
}
