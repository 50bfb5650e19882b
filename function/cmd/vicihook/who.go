package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
	Since    instant  `placeholder:"TIME" help:"No earlier than this: RFC 3339, Unix seconds, today, or how long ago such as 24h (default: all of the files; of a log group 24h)."`
	Stack    string   `xor:"log" placeholder:"NAME" help:"Read the log of this CloudFormation stack in place of files, with AWS's own settings."`
	LogGroup string   `xor:"log" placeholder:"NAME" help:"Read this log group of CloudWatch Logs in place of files."`
	JSON     bool     `help:"Print one JSON object a row and nothing else."`
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
	if strings.ContainsAny(c.Call+c.Agent+c.Source, "\"\\\n") {
		return errors.New("--call: a call id, agent or source has no quotes")
	}
	query := audit.Query{CallID: c.Call, AgentUser: c.Agent, Source: c.Source, Since: c.Since.Time}
	var rows []audit.Row
	take := func(r audit.Row) {
		if query.Matches(r) {
			rows = append(rows, r)
		}
	}
	var err error
	switch atAWS := c.Stack != "" || c.LogGroup != ""; {
	case atAWS && len(c.Files) > 0:
		return errors.New("--log-group: give a stack, a log group or files, not two of them")
	case atAWS:
		query.Since = cmp.Or(query.Since, time.Now().Add(-24*time.Hour))
		err = c.readLogGroup(env, query, take)
	default:
		err = c.readFiles(env, take)
	}
	if err != nil {
		return err
	}
	if rows = audit.Join(rows); len(rows) == 0 {
		return failed("no line of the log is about that")
	}
	return c.print(env, query, rows)
}

// readFiles reads logs of any length, line by line.
func (c whoCmd) readFiles(env *environment, take func(audit.Row)) error {
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	for _, path := range c.Files {
		log := io.NopCloser(env.stdin)
		if path != "-" {
			var err error
			if log, err = os.Open(path); err != nil {
				return err
			}
		}
		err := audit.Read(log, take)
		log.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// readLogGroup reads at CloudWatch. Its filter selects too many lines, since it can't look into a batch.
func (c whoCmd) readLogGroup(env *environment, query audit.Query, take func(audit.Row)) error {
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
			return noAnswer("--log-group: %w", err)
		}
		for _, event := range page.Events {
			for _, r := range audit.Parse([]byte(aws.ToString(event.Message))) {
				take(r)
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
	table := [][]string{{"TIME", "SOURCE", "REF", "ACTOR", "DELIVERY", "KEY", "CALL", "AGENT", "STATUS", "OUTCOME", "REQUEST"}}
	for _, r := range rows {
		if c.JSON {
			if err := env.printJSON(r); err != nil {
				return err
			}
			continue
		}
		key := ""
		if r.Key != nil {
			key = strconv.Itoa(*r.Key)
		}
		table = append(table, []string{
			r.Time.UTC().Format(time.RFC3339), r.Source, r.Ref, r.Actor, r.DeliveryID, key, r.CallID, r.AgentUser, r.Disposition,
			string(r.Outcome) + textIf(r.Redelivery > 0, " (redelivery %d)", r.Redelivery), r.RequestID,
		})
	}
	if c.JSON {
		return nil
	}
	if err := printTable(env.stdout, table); err != nil {
		return err
	}
	fmt.Fprintln(env.stdout)
	for _, sentence := range audit.Summary(query, rows) {
		fmt.Fprintln(env.stdout, printable(sentence))
	}
	return nil
}
