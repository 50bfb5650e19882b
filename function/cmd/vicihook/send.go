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

const maxAnswer = 1 << 20

type sendCmd struct {
	deliveryFlags
	Timeout time.Duration `default:"30s" help:"How long to wait for the answer."`
	Expect  string        `placeholder:"OUTCOME" help:"Exit with status 1 unless this outcome comes, for example still_listed."`
	JSON    bool          `name:"json" help:"Print the body of the answer and nothing else."`
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

func (c sendCmd) check() error {
	if _, known := hangup.RuleOf(hangup.Outcome(c.Expect)); c.Expect != "" && !known {
		return fmt.Errorf("--expect: %q: no such outcome", c.Expect)
	}
	return checkTimeout(c.Timeout)
}

func (c sendCmd) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	d, err := c.delivery(env, "")
	if err != nil {
		return err
	}
	if !c.JSON {
		d.describe(env.stdout)
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
		a.describe(env.stdout, status, body, took)
	}
	return c.verdict(status, a)
}

// post sends the delivery once and reads its answer.
func (c sendCmd) post(ctx context.Context, d delivery) (status int, body []byte, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := d.httpRequest()
	if err != nil {
		return 0, nil, 0, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()

	started := time.Now()
	response, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return 0, nil, 0, c.noAnswer(d, err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, 0, c.noAnswer(d, err)
	}
	if len(body) > maxAnswer {
		return 0, nil, 0, &failure{statusFailed, fmt.Errorf("the answer of %s is larger than %d bytes: does --url lead to vicihook?", d.URL, maxAnswer)}
	}
	return response.StatusCode, body, time.Since(started), nil
}

func (c sendCmd) noAnswer(d delivery, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // its text repeats method and URL
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("none within %s; the call may have been ended nevertheless", c.Timeout)
	}
	return &failure{statusSilent, fmt.Errorf("no answer from %s: %w", d.URL, err)}
}

// verdict returns the exit status as an error; nil is 0.
func (c sendCmd) verdict(status int, a answer) error {
	switch {
	case a.Outcome == "":
		return &failure{statusFailed, fmt.Errorf("HTTP status %d without an outcome: does --url lead to vicihook?", status)}
	case c.Expect != "" && string(a.Outcome) != c.Expect:
		return &failure{statusFailed, fmt.Errorf("expected the outcome %s, got %s", c.Expect, printable(string(a.Outcome)))}
	case c.Expect == "" && status/100 != 2:
		return &failure{statusFailed, fmt.Errorf("outcome %s (HTTP status %d)", printable(string(a.Outcome)), status)}
	}
	return nil
}

// describe prints what is about to be sent.
func (d delivery) describe(w io.Writer) {
	printRows(w, "request", d.Method+" "+d.URL, "payload", shown(d.Body), "signed", d.sender.label)
}

// describe prints what came back.
func (a answer) describe(w io.Writer, status int, body []byte, took time.Duration) {
	printRows(w,
		"answer", fmt.Sprintf("%d %s in %s", status, http.StatusText(status), took.Round(100*time.Microsecond)),
		"body", shown(body), "outcome", string(a.Outcome), "message", a.Message)
}
