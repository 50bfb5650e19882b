package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vicihook/function/internal/source"
)

// payloadFlags are a delivery's payload: a whole body, or the parts to make one from.
type payloadFlags struct {
	Body string `placeholder:"FILE|-" help:"File that holds the payload, byte for byte; - is standard input. Without it the payload is made from the flags below."`
	callFlags
	Disposition string `placeholder:"STATUS" help:"Status to book."`
	Ref         string `placeholder:"TEXT" help:"The helpdesk's own ticket."`
	Actor       string `placeholder:"TEXT" help:"Who asks."`
}

// payload returns the bytes to sign: --body, or a JSON object with each value where the source looks for it.
func (f payloadFlags) payload(env *environment, from sender) ([]byte, error) {
	switch {
	case f.Body != "" && f.hasParts(env):
		return nil, errors.New("--body: the payload is given whole: leave out the flags that make one")
	case f.Body != "":
		return env.read("--body", f.Body, maxBody)
	case !f.finds() && f.CallID == "":
		return nil, errors.New("--call-id: give the call to end, a payload with --body, or set VICIHOOK_CALL_ID")
	case !f.finds() && f.AgentUser == "":
		return nil, errors.New("--agent-user: give the remote agent's user, or set VICIHOOK_AGENT_USER")
	}
	body, err := f.build(env, from)
	if err != nil || from.source == nil {
		return body, err
	}
	// A payload that the source would refuse is sent: that may be the test. One that it would ignore is a mistake.
	items, err := from.source.Select(env.ctx, body)
	if err == nil && !slices.ContainsFunc(items, func(item source.Item) bool { return !item.Ignored }) {
		return nil, fmt.Errorf("--source: %s ends no call for a payload of these flags alone, as its entry in sources.json says: give the payload with --body", from.name)
	}
	return body, nil
}

// hasParts reports whether the command line, not the environment, has a part of a payload.
func (f payloadFlags) hasParts(env *environment) bool {
	return f.Disposition+f.Ref+f.Actor != "" || f.finds() ||
		f.CallID != env.getenv("VICIHOOK_CALL_ID") || f.AgentUser != env.getenv("VICIHOOK_AGENT_USER")
}

func (f payloadFlags) build(env *environment, from sender) ([]byte, error) {
	callID := f.CallID
	if f.finds() {
		callID = f.query(env).CallID
	}
	payload := map[string]any{}
	for _, part := range []struct{ flag, field, value string }{
		{"--call-id", "call_id", callID},
		{"--agent-user", "agent_user", f.AgentUser},
		{"--lead", "lead_id", f.Lead},
		{"--phone", "phone", f.Phone},
		{"--vendor-lead-code", "vendor_lead_code", f.VendorLeadCode},
		{"--disposition", "disposition", f.Disposition},
		{"--ref", "ref", f.Ref},
		{"--actor", "actor", f.Actor},
	} {
		path := "." + part.field
		if from.source != nil {
			path = from.source.Expression(part.field)
		}
		if err := put(payload, part.flag, path, part.value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(payload)
}

var plainPath = regexp.MustCompile(`^(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// put writes value at a plain path such as .ticket.agent.
func put(payload map[string]any, flag, path, value string) error {
	switch {
	case value == "":
		return nil
	case path == "":
		return fmt.Errorf("%s: this source does not read it: leave the flag out", flag)
	case !plainPath.MatchString(path):
		return fmt.Errorf("%s: this source computes it by %s: give the payload with --body", flag, path)
	}
	names := strings.Split(path[1:], ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := payload[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			payload[name] = inner
		}
		payload = inner
	}
	payload[names[len(names)-1]] = value
	return nil
}
