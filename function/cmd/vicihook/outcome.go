package main

import (
	"fmt"
	"strconv"
	"strings"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/mend"
)

type outcomeCmd struct {
	Word string `arg:"" placeholder:"WORD" help:"An outcome, for example still_listed."`
	JSON bool   `name:"json" help:"Print one JSON object and nothing else."`
}

func (outcomeCmd) Help() string {
	return `Says what an outcome means, how it is answered, whether the sender is asked to deliver again, who can mend it, and how.

Example:

    vicihook outcome ip_blocked`
}

func (c outcomeCmd) Run(sh *shell) error {
	o := hangup.Outcome(c.Word)
	rule, known := hangup.Rules()[o]
	if !known {
		return fmt.Errorf("%q is no outcome; there are %s", c.Word, words())
	}
	if c.JSON {
		return sh.printJSON(struct {
			Outcome    hangup.Outcome `json:"outcome"`
			Message    string         `json:"message"`
			Status     int            `json:"status"`
			RetryAfter int            `json:"retry_after,omitempty"`
			Fault      hangup.Fault   `json:"fault,omitempty"`
			Mend       string         `json:"mend"`
		}{o, mend.Meaning(o), rule.Status, rule.RetryAfter, rule.Fault, mend.Of(o)})
	}
	again := "not asked for"
	if rule.RetryAfter > 0 {
		again = fmt.Sprintf("asked for, after %d s", rule.RetryAfter)
	}
	printRows(sh.stdout, "outcome", c.Word, "message", mend.Meaning(o), "status", strconv.Itoa(rule.Status),
		"again", again, "fault", string(rule.Fault), "mend", mend.Of(o))
	return nil
}

func words() string {
	all := mend.Outcomes()
	names := make([]string, len(all))
	for i, o := range all {
		names[i] = string(o)
	}
	return strings.Join(names, ", ")
}
