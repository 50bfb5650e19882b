package infra_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func function(t *testing.T) object {
	t.Helper()
	return readTemplate(t, "../template.yaml").properties("VicihookFunction")
}

func TestTheFunctionsProperties(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	if method := at(c.Resources, "VicihookFunction", "Metadata")["BuildMethod"]; method != "makefile" {
		t.Errorf("the build method is %v: the flags stand in the Makefile", method)
	}
	want := object{
		"Handler": "bootstrap", "Runtime": "provided.al2023", "CodeUri": ".", "Tracing": "Active",
		"AutoPublishAlias": "live", "AutoPublishAliasAllProperties": "true",
		"Architectures": []any{object{"Ref": "Architecture"}},
	}
	for name, value := range want {
		if got := function(t)[name]; !reflect.DeepEqual(got, value) {
			t.Errorf("%s is %v, not %v", name, got, value)
		}
	}
	if resource := at(c.Resources, "VicihookFunction"); resource["UpdateReplacePolicy"] != "Retain" || resource["DeletionPolicy"] != nil {
		t.Error("no version stays to roll back to, or the function stays when its stack goes")
	}
	logging := at(function(t)["LoggingConfig"])
	if logging["LogFormat"] != "JSON" || !reflect.DeepEqual(logging["LogGroup"], object{"Ref": "FunctionLogGroup"}) {
		t.Errorf("the function logs as %v: the metric filters read JSON in FunctionLogGroup", logging)
	}
}

func TestTheAPIsProperties(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	settings := at(c.properties("WebhookApi")["DefaultRouteSettings"])
	for _, limit := range []string{"ThrottlingRateLimit", "ThrottlingBurstLimit"} {
		if at(settings[limit])["Ref"] == nil {
			t.Errorf("the API has no %s", limit)
		}
	}
	events := at(function(t)["Events"])
	if route := at(events, "Webhook", "Properties"); len(events) != 1 || route["Method"] != "POST" || route["Path"] != "/webhooks/{source}" {
		t.Errorf("the function's events are %v: one route, POST /webhooks/{source}", events)
	}
	log := at(c.properties("WebhookApi")["AccessLogSettings"])
	var fields map[string]string
	if err := json.Unmarshal([]byte(log["Format"].(string)), &fields); err != nil || fields["status"] != "$context.status" {
		t.Errorf("the access log's format is not JSON with a status: %v %v", err, fields)
	}
	if disabled := c.properties("WebhookApi")["DisableExecuteApiEndpoint"]; !reflect.DeepEqual(disabled, object{"Fn::If": []any{"ClosesExecuteApi", "true", "false"}}) {
		t.Errorf("an own domain does not close the execute-api endpoint: %v", disabled)
	}
}

func TestLogGroupsHaveTheRetentionParameter(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	for _, name := range c.ofType(t, "AWS::Logs::LogGroup") {
		if days := c.properties(name)["RetentionInDays"]; !reflect.DeepEqual(days, object{"Ref": "LogRetention"}) {
			t.Errorf("%s keeps its lines for %v", name, days)
		}
	}
}

// A changed GenerateSecretString makes CloudFormation overwrite the current secret.
func TestADeploymentNeverChangesAnExistingSecret(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	want := map[string]object{
		"WebhookSecret":  {"SecretStringTemplate": "{}", "GenerateStringKey": "crm", "PasswordLength": "32", "ExcludePunctuation": "true"},
		"VICIdialSecret": {"SecretStringTemplate": `{"user":""}`, "GenerateStringKey": "pass", "PasswordLength": "20", "ExcludePunctuation": "true"},
	}
	for _, name := range c.ofType(t, "AWS::SecretsManager::Secret") {
		resource := at(c.Resources, name)
		if got := c.properties(name)["GenerateSecretString"]; !reflect.DeepEqual(got, any(want[name])) {
			t.Errorf("%s is generated as %v, not %v", name, got, want[name])
		}
		if resource["DeletionPolicy"] != "Retain" || resource["UpdateReplacePolicy"] != "Retain" {
			t.Errorf("%s goes with its stack", name)
		}
		if c.properties(name)["SecretString"] != nil || c.properties(name)["Name"] != nil {
			t.Errorf("%s has a fixed text or name", name)
		}
	}
}

var readVariable = regexp.MustCompile(`env\.[a-z]+\("([A-Z_]+)"`)

// The environment has exactly the variables that the function's configuration reads.
func TestTheEnvironmentHasTheFunctionsSettingsAndNoSecret(t *testing.T) {
	code, err := os.ReadFile("../function/internal/config/config.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, match := range readVariable.FindAllStringSubmatch(string(code), -1) {
		want = append(want, match[1])
	}
	want = slices.DeleteFunc(want, func(name string) bool { return name == "SOURCES_FILE" }) // shipped beside the binary
	want = append(want, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_USE_FIPS_ENDPOINT")         // the SDK's own
	variables := at(function(t), "Environment", "Variables")
	var got []string
	for name := range variables {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the environment holds\n%v, the function reads\n%v", got, want)
	}
	if endpoint := variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"]; endpoint != "" {
		t.Errorf("the endpoint of Secrets Manager is %v: empty is AWS's own", endpoint)
	}
	text, _ := os.ReadFile("../template.yaml")
	if strings.Contains(string(text), "{{resolve:") {
		t.Error("the template resolves a secret into a property")
	}
}

// versionless are parameters that reach the function but not a published version.
var versionless = map[string]string{
	"Architecture":        "another processor is other code, which makes a version by itself",
	"ReservedConcurrency": "belongs to the function, not to a version",
	"DeploymentType":      "says how a version takes over",
	"CertificateArn":      "only whether there is one, with DomainName",
}

// other has a second value for each parameter of a version, and the parameters that it requires.
var other = map[string]map[string]string{
	"VICIdialUrl":       {"VICIdialUrl": "https://dialer.example.com"},
	"VICIdialSecretArn": {"VICIdialSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:account-AbCdEf"},
	"AllowHttp":         {"AllowHttp": "true"},
	"FixedAddresses":    {"FixedAddresses": "2"},
	"SubnetIds":         {"SubnetIds": "subnet-0a0a0a0a,subnet-0b0b0b0b", "SecurityGroupIds": "sg-0c0c0c0c"},
	"SecurityGroupIds":  {"SubnetIds": "subnet-0a0a0a0a", "SecurityGroupIds": "sg-0c0c0c0c,sg-0d0d0d0d"},
	"WebhookSecretArn":  {"WebhookSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys-AbCdEf"},
	"PublicUrl":         {"PublicUrl": "https://hooks.example.com/base"},
	"PreviousKeysFor":   {"PreviousKeysFor": "1h"},
	"RequestBudget":     {"RequestBudget": "2500"},
	"Recheck":           {"Recheck": "false"},
	"DryRun":            {"DryRun": "true"},
	"DomainName":        {"DomainName": "hooks.example.com", "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a"},
	"LogLevel":          {"LogLevel": "DEBUG"},
	"FipsEndpoints":     {"FipsEndpoints": "true"},
	"OwnRedelivery":     {"OwnRedelivery": "true"},
}

// SAM publishes a version when code or text of the function changes, and CloudFormation when VersionDescription does; but
// Lambda publishes none, and the update fails, while the function itself is as it was.
func TestEverySettingChangesVersionAndFunction(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	defaults := settings(deployed(t, "../template.yaml", "vicihook", nil))
	for name := range references(c, c.properties("VicihookFunction")) {
		if _, not := versionless[name]; not {
			continue
		}
		if other[name] == nil {
			t.Errorf("a version holds %s, and nothing here tries another value of it", name)
			continue
		}
		if changed := settings(deployed(t, "../template.yaml", "vicihook", other[name])); changed == defaults {
			t.Errorf("a changed %s would not reach the alias", name)
		}
	}
	one, two := maps.Clone(other["FixedAddresses"]), other["FixedAddresses"]
	one["FixedAddresses"] = "1"
	if settings(deployed(t, "../template.yaml", "vicihook", one)) == settings(deployed(t, "../template.yaml", "vicihook", two)) {
		t.Error("one fixed address and two are one setting")
	}
	if properties := c.properties("VicihookFunction"); !reflect.DeepEqual(properties["Description"], properties["VersionDescription"]) {
		t.Error("a change of VersionDescription alone makes CloudFormation publish a version, and Lambda refuse to")
	}
}

// settings is the description of the function and of its version.
func settings(d deployment) string {
	return text(d.resolve(d.properties("VicihookFunction")["Description"]))
}

var inSub = regexp.MustCompile(`\$\{([A-Za-z]+)\}`)

// references returns the parameters that a value depends on, through conditions too.
func references(c cloudFormation, from any) map[string]bool {
	found := map[string]bool{}
	note := func(name any) {
		if name, _ := name.(string); c.Parameters[name] != nil {
			found[name] = true
		}
	}
	visit(from, func(o object) {
		note(o["Ref"])
		if branches := list(o["Fn::If"]); len(branches) == 3 {
			maps.Copy(found, references(c, c.Conditions[branches[0].(string)]))
		}
		if condition, is := o["Condition"].(string); is {
			maps.Copy(found, references(c, c.Conditions[condition]))
		}
		for _, text := range texts(o["Fn::Sub"]) {
			for _, match := range inSub.FindAllStringSubmatch(text, -1) {
				note(match[1])
			}
		}
	})
	return found
}

// maxDescription is Lambda's limit for the description of a function and of a version.
const maxDescription = 256

func TestTheLongestSettingsFitTheDescription(t *testing.T) {
	parameters := readTemplate(t, "../template.yaml").Parameters
	longest := func(name string, before string) string {
		most := int(number(t, at(parameters, name)["MaxLength"]))
		return before + strings.Repeat("x", most-len(before))
	}
	arn := "arn:aws:secretsmanager:eu-central-1:123456789012:secret:" + strings.Repeat("x", 41) + "-AbCdEf"
	subnet, group := "subnet-"+strings.Repeat("a", 17), "sg-"+strings.Repeat("a", 17)
	all := map[string]string{
		"PublicUrl": longest("PublicUrl", "https://"), "PreviousKeysFor": longest("PreviousKeysFor", ""),
		"WebhookSecretArn": arn, "VICIdialSecretArn": arn, "RequestBudget": "8000", "FipsEndpoints": "true", "OwnRedelivery": "true",
	}
	networks := map[string]map[string]string{
		"VICIdial by its URL": {"VICIdialUrl": longest("VICIdialUrl", "https://")},
		"an own network": {
			"SubnetIds":        subnet + "," + subnet + "," + subnet,
			"SecurityGroupIds": group + "," + group,
		},
	}
	for name, values := range networks {
		maps.Copy(values, all)
		d := deployed(t, "../template.yaml", "vicihook", values)
		if refusals := d.refusals(); refusals != nil {
			t.Fatalf("%s: %v", name, refusals)
		}
		if length := len(settings(d)); length > maxDescription {
			t.Errorf("%s: the description has %d characters, %d above Lambda's limit", name, length, length-maxDescription)
		}
	}
	if domain := number(t, at(parameters, "DomainName")["MaxLength"]); domain > 48 {
		t.Errorf("a domain of %v characters is longer than what a PublicUrl leaves", domain)
	}
}

// Each waits longer than the one inside it, so that the sender gets an outcome and not the gateway's timeout.
func TestEachDeadlineIsShorterThanTheNext(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	timeout := 1000 * number(t, function(t)["Timeout"])
	gateway := number(t, at(function(t), "Events", "Webhook", "Properties")["TimeoutInMillis"])
	if env := at(function(t), "Environment", "Variables")["REQUEST_BUDGET"]; !reflect.DeepEqual(env, object{"Fn::Sub": "${RequestBudget}ms"}) {
		t.Fatalf("REQUEST_BUDGET is %v", env)
	}
	for _, bound := range []string{"Default", "MinValue", "MaxValue"} {
		budget := number(t, at(c.Parameters, "RequestBudget")[bound])
		if !(budget+1000 < timeout && timeout+1000 < gateway && gateway <= 30000) {
			t.Errorf("with RequestBudget's %s: budget %v, Lambda %v, API %v ms: each needs room for what is around it",
				bound, budget, timeout, gateway)
		}
	}
}

func TestOutputs(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	for _, name := range []string{
		"WebhookUrl", "DomainTarget", "EgressAddresses", "WebhookSecretArn", "VICIdialSecretArn", "FunctionName",
		"FunctionLogGroup", "AccessLogGroup", "AlarmTopicArn", "DashboardUrl",
	} {
		output := at(c.Outputs, name)
		if output["Value"] == nil || output["Description"] == nil {
			t.Errorf("there is no Output %s with a description", name)
		}
	}
	if addresses := at(c.Outputs, "EgressAddresses")["Value"]; !reflect.DeepEqual(addresses, object{"Fn::GetAtt": []any{"Network", "Outputs.Addresses"}}) {
		t.Errorf("EgressAddresses is %v", addresses)
	}
	network := readTemplate(t, "network.yaml")
	for _, name := range []string{"SubnetIds", "SecurityGroupId", "Addresses"} {
		if network.Outputs[name] == nil {
			t.Errorf("network.yaml has no Output %s", name)
		}
	}
}
