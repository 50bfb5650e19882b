package source_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vicihook/function/internal/source"
)

const exampleFile = `{
  "zendesk": {
    "scheme": "zendesk",
    "when": ".event == \"end_call\"",
    "agent_user": ".agent",
    "disposition": "{\"dispo_sale\": \"SALE\", \"dispo_no\": \"NI\"}[.dispo] // \"CRMEND\"",
    "agents": "10[0-9]{2}",
    "dispositions": ["SALE", "NI", "CRMEND"]
  }
}`

func ExampleParse() {
	_, err := source.Parse([]byte(`{
	  "crm": {"scheme": "standard-webhooks", "call_id": ".text | limit(1; .[])", "agents": "10[0-9"},
	  "zendesk": {"scheme": "zendsk", "when": ".event", "calls": "VX"}
	}`))
	var joined interface{ Unwrap() []error }
	errors.As(err, &joined)
	for _, err := range joined.Unwrap() {
		var fault *source.Fault
		errors.As(err, &fault)
		why, _, _ := strings.Cut(fault.Why, "; there are")
		fmt.Printf("%s %s %s: %.53s\n", fault.File, fault.Source, fault.Field, why)
	}
	// Output:
	// sources.json crm agents: no regular expression: missing closing ]: "[0-9"
	// sources.json crm call_id: jq `limit` is not allowed, since it can run long or r
	// sources.json zendesk calls: must be different letters out of VYJMC, not "VX"
	// sources.json zendesk scheme: unknown preset "zendsk"
}

func ExampleSource_Select() {
	sources, err := source.Parse([]byte(exampleFile))
	if err != nil {
		fmt.Println(err)
		return
	}
	zendesk, _ := sources.Lookup("zendesk")
	for _, body := range []string{
		`{"event": "end_call", "call_id": "Y1221052110000402027", "agent": 1028, "dispo": "dispo_sale"}`,
		`{"event": "end_call", "call_id": "Y1221052110000402027", "agent": 1028}`,
		`{"event": "end_call", "call_id": "Y1221052110000402027", "agent": 2000}`,
		`{"event": "end_call", "agent": 1028}`,
		`{"event": "comment"}`,
	} {
		items, err := zendesk.Select(context.Background(), []byte(body))
		if err != nil {
			fmt.Println(err)
			continue
		}
		for _, item := range items {
			fmt.Println(item.CallID, item.AgentUser, item.Disposition, item.Ignored, item.Err)
		}
	}
	// Output:
	// Y1221052110000402027 1028 SALE false <nil>
	// Y1221052110000402027 1028 CRMEND false <nil>
	// Y1221052110000402027 2000 CRMEND false agent_user: this source may not end calls of this agent
	//  1028 CRMEND false call_id: missing
	//    true <nil>
}

func ExampleSources_ParseKeys() {
	sources, err := source.Parse([]byte(`{"crm": {"scheme": "github"}, "desk": {"scheme": "github"}, "shop": {"scheme": "shopify"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := sources.ParseKeys([]byte(`{"crm": ["kx93-dl2m-qq71-z0f8", "old1-zz8k-44wp-m2n7"], "desk": "off", "shop": "test"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range sources.Names() {
		keys := ring[name]
		fmt.Println(name, keys.Keys, keys.Paused, keys.Refused)
	}
	// Output:
	// crm [[webhook key] [webhook key]] false <nil>
	// desk [] true <nil>
	// shop [] false source shop is disabled: key 1 of 1: webhook: key has fewer than 16 bytes: 4
}
