package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"vicihook/function/cmd/vicihook/internal/capture"
	"vicihook/function/event"
)

// exampleURL is the base URL where it is neither signed nor called.
const exampleURL = "https://hooks.example.com"

// onTheWay is how long ago the gateway received an event that is signed now. The function's budget runs from that time
// if it is at most 10 s ago, and `sam local invoke` takes seconds to start a container.
const onTheWay = 20 * time.Second

type signCmd struct {
	deliveryFlags
	Event     string `enum:",http,rest,url" default:"" placeholder:"http|rest|url" help:"Print the event of an HTTP API, REST API or Function URL instead of headers."`
	EventFile string `placeholder:"FILE|-" help:"Sign the event in this file again, as of now, and print it."`
}

func (signCmd) Help() string {
	return `Prints one header a line; a payload that is made from flags goes to standard error, as it has to be sent.
With --event or --event-file it prints one event as JSON, signed now, for sam local invoke.

Examples:

    vicihook sign --source zendesk --key-file zendesk.key --body ticket.json > headers
    curl -H @headers --data-binary @ticket.json https://hooks.example.com/webhooks/zendesk
    vicihook sign --call-id Y1221052110000402027 --agent-user 1028 --event http | sam local invoke -e -
    vicihook sign --event-file events/crm.json | sam local invoke -e -`
}

func (c signCmd) Run(env *environment) error {
	if c.EventFile != "" {
		return c.signEvent(env)
	}
	d, err := c.delivery(env, exampleURL)
	if err != nil {
		return err
	}
	if c.Event == "" {
		if c.Body == "" {
			fmt.Fprintf(env.stderr, rowFormat, "payload", d.Body)
		}
		for _, name := range slices.Sorted(maps.Keys(d.Header)) {
			fmt.Fprintf(env.stdout, "%s: %s\n", http.CanonicalHeaderKey(name), d.Header[name][0])
		}
		return nil
	}
	r, err := d.httpRequest()
	if err != nil {
		return err
	}
	payload, err := event.Front(c.Event).Encode(r, d.Body, event.Options{Time: d.at.Add(-onTheWay)})
	if err != nil {
		return fmt.Errorf("--event: %w", err)
	}
	_, err = fmt.Fprintf(env.stdout, "%s\n", payload)
	return err
}

// signEvent prints an event with a new signature and time; all else stays as it is.
func (c signCmd) signEvent(env *environment) error {
	if c.Event != "" || c.Body != "" || c.Disposition+c.Ref+c.Actor != "" {
		return errors.New("--event-file: the event is given whole: leave out --event and what makes a payload")
	}
	text, err := env.read("--event-file", c.EventFile, maxCapture)
	if err != nil {
		return err
	}
	caught, err := capture.Read(text)
	if err == nil && caught.Form != capture.Event {
		err = errors.New("it is no API Gateway event")
	}
	decoded := map[string]any{}
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&decoded)
	}
	if err != nil {
		return fmt.Errorf("--event-file: %w", err)
	}
	from, err := c.forCapture(caught).sender(env)
	if err != nil {
		return err
	}
	if c.URL != "" {
		if caught.URL, err = webhookURL(c.URL, from.name); err != nil {
			return err
		}
	}
	d, err := c.sign(env, from, caught.Request)
	if err != nil {
		return err
	}
	d.update(decoded)
	return env.printJSON(decoded)
}

// update writes the headers and the time into an event.
func (d delivery) update(event map[string]any) {
	for name, values := range d.Header {
		setHeader(event["headers"], name, strings.Join(values, ","))
		setHeader(event["multiValueHeaders"], name, values)
	}
	context, _ := event["requestContext"].(map[string]any)
	for _, name := range []string{"timeEpoch", "requestTimeEpoch"} {
		if context[name] != nil {
			context[name] = d.at.Add(-onTheWay).UnixMilli()
		}
	}
}

// setHeader sets a header of an event, spelled as the event spells it.
func setHeader(headers any, name string, value any) {
	members, ok := headers.(map[string]any)
	if !ok {
		return
	}
	for spelling := range members {
		if strings.EqualFold(spelling, name) {
			name = spelling
		}
	}
	members[name] = value
}
