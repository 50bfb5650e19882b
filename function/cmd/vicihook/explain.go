package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"vicihook/function/cmd/vicihook/internal/diagnosis"
	"vicihook/function/internal/source"
)

type explainCmd struct {
	captureFlags
}

func (explainCmd) Help() string {
	return `Says whether a captured request verifies and, if it does not, why. It undoes what commonly goes wrong between a sender and
its receiver (a body serialized again, a lost line end, a key read in another form, seconds for milliseconds, a URL seen
from behind a stage, ...) until the signature matches, and says what that was and how to fix it. Without a scheme it tries
every preset. With a source of sources.json it also prints what its expressions take from the payload. It prints no key
and no signature. Exit status 0 when the request verifies, 1 when not.

Examples:

    vicihook explain event.json --source zendesk --key-file zendesk.key
    pbpaste | vicihook explain --scheme github --key-file github.key      # raw HTTP or a curl command
    vicihook explain request.txt --url https://hooks.example.com/webhooks/hubspot --scheme hubspot-v3`
}

func (c explainCmd) Run(env *environment) error {
	caught, err := c.captured(env)
	if err != nil {
		return err
	}
	flags := c.forCapture(caught)
	from, err := flags.sender(env)
	known := err == nil
	if !known && (c.Source != "" || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoSource)) {
		return err
	}
	key, _, err := c.keyText(env)
	if err != nil {
		return err
	}
	arrived, err := c.arrival(caught)
	if err != nil {
		return err
	}
	finding, err := diagnosis.Explain(env.ctx, diagnosis.Case{
		Request: caught.Request, Stage: caught.Stage, Key: key, Scheme: from.scheme, Label: from.label, Arrived: arrived,
	})
	if err != nil {
		return err
	}
	err = c.print(env, finding)
	if from.source != nil {
		printTaken(env, from.source, caught.Body)
	}
	return err
}

// printTaken prints what the source takes from the payload, whether or not its signature holds.
func printTaken(env *environment, src *source.Source, body []byte) {
	items, err := src.Select(env.ctx, body)
	if err != nil {
		printRows(env.stdout, "takes", err.Error())
	}
	for _, item := range items {
		o := item.Order
		switch {
		case item.Ignored:
			printRows(env.stdout, "takes", "nothing, as the source's `when` says")
		case item.Err != nil:
			printRows(env.stdout, "takes", item.Err.Error())
		default:
			printRows(env.stdout, "call_id", o.CallID, "agent", o.AgentUser, "lead_id", o.LeadID, "phone", o.Phone,
				"code", o.VendorLeadCode, "books", o.Disposition, "ref", o.Ref, "actor", o.Actor)
			if err := src.Allows(o); err != nil {
				printRows(env.stdout, "scope", err.Error())
			}
		}
	}
}

func (c explainCmd) print(env *environment, f diagnosis.Finding) error {
	verdict := "verifies"
	if !f.Verifies {
		verdict = "does not verify"
	}
	signed := ""
	if !f.Signed.IsZero() {
		signed = f.Signed.UTC().Format(time.RFC3339)
	}
	printRows(env.stdout, "verdict", verdict, "scheme", cmp.Or(f.Scheme, "none matches"), "signed", signed,
		"cause", f.Cause, "what", f.What, "remedy", f.Remedy)
	if !f.Verifies {
		return &failure{statusFailed, fmt.Errorf("the request does not verify: %s", f.Cause)}
	}
	return nil
}
