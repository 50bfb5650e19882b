package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vicihook/function/internal/source"
)

// payloadFlags name what a delivery asks for: a body as it stands, or one made from its parts.
type payloadFlags struct {
	Body        string `placeholder:"FILE|-" help:"File that holds the payload, byte for byte; - is standard input. Without it the payload is made from the five flags below."`
	CallID      string `name:"call-id" from:"VICIHOOK_CALL_ID" placeholder:"ID" help:"VICIdial's call id, one letter and 19 digits ($$VICIHOOK_CALL_ID)."`
	AgentUser   string `from:"VICIHOOK_AGENT_USER" placeholder:"USER" help:"The remote agent's VICIdial user ($$VICIHOOK_AGENT_USER)."`
	Disposition string `placeholder:"STATUS" help:"Status to book."`
	Ref         string `placeholder:"TEXT" help:"The helpdesk's own ticket."`
	Actor       string `placeholder:"TEXT" help:"Who asks."`
}

// A payloadShape is where a source looks for each value, as sources.json says it: jq, mostly a plain path.
type payloadShape struct {
	CallID      string `json:"call_id"`
	AgentUser   string `json:"agent_user"`
	Disposition string `json:"disposition"`
	Ref         string `json:"ref"`
	Actor       string `json:"actor"`
}

// conventional is the shape of a payload whose source is not at hand.
var conventional = payloadShape{".call_id", ".agent_user", ".disposition", ".ref", ".actor"}

// withDefaults fills in what an entry of sources.json may leave out.
func (s payloadShape) withDefaults() payloadShape {
	s.CallID = cmp.Or(s.CallID, conventional.CallID)
	s.AgentUser = cmp.Or(s.AgentUser, conventional.AgentUser)
	return s
}

var plainPath = regexp.MustCompile(`^(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// payload gives the bytes to sign: those of --body, or a JSON object with each value where the source looks for it.
func (f payloadFlags) payload(sh *shell, from sender) ([]byte, error) {
	if f.Body != "" {
		if f.Disposition+f.Ref+f.Actor != "" || f.CallID != sh.env("VICIHOOK_CALL_ID") || f.AgentUser != sh.env("VICIHOOK_AGENT_USER") {
			return nil, errors.New("--body: the payload is given whole: leave out --call-id, --agent-user, --disposition, --ref and --actor")
		}
		return sh.read("--body", f.Body, maxBody)
	}
	if f.CallID == "" {
		return nil, errors.New("--call-id: give the call to end, a payload with --body, or set VICIHOOK_CALL_ID")
	}
	if f.AgentUser == "" {
		return nil, errors.New("--agent-user: give the remote agent's user, or set VICIHOOK_AGENT_USER")
	}
	body, err := f.made(from.shape)
	if err != nil {
		return nil, err
	}
	if from.source != nil && ignores(sh.ctx, from.source, body) {
		return nil, fmt.Errorf("--source: %s ends no call for a payload of these flags alone, as its entry in sources.json says: give the payload with --body", from.name)
	}
	return body, nil
}

func (f payloadFlags) made(shape payloadShape) ([]byte, error) {
	payload := map[string]any{}
	for _, part := range []struct{ flag, path, value string }{
		{"--call-id", shape.CallID, f.CallID},
		{"--agent-user", shape.AgentUser, f.AgentUser},
		{"--disposition", shape.Disposition, f.Disposition},
		{"--ref", shape.Ref, f.Ref},
		{"--actor", shape.Actor, f.Actor},
	} {
		if err := put(payload, part.flag, part.path, part.value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(payload)
}

// ignores tells whether the source would find nothing to do. What it would refuse is sent: that may be what is tried.
func ignores(ctx context.Context, src *source.Source, body []byte) bool {
	items, err := src.Select(ctx, body)
	return err == nil && !slices.ContainsFunc(items, func(item source.Item) bool { return !item.Ignored })
}

// put writes value at a plain path such as .ticket.agent.
func put(payload map[string]any, flag, path, value string) error {
	switch {
	case value == "":
		return nil
	case path == "":
		return fmt.Errorf("%s: this source reads none: leave the flag out", flag)
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
