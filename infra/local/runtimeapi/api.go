//go:build unix

package runtimeapi

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
)

// maxPayload is Lambda's limit on the answer of a synchronous invocation, in bytes.
const maxPayload = 6_291_556

// A call is one request of a process to its Runtime API. It waits until answer is used, once.
type call struct {
	kind  kind
	id    string // request id, for response and failure
	body  []byte // at most maxPayload+1 bytes
	reply chan reply
}

type kind int

const (
	next kind = iota
	response
	failure
	initFailure
)

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c call) answer(r reply) { c.reply <- r }

func (c call) accept() { c.answer(reply{status: http.StatusAccepted, body: []byte(`{"status":"OK"}`)}) }

func (c call) refuse(status int, errorType, message string) {
	c.answer(reply{status: status, body: problem(errorType, message)})
}

// problem is an error in the form that Lambda gives and takes.
func problem(errorType, message string) []byte {
	body, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message}) // two strings always marshal
	return body
}

// api hands every call of one process to calls.
func api(calls chan<- call) http.Handler {
	mux := http.NewServeMux()
	const base = "/2018-06-01/runtime/"
	mux.Handle("GET "+base+"invocation/next", handOver(next, calls))
	mux.Handle("POST "+base+"invocation/{id}/response", handOver(response, calls))
	mux.Handle("POST "+base+"invocation/{id}/error", handOver(failure, calls))
	mux.Handle("POST "+base+"init/error", handOver(initFailure, calls))
	return mux
}

func handOver(k kind, calls chan<- call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
		if err != nil {
			return
		}
		c := call{kind: k, id: r.PathValue("id"), body: body, reply: make(chan reply, 1)}
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
