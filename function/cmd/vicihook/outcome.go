package main

import (
	"fmt"
	"strconv"
	"strings"

	"vicihook/function/internal/hangup"
)

type outcomeCmd struct {
	Word string `arg:"" enum:"${outcomes}" placeholder:"WORD" help:"An outcome, for example still_listed."`
	JSON bool   `help:"Print one JSON object and nothing else."`
}

func (outcomeCmd) Help() string {
	return `Prints what an outcome means, how it is answered, whether the sender is asked to deliver again, who can fix it, and how.

Example:

    vicihook outcome ip_blocked`
}

func (c outcomeCmd) Run(env *environment) error {
	rule, _ := hangup.RuleOf(hangup.Outcome(c.Word))
	if c.JSON {
		return env.printJSON(struct {
			Outcome    hangup.Outcome `json:"outcome"`
			Message    string         `json:"message"`
			Status     int            `json:"status"`
			RetryAfter int            `json:"retry_after,omitempty"`
			Fault      hangup.Fault   `json:"fault,omitempty"`
			Remedy     string         `json:"remedy"`
		}{rule.Outcome, rule.Meaning, rule.Status, rule.RetryAfter, rule.Fault, rule.Remedy})
	}
	again := "not asked for"
	if rule.RetryAfter > 0 {
		again = fmt.Sprintf("asked for, after %d s", rule.RetryAfter)
	}
	printRows(env.stdout, "outcome", c.Word, "message", rule.Meaning, "status", strconv.Itoa(rule.Status),
		"again", again, "fault", string(rule.Fault), "remedy", rule.Remedy)
	return nil
}

// outcomes returns every outcome, separated by commas, as kong's enum takes it.
func outcomes() string {
	var words []string
	for _, rule := range hangup.Rules() {
		words = append(words, string(rule.Outcome))
	}
	return strings.Join(words, ",")
}
