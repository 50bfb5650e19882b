package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vicihook/function/cmd/vicihook/internal/capture"
	"vicihook/function/internal/webhook"
)

// captureFlags are a captured request.
type captureFlags struct {
	Request string  `arg:"" optional:"" default:"-" help:"File that holds the captured request: raw HTTP text or its header lines, a curl command, or an API Gateway event (default: standard input)."`
	Body    string  `placeholder:"FILE|-" help:"File that holds the body, byte for byte, when the capture has none."`
	URL     string  `placeholder:"URL" help:"The whole URL as it is entered at the sender, for schemes that sign it (default: as captured)."`
	At      instant `placeholder:"TIME" help:"When the request arrived: RFC 3339, Unix seconds, or how long ago such as 5m (default: as an event says; else now)."`
	schemeFlags
}

type verifyCmd struct {
	captureFlags
	Vectors string `placeholder:"FILE|-" help:"Run the test vectors in this file instead."`
}

func (verifyCmd) Help() string {
	return `Prints whether a captured request is valid, as the function would decide, and why not. A weak key is only warned of here; the
function refuses it. Exit status 0 when valid, 1 when not. vicihook explain looks for the cause.

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
	if weak := key.CheckStrength(); weak != nil {
		fmt.Fprintf(env.stderr, "vicihook: warning: the function would refuse this key: %v\n", weak)
	}
	_, err = from.verifier.Verify(caught.Request, []webhook.Key{key}, cmp.Or(caught.Received, time.Now()))
	if err != nil {
		printRows(env.stdout, "verdict", "invalid", "scheme", from.label, "reason", err.Error())
		return failed("the request does not verify")
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
	caught.URL = cmp.Or(f.URL, caught.URL)
	if !f.At.IsZero() {
		caught.Received = f.At.Time
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

// forCapture takes the source from the captured path unless it is given.
func (f schemeFlags) forCapture(caught capture.Request) schemeFlags {
	f.Source = cmp.Or(f.Source, caught.Source)
	return f
}

func (c verifyCmd) runVectors(env *environment) error {
	text, err := env.read("--vectors", c.Vectors, maxVectors)
	if err != nil {
		return err
	}
	var vectors []json.RawMessage
	if err := json.Unmarshal(text, &vectors); err != nil {
		return fmt.Errorf("--vectors: want a JSON list: %w", err)
	}
	if len(vectors) == 0 {
		return errors.New("--vectors: the list is empty")
	}
	bad := 0
	for i, text := range vectors {
		if err := checkVector(text); err != nil {
			bad++
			fmt.Fprintf(env.stdout, "failed  %d %s\n", i+1, printable(err.Error()))
		}
	}
	fmt.Fprintf(env.stdout, "%d passed, %d failed\n", len(vectors)-bad, bad)
	if bad > 0 {
		return failed("--vectors: %d of %d failed", bad, len(vectors))
	}
	return nil
}

// checkVector returns an error unless the vector's verdict is the expected one. One without valid or secret fails.
func checkVector(text []byte) error {
	var v struct {
		webhook.Vector
		Valid *bool `json:"valid"`
	}
	switch err := json.Unmarshal(text, &v); {
	case errors.Is(err, webhook.ErrInvalidScheme), errors.Is(err, webhook.ErrUnknownPreset):
		return fmt.Errorf("%s: %w", v.Name, err)
	case err != nil:
		return fmt.Errorf("%s: is no vector: an object of name, scheme, secret, method, url, headers, body, valid, now", v.Name)
	case v.Valid == nil:
		return fmt.Errorf("%s: has no valid", v.Name)
	case len(v.Secret) == 0:
		return fmt.Errorf("%s: has no secret", v.Name)
	case v.Scheme.Tolerance > 0 && v.Now == 0 && !v.SkipFreshness:
		return fmt.Errorf("%s: has no now, and its scheme has a time", v.Name)
	}
	switch err := v.Verify(); {
	case errors.Is(err, webhook.ErrInvalidScheme):
		return fmt.Errorf("%s: %w", v.Name, err)
	case *v.Valid && err != nil:
		return fmt.Errorf("%s: refused: %w", v.Name, err)
	case !*v.Valid && err == nil:
		return fmt.Errorf("%s: accepted", v.Name)
	}
	return nil
}
