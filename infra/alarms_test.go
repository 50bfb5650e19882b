package infra_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A metric as an alarm or filter names it.
type metric struct {
	namespace, name string
	dimensions      []string
}

// ours is the namespace of the filters' metrics; each stack has its own.
const ours = "vicihook/${AWS::StackName}"

func readMetric(o object) metric {
	m := metric{namespace: text(o["Namespace"]), name: text(o["MetricName"])}
	for _, dimension := range list(o["Dimensions"]) {
		m.dimensions = append(m.dimensions, text(at(dimension)["Name"]))
	}
	return m
}

// text returns a string, or the template of a Sub.
func text(v any) string {
	if sub, ok := v.(object); ok {
		v = sub["Fn::Sub"]
	}
	s, _ := v.(string)
	return s
}

// insights parses a Metrics Insights query.
var insights = regexp.MustCompile(`^SELECT SUM\((\w+)\) FROM SCHEMA\("([^"]+)", ([\w, ]+)\)`)

// metrics returns the metrics that an alarm watches.
func metrics(alarm object) []metric {
	if alarm["MetricName"] != nil {
		return []metric{readMetric(alarm)}
	}
	var all []metric
	for _, query := range list(alarm["Metrics"]) {
		if m := at(query, "MetricStat", "Metric"); len(m) > 0 {
			all = append(all, readMetric(m))
		}
		if m := insights.FindStringSubmatch(text(at(query)["Expression"])); m != nil {
			all = append(all, metric{namespace: m[2], name: m[1], dimensions: strings.Split(m[3], ", ")})
		}
	}
	return all
}

// counted maps each metric to the dimensions of the filter that counts it.
func counted(t *testing.T, c cloudFormation) map[string][]string {
	t.Helper()
	dimensions := map[string][]string{}
	for _, name := range c.ofType(t, "AWS::Logs::MetricFilter") {
		for _, transformation := range list(c.properties(name)["MetricTransformations"]) {
			m := at(transformation)
			if text(m["MetricNamespace"]) != ours {
				t.Errorf("%s counts in %v, where another stack's counts would mix with it", name, m["MetricNamespace"])
			}
			var keys []string
			for _, dimension := range list(m["Dimensions"]) {
				keys = append(keys, text(at(dimension)["Key"]))
			}
			if _, twice := dimensions[text(m["MetricName"])]; twice {
				t.Errorf("two filters count %s", text(m["MetricName"]))
			}
			dimensions[text(m["MetricName"])] = keys
		}
	}
	return dimensions
}

func TestOnlyDeliveriesHaveDimensions(t *testing.T) {
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

// forCodeDeploy notifies nobody: only CodeDeploy reads it, and FunctionErrorsAlarm covers the same errors.
const forCodeDeploy = "NewVersionErrorsAlarm"

func TestEveryAlarmNotifiesOnAlarmAndOnOK(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
		alarm := c.properties(name)
		topic := any([]any{object{"Ref": "AlarmTopic"}})
		after := topic
		if name == forCodeDeploy {
			topic = nil
		}
		if name == forCodeDeploy || name == "NewVersionFailuresAlarm" { // each deployment creates them again, so they start with OK
			after = nil
		}
		if !reflect.DeepEqual(alarm["AlarmActions"], topic) || !reflect.DeepEqual(alarm["OKActions"], after) {
			t.Errorf("%s notifies %v, and on OK %v", name, alarm["AlarmActions"], alarm["OKActions"])
		}
		if alarm["TreatMissingData"] != "notBreaching" || text(alarm["AlarmDescription"]) == "" {
			t.Errorf("%s rings on missing data, or has no description", name)
		}
	}
}

func TestEveryAlarmReadsAMetricThatExists(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	filters := counted(t, c)
	for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
		looked := metrics(c.properties(name))
		if len(looked) == 0 {
			t.Errorf("%s watches nothing", name)
		}
		for _, m := range looked {
			dimensions, counts := filters[m.name]
			switch {
			case m.namespace == ours && (!counts || !slices.Equal(dimensions, m.dimensions)):
				t.Errorf("%s looks at %s with the dimensions %v, which no filter counts", name, m.name, m.dimensions)
			case m.namespace != ours && len(m.dimensions) == 0:
				t.Errorf("%s looks at %s of the whole account", name, m.name)
			}
		}
	}
}

func TestEveryAlarmIsOnTheDashboardAndDocumented(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	page, err := os.ReadFile("operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, front := range []string{"http", "rest"} {
		d := deployed(t, "../template.yaml", "vicihook", map[string]string{"Front": front, "OwnRedelivery": "true"})
		body := text(d.resolve(c.properties("Dashboard")["DashboardBody"]))
		if !json.Valid([]byte(body)) {
			t.Errorf("the dashboard's body is not JSON:\n%s", body)
		}
		for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
			if !strings.Contains(body, "<"+name+".Arn>") {
				t.Errorf("%s is not on the dashboard", name)
			}
		}
	}
	for _, name := range c.ofType(t, "AWS::CloudWatch::Alarm") {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("operate.md does not explain %s", name)
		}
	}
	without := deployed(t, "../template.yaml", "vicihook", nil)
	if body := text(without.resolve(c.properties("Dashboard")["DashboardBody"])); !json.Valid([]byte(body)) || strings.Contains(body, "Redelivery") {
		t.Errorf("without redelivery the dashboard's body is\n%s", body)
	}
}

// An alarm on the previous version must not stop the deployment of its fix.
func TestRollbackAlarmsWatchTheNewVersionOnly(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	alarms := list(at(function(t), "DeploymentPreference")["Alarms"])
	if len(alarms) != 2 {
		t.Fatalf("the deployment looks at %d alarms", len(alarms))
	}
	for _, reference := range alarms {
		name := text(at(reference)["Ref"])
		if !strings.Contains(text(c.properties(name)["AlarmName"]), "${VicihookFunction.Version.Version}") {
			t.Errorf("%s keeps its name, so one that rings for the version before stops the deployment of its fix", name)
		}
		m := metrics(c.properties(name))[0]
		if !slices.Contains(m.dimensions, "ExecutedVersion") && !strings.HasSuffix(m.name, "${VicihookFunction.Version.Version}") {
			t.Errorf("%s looks at %s of every version", name, m.name)
		}
	}
	if after := c.Resources["NewVersionFailuresAlarm"].(object)["DependsOn"]; !reflect.DeepEqual(after, []any{"Failures", "NewVersionFailures"}) {
		t.Errorf("NewVersionFailuresAlarm is made before its filters: after %v", after)
	}
}

func TestNewVersionAlarmComparesWithTheOldVersion(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	alarm := c.properties("NewVersionFailuresAlarm")
	expression := text(at(list(alarm["Metrics"])[0])["Expression"])
	threshold := number(t, alarm["Threshold"])
	for name, test := range map[string]struct {
		fails, allfails, calls, allcalls float64
		rings                            bool
	}{
		"nothing came":                                   {0, 0, 0, 0, false},
		"all is well":                                    {0, 0, 6, 60, false},
		"one hiccup of VICIdial":                         {1, 1, 6, 60, false},
		"one hiccup in each version":                     {1, 2, 6, 60, false},
		"VICIdial is down for both":                      {6, 60, 6, 60, false},
		"the old version fails more":                     {2, 40, 6, 60, false},
		"the new version fails, the old one does not":    {2, 2, 6, 60, true},
		"the new version fails always, the old at times": {6, 20, 6, 60, true},
		"the old version is no longer called":            {9, 9, 30, 30, false},
	} {
		values := map[string]float64{"fails": test.fails, "allfails": test.allfails, "calls": test.calls, "allcalls": test.allcalls}
		if rings := calculate(t, expression, values) >= threshold; rings != test.rings {
			t.Errorf("%s: rings %v", name, rings)
		}
	}
}
