package hangup

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/vicicall"
)

// ErrMisconfigured marks an error of [Keys] or [Credentials] that waiting does not fix: a secret that is missing, that
// the function may not read or decrypt, or whose value can't be used. All their other errors may pass.
var ErrMisconfigured = errors.New("misconfigured")

// Refresh fetches the secret again, unless that was done just now, and reports whether it changed since it was loaded.
// asker is who caused it: one asker must not use up the refreshes of another.
type Refresh func(ctx context.Context, asker string) (changed bool, err error)

// Keys loads the webhook keys in force for a source. Verified records that one of them signed an asker's request: others
// must not use up the [Refresh] that it needs.
type Keys interface {
	Keys(ctx context.Context, source string) (source.Keys, Refresh, error)
	Verified(asker string)
}

// Credentials loads VICIdial's API account.
type Credentials interface {
	Credentials(context.Context) (vicicall.Credentials, Refresh, error)
}

// VICIdial finds a call and ends it, or in a dry run checks it. [vicicall.Client] implements it.
type VICIdial interface {
	Find(context.Context, vicicall.Credentials, vicicall.Query) (vicicall.Agent, error)
	Hangup(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error)
	Check(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error)
}

var _ VICIdial = (*vicicall.Client)(nil)

// A Handler ends calls for webhooks. Unless it is Broken, all fields but DryRun, Version and Now are required.
type Handler struct {
	Sources     *source.Sources
	Keys        Keys
	Credentials Credentials
	VICIdial    VICIdial
	Budget      time.Duration // from the gateway's own request time to the answer; a source may have its own
	DryRun      bool          // CHECK instead of HANGUP, for every source
	Log         *slog.Logger
	Version     string           // the function's own, for the log
	Broken      error            // a configuration that can't serve: every delivery is answered misconfigured
	Queue       Queue            // takes orders that another try may settle; nil = only senders try again
	Now         func() time.Time // nil = time.Now
}

// A delivery is one request and what the handler finds out about it.
type delivery struct {
	Request
	started   time.Time
	source    *source.Source // nil until known
	key       int            // index of the key that matched, or noKey
	challenge webhook.Echo   // the answer that the sender expects in place of a report; empty if this is no challenge

	redelivery int   // its number; 0 for the webhook itself
	queued     int   // orders that were put into the queue, to be tried again
	queueErr   error // why others were not
}

// noKey is the key index of a delivery that no key signed.
const noKey = -1

// Handle answers one delivery and logs one line. It always answers; a panic is answered as misconfigured.
func (h *Handler) Handle(ctx context.Context, r Request) Answer {
	d := &delivery{Request: r, started: h.now(), key: noKey}
	report := d.finish(h.serve(ctx, d))
	answer := d.answer(report)
	d.queued, d.queueErr = h.enqueue(ctx, d, report)
	h.log(ctx, d, report, answer.Status)
	return answer
}

// serve takes the steps in their fixed order. The first one that refuses returns the report.
func (h *Handler) serve(ctx context.Context, d *delivery) (r Report) {
	defer recovered(&r)
	if h.Broken != nil {
		return refuse(vicicall.Misconfigured, brokenMessage, nil)
	}
	if d.TooLarge {
		return refuse(TooLarge, "the body is larger than 256 KiB", nil)
	}
	known := false
	switch d.source, known = h.Sources.Lookup(d.Source); {
	case d.Undecodable != nil:
		return unauthorized(d.Undecodable)
	case !known:
		return unauthorized(errors.New("sources.json has no such source"))
	}
	if d.source.Fault != nil {
		return refuse(vicicall.Misconfigured, sourceFaultMessage, d.source.Fault)
	}
	ctx, cancel := bounded(ctx, h.deadline(d))
	defer cancel()

	if refusal := h.authenticate(ctx, d); refusal != nil {
		return *refusal
	}
	if challenge, ok := d.source.Challenge(d.Webhook); ok {
		d.challenge = challenge
		return Report{Outcome: Ignored, Message: "the sender's test was answered"}
	}
	items, err := d.source.Select(ctx, d.Webhook.Body)
	if err != nil {
		return refuseItem(err)
	}
	switch reports := h.endAll(ctx, d, items); {
	case len(reports) == 0:
		return Report{Outcome: Ignored, Message: "the payload names no call"}
	case !d.source.Batch:
		return reports[0]
	default:
		return batch(reports)
	}
}

// budget returns the source's own, or else that of all.
func (h *Handler) budget(d *delivery) time.Duration { return cmp.Or(d.source.Budget, h.Budget) }

// deadline counts from the gateway's own request time, as the sender does. It ignores a time that can't be right.
func (h *Handler) deadline(d *delivery) time.Time {
	budget := h.budget(d)
	if held := d.started.Sub(d.Received); held >= 0 && held <= 10*time.Second {
		return d.Received.Add(budget)
	}
	return d.started.Add(budget)
}

// answerTime is left for the queue, the log line and the answer before Lambda stops the function.
const answerTime = queueLimit + 200*time.Millisecond

// bounded is [context.WithDeadline] with a deadline that leaves answerTime of ctx's own.
func bounded(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && end.Add(-answerTime).Before(deadline) {
		deadline = end.Add(-answerTime)
	}
	return context.WithDeadline(ctx, deadline)
}

// authenticate returns nil for a delivery that one of the source's keys signed. It checks what needs no key before it
// fetches the keys: an unsigned request learns nothing of the source and costs no fetch. A signature that no key matches
// may be of a key stored a moment ago, so it is checked again if the keys have changed.
func (h *Handler) authenticate(ctx context.Context, d *delivery) *Report {
	if err := d.source.Verifier.Inspect(d.Webhook, d.started); err != nil {
		return new(unauthorized(err))
	}
	refusal, refresh := h.verify(ctx, d)
	if refusal == nil || !errors.Is(refusal.cause, webhook.ErrMismatch) {
		return refusal
	}
	if changed, err := refresh(ctx, d.Sender); err == nil && changed {
		refusal, _ = h.verify(ctx, d)
	}
	return refusal
}

func (h *Handler) verify(ctx context.Context, d *delivery) (*Report, Refresh) {
	keys, refresh, err := h.Keys.Keys(ctx, d.source.Name)
	switch {
	case err != nil:
		return new(withoutSecret("the webhook keys", err)), nil
	case keys.Refused != nil:
		return new(unauthorized(keys.Refused)), nil
	case keys.Paused && len(keys.Keys) == 0:
		return new(refuse(Paused, pausedMessage, nil)), nil
	}
	if d.key, err = d.source.Verifier.Verify(d.Webhook, keys.Keys, h.now()); err != nil {
		d.key = noKey
		return new(unauthorized(err)), refresh
	}
	h.Keys.Verified(d.Sender)
	if keys.Paused {
		return new(refuse(Paused, pausedMessage, nil)), nil
	}
	return nil, nil
}

func (h *Handler) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}
