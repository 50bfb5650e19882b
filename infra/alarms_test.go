package infra_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A metric is what one alarm or filter names.
type metric struct {
	namespace, name string
	dimensions      []string
}

// ours is the namespace of what the filters count; each stack has its own.
const ours = "vicihook/${AWS::StackName}"

func readMetric(o object) metric {
	m := metric{namespace: text(o["Namespace"]), name: text(o["MetricName"])}
	for _, dimension := range list(o["Dimensions"]) {
		m.dimensions = append(m.dimensions, text(at(dimension)["Name"]))
	}
	return m
}

// text is a string, or what a Sub says before it is filled in.
func text(v any) string {
	if sub, ok := v.(object); ok {
		v = sub["Fn::Sub"]
	}
	s, _ := v.(string)
	return s
}

// metrics are those that an alarm looks at.
func metrics(alarm object) []metric {
	if alarm["MetricName"] != nil {
		return []metric{readMetric(alarm)}
	}
	var all []metric
	for _, query := range list(alarm["Metrics"]) {
		if m := at(query, "MetricStat", "Metric"); len(m) > 0 {
			all = append(all, readMetric(m))
		}
	}
	return all
}

// counted gives the filters' dimensions by the metric that they count.
func counted(t *testing.T, c cloudFormation) map[string][]string {
	t.Helper()
	dimensions := map[string][]string{}
	for _, name := range c.ofType(t, "AWS::Logs::MetricFilter") {
		for _, transformation := range list(c.properties(name)["MetricTransformations"]) {
			m := at(transformation)
			if text(m["MetricNamespace"]) != ours {
				t.Errorf("%s counts in %v, where another stack's counts would mix with it", name, m["MetricNamespace"])
			}
			keys := []string{}
			for _, dimension := range list(m["Dimensions"]) {
				keys = append(keys, text(at(dimension)["Key"]))
			}
			if dimensions[text(m["MetricName"])] != nil {
				t.Errorf("two filters count %s", text(m["MetricName"]))
			}
			dimensions[text(m["MetricName"])] = keys
		}
	}
	return dimensions
}

func TestOnlyDeliveriesHaveDimensionsAndTheyAreSourceAndOutcome(t *testing.T) {
	for name, dimensions := range counted(t, readTemplate(t, "../template.yaml")) {
		var want []string
		if name == "Deliveries" {
			want = []string{"source", "outcome"}
		}
		if !slices.Equal(dimensions, want) {
			t.Errorf("%s has the dimensions %v: each value is a metric with a price of its own", name, dimensions)
		}
	}
}

func TestEveryAlarmTellsSomebodyAndReadsAMetricThatExists(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	filters := counted(t, c)
	for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
		alarm := c.properties(name)
		if !reflect.DeepEqual(alarm["AlarmActions"], []any{object{"Ref": "AlarmTopic"}}) {
			t.Errorf("%s tells nobody", name)
		}
		if alarm["TreatMissingData"] != "notBreaching" || text(alarm["AlarmDescription"]) == "" {
			t.Errorf("%s rings when nothing comes, or says nothing", name)
		}
		looked := metrics(alarm)
		if len(looked) == 0 {
			t.Errorf("%s looks at nothing", name)
		}
		for _, m := range looked {
			dimensions, counts := filters[m.name]
			switch {
			case m.namespace == ours && (!counts || len(dimensions)+len(m.dimensions) > 0):
				t.Errorf("%s looks at %s, which no filter counts without dimensions", name, m.name)
			case m.namespace != ours && len(m.dimensions) == 0:
				t.Errorf("%s looks at %s of the whole account", name, m.name)
			}
		}
	}
}

func TestEveryAlarmStandsOnTheDashboardAndInTheDocumentation(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	page, err := os.ReadFile("operate.md")
	if err != nil {
		t.Fatal(err)
	}
	body := text(c.properties("Dashboard")["DashboardBody"])
	for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
		if !strings.Contains(body, "${"+name+".Arn}") {
			t.Errorf("%s does not stand on the dashboard", name)
		}
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("operate.md does not say what %s means", name)
		}
	}
	filled := inSub.ReplaceAllString(strings.ReplaceAll(body, "${RequestBudget}", "4000"), "x")
	if !json.Valid([]byte(filled)) {
		t.Error("the dashboard's body is no JSON")
	}
}

// A deployment is judged by its own version alone: neither by the version before, nor by what strangers send.
func TestADeploymentIsRolledBackByAlarmsOnItsOwnVersion(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	alarms := list(at(function(t), "DeploymentPreference")["Alarms"])
	if len(alarms) != 2 {
		t.Fatalf("the deployment looks at %d alarms", len(alarms))
	}
	for _, reference := range alarms {
		name := text(at(reference)["Ref"])
		if !strings.Contains(text(c.properties(name)["AlarmName"]), "${VicihookFunction.Version.Version}") {
			t.Errorf("%s keeps its name, so one that rings for the version before stops the deployment of its mend", name)
		}
		m := metrics(c.properties(name))[0]
		if !slices.Contains(m.dimensions, "ExecutedVersion") && !strings.HasSuffix(m.name, "${VicihookFunction.Version.Version}") {
			t.Errorf("%s looks at %s of every version", name, m.name)
		}
	}
}
