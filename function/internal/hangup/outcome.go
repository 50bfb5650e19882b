package hangup

import (
	"maps"
	"net/http"
	"slices"

	"vicihook/vicicall"
)

// Outcome is one word on the wire; those of package vicicall and those below.
type Outcome = vicicall.Outcome

// What ends a delivery before VICIdial is asked.
const (
	Ignored      Outcome = "ignored"      // the source's `when` is false, a ping, a challenge, an empty batch
	Paused       Outcome = "paused"       // the source is off
	Unauthorized Outcome = "unauthorized" // source, signature, key or time
	NotAllowed   Outcome = "not_allowed"  // outside what the source may end
	TooLarge     Outcome = "too_large"    // above MaxBody
)

// Fault says who can mend an outcome; empty when nothing is broken.
type Fault string

const (
	SenderFault   Fault = "sender"
	OperatorFault Fault = "operator"
	VICIdialFault Fault = "vicidial"
)

// A Rule is how an outcome is answered.
type Rule struct {
	Status     int
	RetryAfter int // seconds; 0 = no such header, and senders do not redeliver
	Fault      Fault
}

// Rules is a copy of the one table of outcomes.
//
// Zendesk redelivers only a 503 whose Retry-After is below 60 seconds; others redeliver any 5xx, hence 503 for what
// another try can mend and 502 for what an operator must. There is no 3xx and no 410: senders unsubscribe on them.
func Rules() map[Outcome]Rule { return maps.Clone(rules) }

var rules = map[Outcome]Rule{
	vicicall.HungUp:           {Status: http.StatusOK},
	vicicall.Accepted:         {Status: http.StatusOK},
	vicicall.NoLongerListed:   {Status: http.StatusOK},
	vicicall.NoActiveCall:     {Status: http.StatusOK},
	vicicall.AgentNotLoggedIn: {Status: http.StatusOK},
	vicicall.WouldHangUp:      {Status: http.StatusOK},
	Ignored:                   {Status: http.StatusOK},

	vicicall.StillListed: {http.StatusServiceUnavailable, 30, VICIdialFault},
	vicicall.Unknown:     {http.StatusServiceUnavailable, 30, VICIdialFault},
	vicicall.Unavailable: {http.StatusServiceUnavailable, 30, VICIdialFault},
	Paused:               {http.StatusServiceUnavailable, 60, OperatorFault},
	vicicall.LockedOut:   {http.StatusServiceUnavailable, 900, OperatorFault},

	vicicall.CredentialsRejected: {http.StatusBadGateway, 0, OperatorFault},
	vicicall.APIAccessDenied:     {http.StatusBadGateway, 0, OperatorFault},
	vicicall.IPBlocked:           {http.StatusBadGateway, 0, OperatorFault},
	vicicall.PermissionDenied:    {http.StatusBadGateway, 0, OperatorFault},
	vicicall.APIDisabled:         {http.StatusBadGateway, 0, OperatorFault},
	vicicall.NoActiveServer:      {http.StatusBadGateway, 0, OperatorFault},
	vicicall.TLSUntrusted:        {http.StatusBadGateway, 0, OperatorFault},
	vicicall.RequestRejected:     {http.StatusBadGateway, 0, OperatorFault},
	vicicall.UnexpectedReply:     {http.StatusBadGateway, 0, OperatorFault},

	vicicall.Misconfigured:  {http.StatusInternalServerError, 0, OperatorFault},
	Unauthorized:            {http.StatusUnauthorized, 0, SenderFault},
	NotAllowed:              {http.StatusForbidden, 0, SenderFault},
	vicicall.InvalidRequest: {http.StatusUnprocessableEntity, 0, SenderFault},
	TooLarge:                {http.StatusRequestEntityTooLarge, 0, SenderFault},
}

// worst is the outcome that a batch is answered with: any 503, then 502, 500, 422, 403, 2xx.
// Among equals the longest Retry-After leads, then the first.
func worst(outcomes []Outcome) Outcome {
	return slices.MaxFunc(outcomes, func(a, b Outcome) int {
		if d := severity[rules[a].Status] - severity[rules[b].Status]; d != 0 {
			return d
		}
		return rules[a].RetryAfter - rules[b].RetryAfter
	})
}

var severity = map[int]int{
	http.StatusServiceUnavailable:  5,
	http.StatusBadGateway:          4,
	http.StatusInternalServerError: 3,
	http.StatusUnprocessableEntity: 2,
	http.StatusForbidden:           1,
}
