package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vicihook/function/cmd/vicihook/internal/diagnosis"
	"vicihook/function/internal/webhook"
)

// A vector is one request with the verdict that it must get.
type vector struct {
	Name          string            `json:"name"`
	Scheme        webhook.Scheme    `json:"scheme"`
	Secret        oneOrMore         `json:"secret"`
	Method        string            `json:"method"`
	URL           string            `json:"url"`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body"`
	Now           int64             `json:"now"` // Unix seconds
	Valid         *bool             `json:"valid"`
	SkipFreshness bool              `json:"skip_freshness"`
}

// oneOrMore is a string or a list of them.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var single string
	if json.Unmarshal(text, &single) == nil {
		*o = oneOrMore{single}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

func (c verifyCmd) runVectors(sh *shell) error {
	text, err := sh.read("--vectors", c.Vectors, maxVectors)
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
	failed := 0
	for i, text := range vectors {
		if err := checkVector(text); err != nil {
			failed++
			fmt.Fprintf(sh.stdout, "failed  %d %s\n", i+1, printable(err.Error()))
		}
	}
	fmt.Fprintf(sh.stdout, "%d passed, %d failed\n", len(vectors)-failed, failed)
	if failed > 0 {
		return &failure{statusFailed, fmt.Errorf("--vectors: %d of %d failed", failed, len(vectors))}
	}
	return nil
}

// checkVector returns an error unless the vector gets its verdict.
func checkVector(text []byte) error {
	var v vector
	err := json.Unmarshal(text, &v)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", v.Name, err)
	case v.Valid == nil:
		return fmt.Errorf("%s: has no valid", v.Name)
	case len(v.Secret) == 0:
		return fmt.Errorf("%s: has no secret", v.Name)
	}
	r, scheme, now := v.request(), v.Scheme, time.Unix(v.Now, 0)
	if v.SkipFreshness {
		scheme, now = diagnosis.AgeIgnored(r, scheme)
	}
	verifier, err := webhook.NewVerifier(scheme)
	if err != nil {
		return fmt.Errorf("%s: %w", v.Name, err)
	}
	keys, err := v.keys()
	if err == nil {
		_, err = verifier.Verify(r, keys, now)
	}
	switch {
	case *v.Valid && err != nil:
		return fmt.Errorf("%s: is valid, and was refused: %w", v.Name, err)
	case !*v.Valid && err == nil:
		return fmt.Errorf("%s: is not valid, and was accepted", v.Name)
	}
	return nil
}

func (v vector) request() webhook.Request {
	r := webhook.Request{Method: v.Method, URL: v.URL, Header: webhook.Header{}, Body: []byte(v.Body)}
	for name, value := range v.Headers {
		name = strings.ToLower(name)
		r.Header[name] = append(r.Header[name], value)
	}
	return r
}

func (v vector) keys() (keys []webhook.Key, err error) {
	for _, secret := range v.Secret {
		key, err := v.Scheme.ParseKey(secret)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
