//go:build unix

// Package bench_test measures what a webhook and a start cost, compared with floor/main.go, the smallest possible Lambda,
// which is built with the same flags and runs under the same Runtime API:
//
//	make bench              runs the benchmarks in turns and has benchstat compare the programs
//	go test ./infra/bench   tests the budgets of bytes and counts; times are never tested
//
// RESULTS.md has the figures.
package bench_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"vicihook/infra/local/secretsmanager"
)

// BenchmarkStart starts a program with its first webhook. The secrets arrive as soon as they are asked for.
func BenchmarkStart(b *testing.B) {
	f := newFixture(b)
	for _, p := range f.programs() {
		b.Run("program="+p.name, func(b *testing.B) {
			var next, answer, used time.Duration
			for b.Loop() {
				function := f.lambda(b, p)
				result := f.send(b, p, function)
				next += result.Init
				answer += result.Init + result.Duration
				used += cpu(b, function)
				function.Stop()
			}
			report(b, "start-to-next-ns", next)
			report(b, "start-to-answer-ns", answer)
			report(b, "start-cpu-ns", used)
		})
	}
}

// BenchmarkWarm sends webhooks to a program that runs.
func BenchmarkWarm(b *testing.B) {
	f := newFixture(b)
	for _, p := range f.programs() {
		b.Run("program="+p.name, func(b *testing.B) {
			function := f.lambda(b, p)
			defer function.Stop()
			for range 50 { // until caches and connections are there
				f.send(b, p, function)
			}
			var took time.Duration
			before := cpu(b, function)
			for b.Loop() {
				took += f.send(b, p, function).Duration
			}
			report(b, "webhook-ns", took)
			report(b, "webhook-cpu-ns", cpu(b, function)-before)
		})
	}
}

// report reports the mean time of an operation in place of that of the whole loop.
func report(b *testing.B, unit string, total time.Duration) {
	b.ReportMetric(float64(total)/float64(b.N), unit)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSecret is one GetSecretValue on a new connection, by a warm client.
func BenchmarkSecret(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		transport := &http.Transport{}
		client := sdk.New(sdk.Options{
			Region: secretsmanager.Region, BaseEndpoint: &f.SecretsURL, HTTPClient: &http.Client{Transport: transport},
			Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		})
		if _, err := client.GetSecretValue(b.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(f.VICIdialSecretARN)}); err != nil {
			b.Fatal(err)
		}
		transport.CloseIdleConnections()
	}
}

// BenchmarkVICIdial is VICIdial's two requests over one kept connection, without any Lambda.
func BenchmarkVICIdial(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		f.relist()
		for _, stage := range []string{"HANGUP", "CHECK"} {
			answer, err := http.Post(f.VICIdial.URL+"/agc/api.php", "application/x-www-form-urlencoded", strings.NewReader(f.form(stage)))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}
}
