package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// newCloudFormation starts a server that answers DescribeStacks, in AWS's Query protocol, with the outputs of one stack.
func newCloudFormation(t *testing.T, name string, outputs map[string]string) {
	t.Helper()
	type output struct{ OutputKey, OutputValue string }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		if r.FormValue("Action") != "DescribeStacks" || r.FormValue("Version") != "2010-05-15" || r.FormValue("StackName") != name {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id %s does not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>`, r.FormValue("StackName"))
			return
		}
		var members []output
		for key, value := range outputs {
			members = append(members, output{key, value})
		}
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName   xml.Name `xml:"DescribeStacksResponse"`
			Xmlns     string   `xml:"xmlns,attr"`
			StackName string   `xml:"DescribeStacksResult>Stacks>member>StackName"`
			Status    string   `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
			Created   string   `xml:"DescribeStacksResult>Stacks>member>CreationTime"`
			Outputs   []output `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
		}{Xmlns: "http://cloudformation.amazonaws.com/doc/2010-05-15/", StackName: name, Status: "CREATE_COMPLETE", Created: "2026-01-02T03:04:05Z", Outputs: members})
	}))
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", srv.URL)
}

func TestStackOfDoctor(t *testing.T) {
	localAWS(t)
	newCloudFormation(t, "vicihook-prod", map[string]string{"FunctionLogGroup": "/log", "FunctionName": "vicihook-prod-VicihookFunction-1a2b"})
	asked := newLambda(t, "Unhandled", "{}")
	r := vicihook(t, call{args: args("doctor --stack vicihook-prod")})
	if r.status != statusFailed || !strings.Contains(*asked, "/functions/vicihook-prod-VicihookFunction-1a2b:live/invocations") {
		t.Errorf("asked %s: %+v", *asked, r)
	}
}

func TestStackOfWho(t *testing.T) {
	localAWS(t)
	newCloudFormation(t, "vicihook-prod", map[string]string{"FunctionName": "f", "FunctionLogGroup": "vicihook-prod-FunctionLogGroup-1a2b"})
	var group any
	logs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		group = jsonOf(t, body)["logGroupName"]
		fmt.Fprint(w, `{"events":[{"message":"{\"source\":\"crm\",\"outcome\":\"hungup\",\"time\":\"2999-01-01T00:00:00Z\"}"}]}`)
	}))
	t.Cleanup(logs.Close)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.URL)
	r := vicihook(t, call{args: args("who --stack vicihook-prod")})
	if r.status != statusOK || group != "vicihook-prod-FunctionLogGroup-1a2b" || !strings.Contains(r.stdout, "1 hungup by crm") {
		t.Errorf("asked for %v: %+v", group, r)
	}
}

func TestStackErrors(t *testing.T) {
	localAWS(t)
	newCloudFormation(t, "other", map[string]string{"BucketName": "b"})
	for line, want := range map[string]struct {
		status  int
		printed string
	}{
		"who --stack vicihook-prod":    {statusFailed, "does not exist"},
		"who --stack other":            {statusFailed, "has no output FunctionLogGroup"},
		"doctor --stack other":         {statusFailed, "has no output FunctionName"},
		"doctor --stack vicihook-prod": {statusFailed, "does not exist"},
	} {
		t.Run(line, func(t *testing.T) { vicihook(t, call{args: args(line)}).check(t, want.status, want.printed) })
	}
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:1")
	vicihook(t, call{args: args("who --stack x")}).check(t, statusNoAnswer)
}

func TestStackOutputsAreInTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Properties struct {
				AutoPublishAlias string `yaml:"AutoPublishAlias"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
		Outputs map[string]any `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	if got := template.Resources["VicihookFunction"].Properties.AutoPublishAlias; got != alias {
		t.Errorf("the alias is %q, and doctor asks %q", got, alias)
	}
	for _, name := range []string{functionNameOutput, logGroupOutput} {
		if template.Outputs[name] == nil {
			t.Errorf("template.yaml has no output %s", name)
		}
	}
}
