package hangup

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// A task is one item of a delivery, with its report.
type task struct {
	source.Item
	report Report // final as soon as it has an outcome
	first  *task  // the first task for the same call: often itself
}

// endAll finds and ends the calls of a delivery, items that mean the same call once. It returns a report for each item.
func (h *Handler) endAll(ctx context.Context, d *delivery, items []source.Item) []Report {
	tasks := make([]task, len(items))
	sideBySide(len(tasks), func(i int) {
		tasks[i].Item = items[i]
		tasks[i].report = h.prepare(ctx, d, &tasks[i])
	})
	byCall := map[string]*task{}
	for i := range tasks {
		t := &tasks[i]
		t.first = t
		if t.report.Outcome == "" {
			t.first = cmp.Or(byCall[t.CallID], t)
			byCall[t.CallID] = t.first
		}
	}
	sideBySide(len(tasks), func(i int) {
		if t := &tasks[i]; t.first == t && t.report.Outcome == "" {
			t.report = h.end(ctx, d.source, t)
		}
	})
	reports := make([]Report, len(tasks))
	for i := range tasks {
		reports[i] = tasks[i].finalReport()
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

// prepare completes the item with the call that it describes. It returns the report of an item that ends no call, else a
// report without an outcome.
func (h *Handler) prepare(ctx context.Context, d *delivery, t *task) (r Report) {
	defer recovered(&r)
	if t.Ignored {
		return Report{Outcome: Ignored, Message: "the source's `when` does not ask for a hang-up"}
	}
	if err := cmp.Or(t.Err, ctx.Err()); err != nil {
		return refuseItem(err)
	}
	return h.find(ctx, d, &t.Order)
}

// finalReport returns the task's report, or for a repeated call that of the first task. Then nothing was sent for this
// one, so it must not claim that its own agent or disposition was booked.
func (t *task) finalReport() Report {
	r := t.first.report.withOrder(t.Order)
	if t.first.AgentUser != t.AgentUser || t.first.Disposition != t.Disposition {
		r.AgentUser, r.Disposition = t.first.AgentUser, t.first.Disposition
		r.Message = "done for another item that names this call: " + r.Message
	}
	r.toolCall, r.notes = t.ToolCall, t.Notes
	return r
}

// end ends one call, or in a dry run checks whether it could.
func (h *Handler) end(ctx context.Context, src *source.Source, t *task) (r Report) {
	defer recovered(&r)
	if err := ctx.Err(); err != nil {
		return refuseItem(err)
	}
	act := h.VICIdial.Hangup
	if h.DryRun || src.DryRun {
		act = h.VICIdial.Check
	}
	call := vicicall.Call{ID: t.CallID, AgentUser: t.AgentUser, Disposition: t.Disposition, Source: src.APISource()}
	r = h.withAccount(ctx, func(account vicicall.Credentials) Report {
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

// withAccount calls ask with VICIdial's account, and once more if VICIdial refused it and a newer one is stored. An
// account that was refused only to the second HANGUP is not tried again: the first HANGUP may have done work.
func (h *Handler) withAccount(ctx context.Context, ask func(vicicall.Credentials) Report) Report {
	account, refresh, err := h.Credentials.Credentials(ctx)
	if err != nil {
		return withoutSecret("VICIdial's API account", err)
	}
	first := ask(account)
	refused := first.Outcome == vicicall.CredentialsRejected || first.Outcome == vicicall.LockedOut
	if !refused || first.Attempts > 1 {
		return first
	}
	if changed, err := refresh(ctx, ""); err != nil || !changed {
		return first
	}
	if account, _, err = h.Credentials.Credentials(ctx); err != nil {
		return first
	}
	second := ask(account)
	second.Attempts += first.Attempts
	second.vicidial += first.vicidial
	return second
}

// causeOf returns the cause of a client's error, which its message leaves out.
func causeOf(err error) error {
	if failed, ok := errors.AsType[*vicicall.Error](err); ok {
		return failed.Err
	}
	return err
}
