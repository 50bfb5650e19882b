package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"vicihook/function/cmd/vicihook/internal/diagnosis"
)

type explainCmd struct {
	captureFlags
}

func (explainCmd) Help() string {
	return `Says whether and how a captured request verifies and, if it does not, why: it undoes the damages that are common between
a sender and its receiver (a body written anew, a lost line end, a key read in another form, seconds for milliseconds, a
URL seen from behind a stage, ...) until the signature holds, and names the first that does, with the mend. Without a
scheme it tries all that it knows. It prints no key and no signature. Exit status 0 when the request verifies, 1 when not.

Examples:

    vicihook explain event.json --source zendesk --key-file zendesk.key
    pbpaste | vicihook explain --scheme github --key-file github.key      # raw HTTP or a curl command
    vicihook explain request.txt --url https://hooks.example.com/webhooks/hubspot --scheme hubspot-v3`
}

func (c explainCmd) Run(sh *shell) error {
	caught, err := c.captured(sh)
	if err != nil {
		return err
	}
	flags := c.forCapture(caught)
	from, err := flags.sender(sh)
	known := err == nil
	if !known && (c.Source != "" || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoSource)) {
		return err
	}
	key, _, err := c.keyText(sh)
	if err != nil {
		return err
	}
	arrived, err := c.arrival(caught)
	if err != nil {
		return err
	}
	finding, err := diagnosis.Explain(sh.ctx, diagnosis.Case{
		Request: caught.Request, Stage: caught.Stage, Key: key, Scheme: from.scheme, Label: from.label, Arrived: arrived,
	})
	if err != nil {
		return err
	}
	return c.print(sh, finding)
}

func (c explainCmd) print(sh *shell, f diagnosis.Finding) error {
	verdict := "verifies"
	if !f.Verifies {
		verdict = "does not verify"
	}
	signed := ""
	if !f.Signed.IsZero() {
		signed = f.Signed.UTC().Format(time.RFC3339)
	}
	printRows(sh.stdout, "verdict", verdict, "scheme", cmp.Or(f.Scheme, "none holds"), "signed", signed,
		"cause", f.Cause, "what", f.What, "remedy", f.Remedy)
	if !f.Verifies {
		return &failure{statusFailed, fmt.Errorf("the request does not verify: %s", f.Cause)}
	}
	return nil
}
