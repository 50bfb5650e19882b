package main

import (
	"cmp"
	"time"

	"vicihook/function/cmd/vicihook/internal/diagnosis"
	"vicihook/function/internal/source"
)

type explainCmd struct {
	captureFlags
}

func (explainCmd) Help() string {
	return `Prints whether a captured request verifies and, if it does not, why. It undoes what commonly goes wrong between a sender and
its receiver (a body serialized again, a lost line end, a key read in another form, seconds for milliseconds, a URL seen
from behind a stage, ...) until the signature matches, and says what that was and how to fix it. Without a scheme it tries
every preset. With a source of sources.json it also prints what its expressions select from the payload. It prints no key
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
	from, err := c.forCapture(caught).sender(env)
	if err != nil && (c.Source != "" || !isUnknown(err)) {
		return err
	}
	key, _, err := c.keyText(env)
	if err != nil {
		return err
	}
	finding, err := diagnosis.Explain(env.ctx, diagnosis.Case{
		Request: caught.Request, Stage: caught.Stage, Key: key, Scheme: from.scheme, Label: from.label, Arrived: caught.Received,
	})
	if err != nil {
		return err
	}
	verdict, signed := "verifies", ""
	if !finding.Verifies {
		verdict = "does not verify"
	}
	if !finding.Signed.IsZero() {
		signed = finding.Signed.UTC().Format(time.RFC3339)
	}
	printRows(env.stdout, "verdict", verdict, "scheme", cmp.Or(finding.Scheme, "none matches"), "signed", signed,
		"cause", finding.Cause, "what", finding.What, "remedy", finding.Remedy)
	if from.source != nil {
		printSelected(env, from.source, caught.Body)
	}
	if !finding.Verifies {
		return failed("the request does not verify: %s", finding.Cause)
	}
	return nil
}

// printSelected prints what the source's expressions select from the payload, whether or not its signature is right.
func printSelected(env *environment, src *source.Source, body []byte) {
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
