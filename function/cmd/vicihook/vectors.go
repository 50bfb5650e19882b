package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"vicihook/function/internal/webhook"
)

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
	failed := 0
	for i, text := range vectors {
		if err := checkVector(text); err != nil {
			failed++
			fmt.Fprintf(env.stdout, "failed  %d %s\n", i+1, printable(err.Error()))
		}
	}
	fmt.Fprintf(env.stdout, "%d passed, %d failed\n", len(vectors)-failed, failed)
	if failed > 0 {
		return &failure{statusFailed, fmt.Errorf("--vectors: %d of %d failed", failed, len(vectors))}
	}
	return nil
}

// checkVector returns an error unless the vector's verdict is the expected one. One without valid or secret fails.
func checkVector(text []byte) error {
	var v webhook.Vector
	var given struct {
		Valid *bool `json:"valid"`
	}
	err := errors.Join(json.Unmarshal(text, &v), json.Unmarshal(text, &given))
	switch {
	case errors.Is(err, webhook.ErrInvalidScheme), errors.Is(err, webhook.ErrUnknownPreset):
		return fmt.Errorf("%s: %w", v.Name, err)
	case err != nil:
		return fmt.Errorf("%s: is no vector: an object of name, scheme, secret, method, url, headers, body, valid, now", v.Name)
	case given.Valid == nil:
		return fmt.Errorf("%s: has no valid", v.Name)
	case len(v.Secret) == 0:
		return fmt.Errorf("%s: has no secret", v.Name)
	}
	return v.Check()
}
