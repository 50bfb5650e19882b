package hangup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vicihook/function/internal/source"
	"vicihook/vicicall"
)

// find looks up the call that an order describes, unless it names the call and the source does not want it confirmed. It
// writes the found call into the order, and checks that the source may end it. The report is zero if so.
func (h *Handler) find(ctx context.Context, d *delivery, o *source.Order) Report {
	src := d.source
	if err := validate(*o); err != nil {
		return refuseItem(err)
	}
	if o.CallID != "" && !src.Confirm {
		return Report{}
	}
	query := vicicall.Query{
		AgentUser: o.AgentUser, CallID: o.CallID, LeadID: o.LeadID, Phone: o.Phone, VendorLeadCode: o.VendorLeadCode,
		Source: src.APISource(),
	}
	if d.redelivery > 0 && o.CallID == "" { // the agent may be in a later call of the same lead by now
		query.BeganBefore = d.Received
	}
	var found vicicall.Agent
	r := h.withAccount(ctx, func(account vicicall.Credentials) Report {
		began := time.Now()
		var err error
		found, err = h.VICIdial.Find(ctx, account, query)
		r := Report{vicidial: time.Since(began)}
		if failed, ok := errors.AsType[*vicicall.Error](err); ok {
			r.Outcome, r.Message, r.Reply, r.cause = failed.Outcome, failed.Message, failed.Reply, failed.Err
			if failed.Outcome == vicicall.OtherCall || failed.Outcome == vicicall.NoActiveCall {
				// the row is of a call that was not meant: for the log only, since a sender could end it by its id
				r.Reply, r.cause = "", fmt.Errorf("agent_status: %s", failed.Reply)
			}
		}
		return r
	})
	if r.Outcome != "" {
		return r
	}
	meant := *o
	meant.CallID, meant.AgentUser = found.CallID, found.User
	if err := src.Allows(meant); err != nil {
		refusal := refuseItem(err) // a sender must not learn who is in a call that it may not end
		refusal.cause = fmt.Errorf("found call %s of agent %s", found.CallID, found.User)
		return refusal
	}
	*o = meant
	return Report{leadID: found.LeadID, vicidial: r.vicidial}
}

// validate returns the faults of the values that an order has, each a *vicicall.FieldError. Missing values are looked up.
func validate(o source.Order) error {
	call := vicicall.Call{ID: o.CallID, AgentUser: o.AgentUser, Disposition: o.Disposition}
	faults, _ := call.Validate().(interface{ Unwrap() []error })
	if faults == nil {
		return nil
	}
	values := map[string]string{"call_id": o.CallID, "agent_user": o.AgentUser, "disposition": o.Disposition}
	var invalid []error
	for _, fault := range faults.Unwrap() {
		if field, ok := errors.AsType[*vicicall.FieldError](fault); ok && values[field.Field] != "" {
			invalid = append(invalid, field)
		}
	}
	return errors.Join(invalid...)
}
