package hangup_test

import (
	"context"
	"errors"
	"time"

	"vicihook/function/internal/hangup"
	"vicihook/vicicall"
)

// A vicidialFunc answers each HANGUP and CHECK.
type vicidialFunc func(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error)

var _ hangup.VICIdial = vicidialFunc(nil)

func (f vicidialFunc) Hangup(ctx context.Context, account vicicall.Credentials, call vicicall.Call) (vicicall.Result, error) {
	return f(ctx, account, call)
}

func (f vicidialFunc) Check(ctx context.Context, account vicicall.Credentials, call vicicall.Call) (vicicall.Result, error) {
	return f(ctx, account, call)
}

func (f vicidialFunc) Find(context.Context, vicicall.Credentials, vicicall.Query) (vicicall.Agent, error) {
	return vicicall.Agent{}, errors.New("this VICIdial finds no calls")
}

// always returns a VICIdial with one result for all calls.
func always(result vicicall.Result, err error) vicidialFunc {
	return func(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error) {
		return result, err
	}
}

// recordDeadline returns a VICIdial that ends each call and records by when it had to.
func recordDeadline(deadline *time.Time) vicidialFunc {
	return func(ctx context.Context, _ vicicall.Credentials, _ vicicall.Call) (vicicall.Result, error) {
		*deadline, _ = ctx.Deadline()
		return vicicall.Result{Outcome: vicicall.HungUp}, nil
	}
}
