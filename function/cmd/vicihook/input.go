package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
)

// The largest inputs, in bytes.
const (
	maxBody    = hangup.MaxBody
	maxKey     = 4 << 10
	maxSources = 1 << 20
	maxCapture = 1 << 20 // an event with a body in base64, and its headers
	maxVectors = 16 << 20
)

// read returns the content of the file that a flag names. "-" is standard input, which only one flag can have.
func (env *environment) read(flag, path string, limit int) ([]byte, error) {
	if path == "-" {
		if env.stdinTaken != "" {
			return nil, fmt.Errorf("%s: standard input is already read by %s: give a file", flag, env.stdinTaken)
		}
		env.stdinTaken = flag
		return readLimited(flag, env.stdin, limit)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	defer file.Close()
	return readLimited(flag, file, limit)
}

func readLimited(flag string, from io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if len(content) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", flag, limit)
	}
	return content, nil
}

func checkTimeout(timeout time.Duration) error {
	if timeout <= 0 {
		return fmt.Errorf("--timeout: %s: give a time above 0, for example 4s", timeout)
	}
	return nil
}

// sources reads sources.json as the function does, and returns its text too. Any fault in it is an error here.
func (env *environment) sources(path string) (*source.Sources, []byte, error) {
	text, err := env.read("--sources", path, maxSources)
	if err != nil {
		return nil, nil, err
	}
	sources, err := source.Parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("--sources: %s: %w", path, err)
	}
	return sources, text, nil
}

// aws loads the settings of AWS's own tools: environment, profiles, roles.
func (env *environment) aws() (aws.Config, error) {
	settings, err := awsconfig.LoadDefaultConfig(env.ctx)
	if err != nil {
		err = fmt.Errorf("AWS settings: %w", err)
	}
	return settings, err
}
