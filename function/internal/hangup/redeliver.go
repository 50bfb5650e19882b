package hangup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// MaxRedeliveries bounds the tries of an order from the queue.
const MaxRedeliveries = 3

// Later than that the call has most likely ended by itself.
const (
	redeliverFor = 120 * time.Second // from when the webhook was received
	queueLimit   = 500 * time.Millisecond
)

// A Redelivery is an order that is tried again without its sender. It has no body and no key, and the lead, the phone and
// the code only as long as the call was not found.
type Redelivery struct {
	Source         string    `json:"source"`
	CallID         string    `json:"call_id,omitempty"`
	AgentUser      string    `json:"agent_user,omitempty"`
	LeadID         string    `json:"lead_id,omitempty"`
	Phone          string    `json:"phone,omitempty"`
	VendorLeadCode string    `json:"vendor_lead_code,omitempty"`
	Disposition    string    `json:"disposition,omitempty"`
	Ref            string    `json:"ref,omitempty"`
	Actor          string    `json:"actor,omitempty"`
	RequestID      string    `json:"request_id"` // of the webhook
	Received       time.Time `json:"received"`
	Tries          int       `json:"tries"` // 1 for the first redelivery
}

// Queue delays redeliveries and returns each to [Handler.Redeliver], as JSON.
type Queue interface {
	Put(context.Context, Redelivery) error
}

// redeliverable reports whether another try may end the call.
func redeliverable(o Outcome) bool {
	return slices.Contains([]Outcome{vicicall.StillListed, vicicall.Unknown, vicicall.Unavailable}, o)
}

// enqueue puts the orders of a report that another try may settle into the queue, and returns how many it put.
func (h *Handler) enqueue(ctx context.Context, d *delivery, r Report) (queued int, err error) {
	late := !d.Received.IsZero() && d.started.Sub(d.Received) > redeliverFor
	if h.Queue == nil || late || d.redelivery >= MaxRedeliveries {
		return 0, nil
	}
	orders := h.redeliveries(d, r)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueLimit) // the delivery's own time may be up
	defer cancel()
	errs := make([]error, len(orders))
	sideBySide(len(orders), func(i int) { errs[i] = h.Queue.Put(ctx, orders[i]) })
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	return len(orders) - len(failed), errors.Join(failed...)
}

// redeliveries are the orders of a report that another try may settle, of equal calls the first.
func (h *Handler) redeliveries(d *delivery, r Report) (orders []Redelivery) {
	if d.source == nil || h.DryRun || d.source.DryRun {
		return nil
	}
	reports := r.Calls
	if len(reports) == 0 {
		reports = []Report{r}
	}
	seen := map[source.Order]bool{}
	for _, r := range reports {
		o := r.order
		call := source.Order{CallID: o.CallID}
		if o.CallID == "" {
			call = source.Order{AgentUser: o.AgentUser, LeadID: o.LeadID, Phone: o.Phone, VendorLeadCode: o.VendorLeadCode}
		}
		if !redeliverable(r.Outcome) || o.CallID == "" && !o.Described() || seen[call] {
			continue
		}
		seen[call] = true
		again := Redelivery{
			Source: d.source.Name, CallID: o.CallID, AgentUser: o.AgentUser, LeadID: call.LeadID, Phone: call.Phone, VendorLeadCode: call.VendorLeadCode,
			Disposition: o.Disposition, Ref: o.Ref, Actor: o.Actor,
			RequestID: d.ID, Received: d.Received, Tries: d.redelivery + 1,
		}
		if d.Received.IsZero() {
			again.Received = d.started
		}
		orders = append(orders, again)
	}
	return orders
}

// Redeliver tries an order from the queue again and logs one line. It reports whether the order is settled: the call
// has ended, as far as VICIdial shows, or the order is in the queue again. Otherwise a person must look at it.
func (h *Handler) Redeliver(ctx context.Context, message []byte) (settled bool) {
	again, err := parseRedelivery(message)
	if err != nil {
		h.Log.Error("a redelivery can't be read", "cause", err.Error(), "length", len(message), "version", h.Version)
		return false
	}
	d := &delivery{
		Request: Request{Source: again.Source, ID: again.RequestID, Received: again.Received},
		started: h.now(), key: noKey, redelivery: again.Tries,
	}
	report := d.finish(h.serveAgain(ctx, d, again))
	d.queued, d.queueErr = h.enqueue(ctx, d, report)
	status := rule(report.Outcome).Status
	h.log(ctx, d, report, status)
	return status == http.StatusOK || d.queued > 0
}

// parseRedelivery returns errors that quote nothing of the message.
func parseRedelivery(message []byte) (again Redelivery, err error) {
	if err := json.Unmarshal(message, &again, json.RejectUnknownMembers(true)); err != nil {
		return Redelivery{}, errors.New("it is not the JSON of a redelivery")
	}
	if again.Source == "" || again.Received.IsZero() || again.Tries < 1 || again.Tries > MaxRedeliveries {
		return Redelivery{}, fmt.Errorf("it lacks source, received or tries from 1 to %d", MaxRedeliveries)
	}
	return again, nil
}

// serveAgain serves a redelivery as serve does a delivery. Only the function may write to the queue, so there is no
// signature; everything else that may have changed is checked again.
func (h *Handler) serveAgain(ctx context.Context, d *delivery, again Redelivery) (r Report) {
	defer recovered(&r)
	if h.Broken != nil {
		return refuse(vicicall.Misconfigured, brokenMessage, nil)
	}
	known := false
	if d.source, known = h.Sources.Lookup(d.Source); !known {
		return refuse(NotAllowed, "sources.json no longer has the source of this redelivery", nil)
	}
	if d.source.Fault != nil {
		return refuse(vicicall.Misconfigured, sourceFaultMessage, d.source.Fault)
	}
	order := source.Order{
		CallID: again.CallID, AgentUser: again.AgentUser, LeadID: again.LeadID, Phone: again.Phone, VendorLeadCode: again.VendorLeadCode,
		Disposition: again.Disposition, Ref: again.Ref, Actor: again.Actor,
	}
	if late := d.started.Sub(again.Received); late > redeliverFor {
		return refuse(vicicall.Unavailable, fmt.Sprintf("not tried: %v after the webhook was received", late.Round(time.Second)), nil).withOrder(order)
	}
	ctx, cancel := bounded(ctx, time.Now().Add(h.budget(d)))
	defer cancel()
	switch keys, _, err := h.Keys.Keys(ctx, d.source.Name); {
	case err != nil:
		return withoutSecret("the webhook keys", err).withOrder(order)
	case keys.Refused != nil:
		return refuse(NotAllowed, "the source has no key any more", keys.Refused).withOrder(order)
	case keys.Paused:
		return refuse(Paused, pausedMessage, nil).withOrder(order)
	}
	if err := d.source.Allows(order); err != nil {
		return refuseItem(err).withOrder(order)
	}
	return h.endAll(ctx, d, []source.Item{{Order: order}})[0]
}
