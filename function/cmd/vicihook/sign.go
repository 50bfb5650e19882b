package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	return `Prints one header a line, the body not included; with --event or --event-file one event as JSON, signed now, for sam local invoke.

Examples:

    vicihook sign --source zendesk --key-file zendesk.key --body ticket.json
    vicihook sign --call-id Y1221052110000402027 --agent-user 1028 --event http | sam local invoke -e -
    vicihook sign --event-file events/crm.json | sam local invoke -e -`
}

func (c signCmd) Run(env *environment) error {
	if c.EventFile != "" {
		return c.signAnew(env)
	}
	front := event.Front(c.Event)
	d, err := c.delivery(env, exampleURL)
	if err != nil {
		return err
	}
	if front == "" {
		d.printHeaders(env.stdout)
		return nil
	}
	payload, err := d.event(front)
	if err != nil {
		return fmt.Errorf("--event: %w", err)
	}
	_, err = fmt.Fprintf(env.stdout, "%s\n", payload)
	return err
}

func (d delivery) printHeaders(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		fmt.Fprintf(w, "%s: %s\n", http.CanonicalHeaderKey(name), d.Header[name][0])
	}
}

// event is what AWS would hand to the function.
func (d delivery) event(front event.Front) ([]byte, error) {
	r, err := d.httpRequest()
	if err != nil {
		return nil, err
	}
	return front.Encode(r, d.Body, event.Options{Time: d.at.Add(-onTheWay)})
}

func (d delivery) httpRequest() (*http.Request, error) {
	r, err := http.NewRequest(d.Method, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	for name, values := range d.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r, nil
}

// signAnew prints an event with a new signature and time; all else stays as it is.
func (c signCmd) signAnew(env *environment) error {
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
	if err != nil {
		return fmt.Errorf("--event-file: %w", err)
	}
	d, err := c.resigned(env, caught)
	if err != nil {
		return err
	}
	event := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&event); err != nil {
		return fmt.Errorf("--event-file: %w", err)
	}
	for name, values := range d.Header {
		setHeader(event, name, values)
	}
	setTime(event, d.at.Add(-onTheWay))
	return env.printJSON(event)
}

// resigned signs the captured request as its own source does, unless the flags name another.
func (c signCmd) resigned(env *environment, caught capture.Request) (delivery, error) {
	from, err := c.forCapture(caught).sender(env)
	if err != nil {
		return delivery{}, err
	}
	if c.URL != "" {
		if caught.URL, err = webhookURL(c.URL, from.name); err != nil {
			return delivery{}, err
		}
	}
	key, err := c.key(env, from.scheme)
	if err != nil {
		return delivery{}, err
	}
	return c.signed(delivery{sender: from, Request: caught.Request}, key)
}

// setHeader writes a header into an event under the spelling that is there.
func setHeader(event map[string]any, name string, values []string) {
	if headers, ok := event["headers"].(map[string]any); ok {
		headers[spelling(headers, name)] = strings.Join(values, ",")
	}
	if headers, ok := event["multiValueHeaders"].(map[string]any); ok {
		headers[spelling(headers, name)] = values
	}
}

func spelling(headers map[string]any, name string) string {
	for there := range headers {
		if strings.EqualFold(there, name) {
			return there
		}
	}
	return name
}

// setTime writes when the gateway received the event.
func setTime(event map[string]any, at time.Time) {
	if place, ok := event["requestContext"].(map[string]any); ok {
		for _, name := range []string{"timeEpoch", "requestTimeEpoch"} {
			if place[name] != nil {
				place[name] = at.UnixMilli()
			}
		}
	}
}
