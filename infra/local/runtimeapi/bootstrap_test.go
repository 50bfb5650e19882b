//go:build unix

package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"
)

// TestMain makes this test binary its own bootstrap: with a Runtime API in its environment it is a function.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if behave, ok := raw[os.Getenv("BEHAVIOUR")]; ok {
		behave()
		return
	}
	gaps := make(chan time.Duration)
	go watch(gaps)
	lambda.Start(func(ctx context.Context, o order) (any, error) {
		if o.Do == "gap" {
			<-gaps // it may be from before the freeze
			return <-gaps, nil
		}
		return obey(ctx, o)
	})
}

// watch wakes up each millisecond and offers the longest time for which it could not.
func watch(gaps chan<- time.Duration) {
	var longest time.Duration
	for last := time.Now(); ; {
		time.Sleep(time.Millisecond)
		now := time.Now()
		longest, last = max(longest, now.Sub(last)), now
		select {
		case gaps <- longest:
		default:
		}
	}
}

// An order is an event: what the function is to do.
type order struct {
	Do  string `json:"do"`
	Arg string `json:"arg"`
}

func obey(ctx context.Context, o order) (any, error) {
	switch o.Do {
	case "echo":
		return o.Arg, nil
	case "pid":
		return os.Getpid(), nil
	case "environment":
		dir, _ := os.Getwd()
		return map[string]any{"dir": dir, "env": os.Environ()}, nil
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadline": deadline}, nil
	case "print":
		fmt.Print(o.Arg)
		fmt.Fprintln(os.Stderr, "to stderr")
		return nil, nil
	case "wait": // until the server at Arg answers
		r, err := http.Get(o.Arg)
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		return os.Getpid(), nil
	case "child": // starts a process that outlives it unless it is killed
		cmd := exec.Command("sleep", "600")
		err := cmd.Start()
		return cmd.Process.Pid, err
	case "hang":
		select {}
	case "exit":
		os.Exit(3)
	case "panic":
		panic("boom")
	}
	return nil, errors.New("I was told to " + o.Do)
}

// raw has processes that use no runtime library.
var raw = map[string]func(){
	"exits at once":            func() { os.Exit(4) },
	"exits at once, satisfied": func() {},
	"never asks for an event":  func() { select {} },
	"breaks the protocol": func() {
		var got []string
		note := func(status int, body string) { got = append(got, fmt.Sprint(status, " ", errorType(body))) }
		note(post("runtime/invocation/none/response", "{}"))
		id := ask()
		note(post("runtime/invocation/wrong/response", "{}"))
		note(get("runtime/invocation/next"))
		report, _ := json.Marshal(got)
		post("runtime/invocation/"+id+"/response", string(report))
		status, body := post("runtime/invocation/"+id+"/response", "{}")
		fmt.Println(status, errorType(body))
		ask()
	},
	"answers and then hangs": func() {
		post("runtime/invocation/"+ask()+"/response", `"done"`)
		select {}
	},
}

func url(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/" + path
}

func ask() (requestID string) {
	r, err := http.Get(url("runtime/invocation/next"))
	if err != nil {
		os.Exit(9)
	}
	defer r.Body.Close()
	return r.Header.Get("Lambda-Runtime-Aws-Request-Id")
}

func get(path string) (status int, body string) { return read(http.Get(url(path))) }

func post(path, body string) (status int, answer string) {
	return read(http.Post(url(path), "application/json", strings.NewReader(body)))
}

func read(r *http.Response, err error) (status int, body string) {
	if err != nil {
		os.Exit(9)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

func errorType(body string) string {
	var e struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.Unmarshal([]byte(body), &e)
	return e.ErrorType
}
