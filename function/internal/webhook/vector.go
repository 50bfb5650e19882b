package webhook

import (
	"encoding/json"
	"strings"
	"time"
)

// A Vector is a request and whether it is valid. In JSON, secret is a string or a list.
type Vector struct {
	Name          string            `json:"name"`
	Scheme        Scheme            `json:"scheme"` // a preset's name or an object
	Secret        Secrets           `json:"secret"`
	Method        string            `json:"method"`
	URL           string            `json:"url"`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body"`
	Valid         bool              `json:"valid"`
	Now           int64             `json:"now"`            // Unix seconds of the receiver's clock
	SkipFreshness bool              `json:"skip_freshness"` // the time is not compared with Now
	Origin        string            `json:"origin"`         // official-docs, official-sdk-test, third-party, constructed
}

// Secrets are the keys of a vector as they are written.
type Secrets []string

// UnmarshalJSON reads a string or a list of strings.
func (s *Secrets) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = Secrets{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// Request returns the request of the vector.
func (v Vector) Request() Request {
	header := Header{}
	for name, value := range v.Headers {
		name = strings.ToLower(name)
		header[name] = append(header[name], value)
	}
	return Request{Method: v.Method, URL: v.URL, Header: header, Body: []byte(v.Body)}
}

// Verify returns nil if one of the vector's keys signed its request. It ignores Valid.
func (v Vector) Verify() error {
	verifier, err := NewVerifier(v.Scheme)
	if err != nil {
		return err
	}
	var keys []Key
	for _, text := range v.Secret {
		key, err := v.Scheme.ParseKey(text)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	verifier.ageless = v.SkipFreshness
	_, err = verifier.Verify(v.Request(), keys, time.Unix(v.Now, 0))
	return err
}
