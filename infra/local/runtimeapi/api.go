//go:build unix

package runtimeapi

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	base        = "/2018-06-01/runtime/"
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:vicihook"
)

// A call is one request of a process to its Runtime API. It waits for its reply, which is sent once.
type call struct {
	path  string // below base
	body  []byte
	reply chan reply
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c call) isNext() bool { return c.path == "invocation/next" }

func (c call) accept() {
	c.reply <- reply{status: http.StatusAccepted, body: []byte(`{"status":"OK"}`)}
}

func (c call) refuse() {
	c.reply <- reply{status: http.StatusForbidden, body: problem("InvalidStateTransition", "one answer for each event, and then the next event")}
}

// problem returns an error in Lambda's form.
func problem(errorType, message string) []byte {
	body, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message}) // two strings always marshal
	return body
}

// api sends every request of one process to calls, and answers it with the reply.
func api(calls chan<- call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c := call{path: strings.TrimPrefix(r.URL.Path, base), body: body, reply: make(chan reply, 1)}
		select {
		case calls <- c:
		case <-r.Context().Done():
			return
		}
		select {
		case a := <-c.reply:
			w.Header().Set("Content-Type", "application/json")
			maps.Copy(w.Header(), a.header)
			w.WriteHeader(a.status)
			_, _ = w.Write(a.body) // a process that is gone gets nothing
		case <-r.Context().Done():
		}
	}
}

// environment returns the environment of a process: the variables that Lambda sets and those of the function, and none
// of this process.
func environment(c Config, api string) []string {
	all := map[string]string{
		"AWS_ACCESS_KEY_ID":               "AKIAIOSFODNN7EXAMPLE",
		"AWS_DEFAULT_REGION":              "us-east-1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_NAME":        "vicihook",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/vicihook",
		"AWS_LAMBDA_LOG_LEVEL":            "INFO",
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local",
		"AWS_REGION":                      "us-east-1",
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"LAMBDA_TASK_ROOT":                c.TaskRoot,
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ":                              ":UTC",
		"_HANDLER":                        "bootstrap",
	}
	maps.Copy(all, c.Env)
	all["AWS_LAMBDA_RUNTIME_API"] = api
	list := make([]string, 0, len(all))
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
