package main

import (
	"fmt"
	"strconv"
	"strings"

	"vicihook/function/internal/hangup"
)

type outcomeCmd struct {
	Word string `arg:"" placeholder:"WORD" help:"An outcome, for example still_listed."`
	JSON bool   `name:"json" help:"Print one JSON object and nothing else."`
}

func (outcomeCmd) Help() string {
	return `Says what an outcome means, how it is answered, whether the sender is asked to deliver again, who can fix it, and how.

Example:

    vicihook outcome ip_blocked`
}

func (c outcomeCmd) Run(env *environment) error {
	o := hangup.Outcome(c.Word)
	rule, known := hangup.RuleOf(o)
	if !known {
		return fmt.Errorf("%q is no outcome; there are %s", c.Word, words())
	}
	if c.JSON {
		return env.printJSON(struct {
			Outcome    hangup.Outcome `json:"outcome"`
			Message    string         `json:"message"`
			Status     int            `json:"status"`
			RetryAfter int            `json:"retry_after,omitempty"`
			Fault      hangup.Fault   `json:"fault,omitempty"`
			Remedy     string         `json:"remedy"`
		}{o, rule.Meaning, rule.Status, rule.RetryAfter, rule.Fault, rule.Remedy})
	}
	again := "not asked for"
	if rule.RetryAfter > 0 {
		again = fmt.Sprintf("asked for, after %d s", rule.RetryAfter)
	}
	printRows(env.stdout, "outcome", c.Word, "message", rule.Meaning, "status", strconv.Itoa(rule.Status),
		"again", again, "fault", string(rule.Fault), "remedy", rule.Remedy)
	return nil
}

func words() string {
	var names []string
	for _, rule := range hangup.Rules() {
		names = append(names, string(rule.Outcome))
	}
	return strings.Join(names, ", ")
}
