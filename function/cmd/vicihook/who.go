package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"vicihook/function/cmd/vicihook/internal/audit"
)

type whoCmd struct {
	Call     string   `placeholder:"ID" help:"Who ended this call?"`
	Agent    string   `placeholder:"USER" help:"What ended this agent's calls?"`
	Source   string   `placeholder:"NAME" help:"What did this source do?"`
	Since    string   `placeholder:"TIME" help:"No earlier than this: today, a duration such as 24h, or RFC 3339 (default: all of the files; of a log group 24h)."`
	Stack    string   `xor:"log" placeholder:"NAME" help:"Read the log of this CloudFormation stack in place of files, with AWS's own settings."`
	LogGroup string   `xor:"log" placeholder:"NAME" help:"Read this log group of CloudWatch Logs in place of files."`
	JSON     bool     `name:"json" help:"Print one JSON object a row and nothing else."`
	Files    []string `arg:"" optional:"" placeholder:"FILE|-" help:"The function's log lines; - for standard input, which is read when there is no file and no log group."`
}

func (whoCmd) Help() string {
	return `Reads the function's JSON log and prints one row a call that was asked to end: time, source, ticket, who asked, delivery id,
index of the key that signed, call, agent, disposition, outcome, request id; then a summary in a sentence.
A request that the function repeated by itself (OwnRedelivery) has one row, with the last outcome.
Exit status 0 when there is a row, 1 when not.

Examples:

    vicihook who --call Y1221052110000402027 --stack vicihook-prod --since 72h
    vicihook who --agent 1028 --since today --stack vicihook-prod
    sam logs --stack-name vicihook-prod | vicihook who --source zendesk --json`
}

func (c whoCmd) Run(env *environment) error {
	query, err := c.query(time.Now())
	if err != nil {
		return err
	}
	var rows []audit.Row
	take := func(r audit.Row) {
		if query.Matches(r) {
			rows = append(rows, r)
		}
	}
	if c.atAWS() {
		err = c.ask(env, query, take)
	} else {
		err = c.readFiles(env, take)
	}
	if err != nil {
		return err
	}
	rows = audit.Join(rows)
	if err := c.print(env, query, rows); err != nil {
		return err
	}
	if len(rows) == 0 {
		return &failure{statusFailed, errors.New("no line of the log is about that")}
	}
	return nil
}

func (c whoCmd) atAWS() bool { return c.Stack != "" || c.LogGroup != "" }

func (c whoCmd) query(now time.Time) (audit.Query, error) {
	query := audit.Query{CallID: c.Call, AgentUser: c.Agent, Source: c.Source}
	if strings.ContainsAny(c.Call+c.Agent+c.Source, "\"\\\n") {
		return query, errors.New("--call: a call id, agent or source has no quotes")
	}
	if c.atAWS() && len(c.Files) > 0 {
		return query, errors.New("--log-group: give a stack, a log group or files, not two of them")
	}
	var err error
	query.Since, err = since(c.Since, now)
	if c.atAWS() && c.Since == "" {
		query.Since = now.Add(-24 * time.Hour)
	}
	return query, err
}

// since reads a time in the past; empty is the zero time.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if text == "today" {
		year, month, day := now.Date()
		return time.Date(year, month, day, 0, 0, 0, 0, now.Location()), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("--since: %q: want today, a duration such as 24h, or RFC 3339 such as 2026-01-31T12:00:00Z", text)
}

// readFiles reads logs of any length, line by line.
func (c whoCmd) readFiles(env *environment, row func(audit.Row)) error {
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	for _, path := range c.Files {
		if err := readLog(env, path, row); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func readLog(env *environment, path string, row func(audit.Row)) error {
	if path == "-" {
		return audit.Read(env.stdin, row)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return audit.Read(file, row)
}

// ask reads the log group. CloudWatch's filter chooses too many lines, since it can't look into a batch.
func (c whoCmd) ask(env *environment, query audit.Query, row func(audit.Row)) error {
	settings, err := env.aws()
	if err != nil {
		return err
	}
	if c.Stack != "" {
		if c.LogGroup, err = env.stackOutput(settings, c.Stack, logGroupOutput); err != nil {
			return err
		}
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(settings), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &c.LogGroup, FilterPattern: aws.String(pattern(query)), StartTime: aws.Int64(query.Since.UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(env.ctx)
		if err != nil {
			return &failure{statusSilent, fmt.Errorf("--log-group: %w", err)}
		}
		for _, event := range page.Events {
			for _, r := range audit.Parse([]byte(aws.ToString(event.Message))) {
				row(r)
			}
		}
	}
	return nil
}

// pattern returns a filter in CloudWatch's language: a quoted term anywhere in a line, or a member's value.
func pattern(q audit.Query) string {
	switch {
	case q.CallID != "":
		return `"` + q.CallID + `"`
	case q.Source != "":
		return `{ $.source = "` + q.Source + `" }`
	case q.AgentUser != "":
		return `"` + q.AgentUser + `"`
	}
	return `{ $.outcome = "*" }`
}

func (c whoCmd) print(env *environment, query audit.Query, rows []audit.Row) error {
	if c.JSON {
		for _, r := range rows {
			if err := env.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	if err := printTable(env.stdout, tableOf(rows)); err != nil {
		return err
	}
	fmt.Fprintln(env.stdout)
	for _, sentence := range audit.Summary(query, rows) {
		fmt.Fprintln(env.stdout, printable(sentence))
	}
	return nil
}

func tableOf(rows []audit.Row) [][]string {
	table := [][]string{{"TIME", "SOURCE", "REF", "ACTOR", "DELIVERY", "KEY", "CALL", "AGENT", "STATUS", "OUTCOME", "REQUEST"}}
	for _, r := range rows {
		key, outcome := "", string(r.Outcome)
		if r.Key != nil {
			key = strconv.Itoa(*r.Key)
		}
		if r.Redelivery > 0 {
			outcome += fmt.Sprintf(" (redelivery %d)", r.Redelivery)
		}
		table = append(table, []string{
			r.Time.UTC().Format(time.RFC3339), r.Source, r.Ref, r.Actor, r.DeliveryID, key,
			r.CallID, r.AgentUser, r.Disposition, outcome, r.RequestID,
		})
	}
	return table
}
