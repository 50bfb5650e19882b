package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// deliveryFlags make one signed delivery.
type deliveryFlags struct {
	URL string `name:"url" from:"VICIHOOK_URL" placeholder:"URL" help:"Base URL of the webhooks, the part before /webhooks/ ($$VICIHOOK_URL)."`
	schemeFlags
	payloadFlags
	ContentType string `default:"application/json" placeholder:"TYPE" help:"Content type of the payload (default: application/json)."`
	ID          string `name:"id" placeholder:"TEXT" help:"Delivery id, for schemes that sign one (default: random)."`
	At          string `placeholder:"TIME" help:"Sign as of this time, RFC 3339 or Unix seconds (default: now)."`
}

// A delivery is one signed request.
type delivery struct {
	webhook.Request
	sender sender
	at     time.Time
}

// delivery makes and signs the delivery. fallback is the base URL where none is given; without either it fails.
func (f deliveryFlags) delivery(env *environment, fallback string) (delivery, error) {
	f.Source = cmp.Or(f.Source, "crm")
	from, err := f.sender(env)
	if err != nil {
		return delivery{}, err
	}
	if from.verifier.SignsURL() {
		fallback = "" // what is signed must be the sender's own
	}
	target, err := webhookURL(cmp.Or(f.URL, fallback), f.Source)
	if err != nil {
		return delivery{}, err
	}
	key, err := f.key(env, from.scheme)
	if err != nil {
		return delivery{}, err
	}
	body, err := f.payload(env, from)
	if err != nil {
		return delivery{}, err
	}
	d := delivery{sender: from, Request: webhook.Request{
		Method: http.MethodPost,
		URL:    target,
		Header: webhook.Header{"content-type": {f.ContentType}},
		Body:   body,
	}}
	return f.signed(d, key)
}

func (f deliveryFlags) signed(d delivery, key webhook.Key) (delivery, error) {
	var err error
	if d.at, err = instant("--at", f.At); err != nil {
		return delivery{}, err
	}
	err = d.sender.verifier.Sign(&d.Request, key, cmp.Or(f.ID, "msg_"+rand.Text()), d.at)
	switch {
	case errors.Is(err, webhook.ErrMalformedID):
		err = fmt.Errorf("--id: %w", err)
	case err != nil:
		err = fmt.Errorf("this payload can't be signed: %w", err)
	}
	return d, err
}

// webhookURL returns the URL of a source's deliveries.
func webhookURL(base, source string) (string, error) {
	if base == "" {
		return "", errors.New("--url: give the base URL, for example https://hooks.example.com, or set VICIHOOK_URL")
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("--url: %q: want an http or https URL", base)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Errorf("--url: %q: give the base URL only, without user, query or fragment", u.Redacted())
	case strings.Contains(u.Path+"/", "/webhooks/"):
		return "", fmt.Errorf("--url: %q: leave out /webhooks/ and what follows, which --source names", base)
	}
	return u.JoinPath("webhooks", url.PathEscape(source)).String(), nil
}

// instant reads the time of a flag; empty is now.
func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	return time.Time{}, fmt.Errorf("%s: %q: want a time in RFC 3339 such as 2026-01-31T12:00:00Z, or in Unix seconds", flag, text)
}
