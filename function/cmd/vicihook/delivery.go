package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vicihook/function/internal/webhook"
)

// deliveryFlags make one signed delivery.
type deliveryFlags struct {
	URL string `from:"VICIHOOK_URL" placeholder:"URL" help:"Base URL of the webhooks, the part before /webhooks/ ($$VICIHOOK_URL)."`
	schemeFlags
	payloadFlags
	ContentType string  `default:"application/json" placeholder:"TYPE" help:"Content type of the payload (default: application/json)."`
	ID          string  `placeholder:"TEXT" help:"Delivery id, for schemes that sign one (default: random)."`
	At          instant `placeholder:"TIME" help:"Sign as of this time: RFC 3339, Unix seconds, or how long ago such as 1h (default: now)."`
}

// A delivery is one signed request.
type delivery struct {
	webhook.Request
	sender sender
	at     time.Time
}

// delivery makes and signs the delivery. fallback is the base URL where none is given; without either it fails.
func (f deliveryFlags) delivery(env *environment, fallback string) (delivery, error) {
	from, err := f.sender(env)
	if err != nil {
		return delivery{}, err
	}
	if from.verifier.SignsURL() {
		fallback = "" // what is signed must be the sender's own
	}
	target, err := webhookURL(cmp.Or(f.URL, fallback), from.name)
	if err != nil {
		return delivery{}, err
	}
	body, err := f.payload(env, from)
	if err != nil {
		return delivery{}, err
	}
	return f.sign(env, from, webhook.Request{
		Method: http.MethodPost, URL: target, Header: webhook.Header{"content-type": {f.ContentType}}, Body: body,
	})
}

func (f deliveryFlags) sign(env *environment, from sender, r webhook.Request) (delivery, error) {
	key, err := f.key(env, from.scheme)
	if err != nil {
		return delivery{}, err
	}
	at := f.At.Time
	if at.IsZero() {
		at = time.Now()
	}
	err = from.verifier.Sign(&r, key, cmp.Or(f.ID, "msg_"+rand.Text()), at)
	switch {
	case errors.Is(err, webhook.ErrMalformedID):
		err = fmt.Errorf("--id: %w", err)
	case err != nil:
		err = fmt.Errorf("this payload can't be signed: %w", err)
	}
	return delivery{r, from, at}, err
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
