package hangup

import (
	"context"
	"log/slog"

	"vicihook/vicicall"
)

// log writes the delivery's one line. It contains no body, header, key or query, and no text of a stranger: an unknown
// source is logged as "-".
func (h *Handler) log(ctx context.Context, d *delivery, r Report, status int) {
	name := "-"
	if d.source != nil {
		name = d.source.Name
	}
	attrs := []slog.Attr{slog.String("source", name), slog.Int("status", status)}
	attrs = append(attrs, r.attrs()...)
	if len(r.Calls) > 0 {
		attrs = append(attrs, slog.Any("calls", logged(r.Calls)))
	}
	if d.key != noKey {
		attrs = append(attrs,
			slog.Bool("signed", d.source.Verifier.Signed()), slog.Int("key", d.key))
		if id := d.source.Verifier.DeliveryID(d.Webhook); id != "" {
			attrs = append(attrs, slog.String("delivery_id", id))
		}
	}
	if d.redelivery > 0 {
		attrs = append(attrs, slog.Int("redelivery", d.redelivery))
	}
	if d.queued > 0 {
		attrs = append(attrs, slog.Int("queued", d.queued))
	}
	if d.queueErr != nil {
		attrs = append(attrs, slog.String("queue_error", d.queueErr.Error()))
	}
	if !d.Received.IsZero() {
		attrs = append(attrs, slog.Int64("held_ms", d.started.Sub(d.Received).Milliseconds()))
	}
	attrs = append(attrs,
		slog.Int64("duration_ms", h.now().Sub(d.started).Milliseconds()),
		slog.String("request_id", d.ID), slog.String("version", h.Version))
	h.Log.LogAttrs(ctx, level(r), r.whole, attrs...)
}

// level returns ERROR for what an operator must fix, so that an alarm can watch it. A stranger's request, a paused source
// and a passing failure are no errors.
func level(r Report) slog.Level {
	switch {
	case r.Outcome == Paused:
		return slog.LevelInfo
	case r.Outcome == vicicall.Unavailable:
		return slog.LevelWarn
	case r.Fault == OperatorFault:
		return slog.LevelError
	case r.Fault == VICIdialFault:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// attrs returns the report's fields of the log line.
func (r Report) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("outcome", string(r.Outcome))}
	for _, field := range []struct{ name, value string }{
		{"fault", string(r.Fault)}, {"call_id", r.CallID}, {"agent_user", r.AgentUser}, {"disposition", r.Disposition},
		{"lead_id", r.leadID}, {"ref", r.Ref}, {"actor", r.actor}, {"reply", r.Reply},
	} {
		if field.value != "" {
			attrs = append(attrs, slog.String(field.name, field.value))
		}
	}
	if r.cause != nil {
		attrs = append(attrs, slog.String("cause", r.cause.Error()))
	}
	if len(r.notes) > 0 {
		attrs = append(attrs, slog.Any("notes", r.notes))
	}
	if r.Attempts > 0 {
		attrs = append(attrs, slog.Int("attempts", r.Attempts))
	}
	if r.vicidial > 0 {
		attrs = append(attrs, slog.Int64("vicidial_ms", r.vicidial.Milliseconds()))
	}
	return attrs
}

// logged returns for each call of a batch the fields that a line of its own would have.
func logged(calls []Report) []map[string]any {
	lines := make([]map[string]any, len(calls))
	for i, c := range calls {
		lines[i] = map[string]any{"message": c.whole}
		for _, a := range c.attrs() {
			lines[i][a.Key] = a.Value.Any()
		}
	}
	return lines
}
