package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"vicihook/function/cmd/vicihook/internal/capture"
	"vicihook/function/internal/webhook"
)

// captureFlags are a captured request.
type captureFlags struct {
	Request string `arg:"" optional:"" default:"-" help:"File that holds the captured request: raw HTTP text or its header lines, a curl command, or an API Gateway event (default: standard input)."`
	Body    string `placeholder:"FILE|-" help:"File that holds the body, byte for byte, when the capture has none."`
	URL     string `name:"url" placeholder:"URL" help:"The whole URL as it is entered at the sender, for schemes that sign it (default: as captured)."`
	At      string `placeholder:"TIME" help:"When the request arrived, RFC 3339 or Unix seconds (default: as an event says; else now)."`
	schemeFlags
}

type verifyCmd struct {
	captureFlags
	Vectors string `placeholder:"FILE|-" help:"Run the test vectors in this file instead."`
}

func (verifyCmd) Help() string {
	return `Says valid or invalid and why, as the function would decide. A weak key is only warned of here; the function refuses it.
Exit status 0 when valid, 1 when not. vicihook explain looks for the cause.

With --vectors: a JSON list of {name, scheme, secret, method, url, headers, body, now, valid}; the last line is "N passed, N failed",
exit status 1 if any failed.

Examples:

    vicihook verify event.json --source crm --key-file crm.key
    vicihook verify headers.txt --body body.json --scheme github --key-file github.key
    vicihook verify --vectors function/internal/webhook/testdata/vectors.json`
}

func (c verifyCmd) Run(env *environment) error {
	if c.Vectors != "" {
		return c.runVectors(env)
	}
	caught, err := c.captured(env)
	if err != nil {
		return err
	}
	from, err := c.forCapture(caught).sender(env)
	if err != nil {
		return err
	}
	key, err := c.key(env, from.scheme)
	if err != nil {
		return err
	}
	at, err := c.arrival(caught)
	if err != nil {
		return err
	}
	if weak := key.CheckStrength(); weak != nil {
		fmt.Fprintf(env.stderr, "vicihook: warning: the function would refuse this key: %v\n", weak)
	}
	_, err = from.verifier.Verify(caught.Request, []webhook.Key{key}, cmp.Or(at, time.Now()))
	if err != nil {
		printRows(env.stdout, "verdict", "invalid", "scheme", from.label, "reason", err.Error())
		return &failure{statusFailed, errors.New("the request does not verify")}
	}
	printRows(env.stdout, "verdict", "valid", "scheme", from.label)
	return nil
}

// captured reads the request and adds what other flags give.
func (f captureFlags) captured(env *environment) (capture.Request, error) {
	text, err := env.read("<request>", f.Request, maxCapture)
	if err != nil {
		return capture.Request{}, err
	}
	caught, err := capture.Read(text)
	if err != nil {
		return capture.Request{}, fmt.Errorf("<request>: %w", err)
	}
	if f.URL != "" {
		caught.URL = f.URL
	}
	if f.Body == "" {
		return caught, nil
	}
	if len(caught.Body) > 0 {
		return capture.Request{}, errors.New("--body: the captured request has a body of its own")
	}
	caught.Body, err = env.read("--body", f.Body, maxBody)
	return caught, err
}

// arrival returns when the request came; zero when that is not known.
func (f captureFlags) arrival(caught capture.Request) (time.Time, error) {
	if f.At == "" {
		return caught.Received, nil
	}
	return instant("--at", f.At)
}

// forCapture takes the source from the captured path unless it is given.
func (f schemeFlags) forCapture(caught capture.Request) schemeFlags {
	f.Source = cmp.Or(f.Source, caught.Source, "crm")
	return f
}
