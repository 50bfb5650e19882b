package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vicihook/function/internal/hangup"
)

const maxAnswer = 1 << 20 // bytes

type sendCmd struct {
	deliveryFlags
	Timeout timeout `default:"30s" help:"How long to wait for the answer."`
	Expect  string  `enum:",${outcomes}" default:"" placeholder:"OUTCOME" help:"Exit with status 1 unless this outcome comes, for example still_listed."`
	JSON    bool    `help:"Print the body of the answer and nothing else."`
}

func (sendCmd) Help() string {
	return `Posts to URL/webhooks/SOURCE and prints what was sent, the outcome and the time it took; never the signature.
Exit status 0 for an outcome with a 2xx status, or for the expected one; 1 for any other; 3 when no answer came.
Redirects are not followed, as senders do not.

Examples:

    export VICIHOOK_KEY="$(cat crm.key)"
    vicihook send --url https://hooks.example.com --call-id Y1221052110000402027 --agent-user 1028 --disposition SALE
    vicihook send --url https://hooks.example.com --source zendesk --key-file zendesk.key --body ticket.json
    vicihook send --at 2020-01-01T00:00:00Z --expect unauthorized    # a stale delivery`
}

// An answer is the part of the function's answer that is printed.
type answer struct {
	Outcome hangup.Outcome `json:"outcome"`
	Message string         `json:"message"`
}

func (c sendCmd) Run(env *environment) error {
	d, err := c.delivery(env, "")
	if err != nil {
		return err
	}
	if !c.JSON {
		printRows(env.stdout, "request", d.Method+" "+d.URL, "payload", oneLine(d.Body), "signed", d.sender.label)
	}
	status, body, took, err := c.post(env.ctx, d)
	if err != nil {
		return err
	}
	var a answer
	if json.Unmarshal(body, &a) != nil {
		a = answer{} // something else answered: verdict reports that there is no outcome
	}
	if c.JSON {
		fmt.Fprintln(env.stdout, strings.TrimRight(string(body), "\n"))
	} else {
		printRows(env.stdout, "answer", fmt.Sprintf("%d %s in %s", status, http.StatusText(status), took.Round(100*time.Microsecond)),
			"body", oneLine(body), "outcome", string(a.Outcome), "message", a.Message)
	}
	return c.verdict(status, string(a.Outcome))
}

// post sends the delivery once and reads its answer.
func (c sendCmd) post(ctx context.Context, d delivery) (status int, body []byte, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout.Duration)
	defer cancel()
	request, err := d.httpRequest()
	if err != nil {
		return 0, nil, 0, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()

	started := time.Now()
	response, err := client.Do(request.WithContext(ctx))
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // its text repeats method and URL
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, nil, 0, noAnswer("no answer from %s within %s; the call may have been ended nevertheless", d.URL, c.Timeout)
	case err != nil:
		return 0, nil, 0, noAnswer("no answer from %s: %w", d.URL, err)
	case len(body) > maxAnswer:
		return 0, nil, 0, failed("the answer of %s is larger than %d bytes: does --url lead to vicihook?", d.URL, maxAnswer)
	}
	return response.StatusCode, body, time.Since(started), nil
}

// verdict returns the exit status as an error; nil is 0.
func (c sendCmd) verdict(status int, outcome string) error {
	switch {
	case outcome == "":
		return failed("HTTP status %d without an outcome: does --url lead to vicihook?", status)
	case c.Expect != "" && outcome != c.Expect:
		return failed("expected the outcome %s, got %s", c.Expect, printable(outcome))
	case c.Expect == "" && status/100 != 2:
		return failed("outcome %s (HTTP status %d)", printable(outcome), status)
	}
	return nil
}
